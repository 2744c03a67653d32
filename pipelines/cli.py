"""The command line. Heavy libraries are imported by the verb that needs them."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinmm import __version__
from clinmm.registry import FAMILIES
from pipelines import cli_intake
from pipelines.cli_cohort import app as cohort_app
from pipelines.cli_explain import explain
from pipelines.cli_mitigate import mitigate
from pipelines.cli_options import (
    OF_FILE,
    AsJson,
    Calibrate,
    Coverage,
    Defer,
    Depth,
    Exclusive,
    GroupBy,
    OptionalRun,
    Ordered,
    Out,
    Points,
    Predictions,
    Prevalence,
    RunFolder,
    Seed,
    Threshold,
    names,
    typed,
)
from pipelines.cli_reading import app as reading_app

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Threads that wait for each other on busy cores cost small nets five times their work.
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))

NOTICE = "For research and review use; not for use in patient care."

app = typer.Typer(
    name="clinmm",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Studies from images, notes, records and signals that can be trusted or refused.

    Begin with [bold]clinmm demo[/bold], then [bold]clinmm init TABLE[/bold] for your own data,
    [bold]clinmm run CONFIG.yaml[/bold], and [bold]clinmm review RUN[/bold].

    {NOTICE}""",
)

app.add_typer(cohort_app, name="cohort")
app.add_typer(reading_app, name="reading")


def _began(stage: str) -> None:
    from pipelines.screen import errors

    errors.print(f"[bold]{stage}[/bold]")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="A new folder for the cohort and the run.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(help="Of the phantom and the training.")] = 0,
    ct: Annotated[
        bool, typer.Option("--ct", help="CT volumes instead of radiographs: a smaller cohort.")
    ] = False,
    json: AsJson = False,
) -> None:
    """A complete study on an invented cohort, with planted flaws: about 10 minutes."""
    from pipelines import demo as pipeline
    from pipelines.screen import console, progress, show, show_json
    from pipelines.show_run import show_run

    with progress(json) as tell:
        began = (lambda stage: None) if json else _began
        run, table = pipeline.main(out, seed, tell, began, "ct" if ct else "dx")
    if json:
        show_json({"run": str(run.folder), "found": table.to_dict("records")})
        return
    show_run(run.folder)
    show(table, "Planted and found")
    console.print(f"\nOpen it:   clinmm review {run.folder}", soft_wrap=True)
    console.print(f"Read it:   {run.folder / 'report.html'}", soft_wrap=True)


for verb in (cli_intake.init, cli_intake.check, cli_intake.deidentify):
    app.command()(verb)


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="A study config, or a shipped study's name.")],
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Settings to change.")
    ] = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Every stage of a study; goes on where it stopped."""
    from clinmm.config import load_config
    from pipelines import run as pipeline
    from pipelines.screen import console, progress, show_json
    from pipelines.show_run import show_run

    loaded = load_config(config, settings)
    folder = out or Path("runs") / Path(config).stem
    with progress(json) as tell:
        made = pipeline.main(loaded, folder, tell, (lambda stage: None) if json else _began)
    if json:
        show_json({"run": str(made.folder), "stages": made.facts["stages"]})
        return
    show_run(made.folder)
    console.print(f"\nOpen it:   clinmm review {made.folder}", soft_wrap=True)
    console.print(f"Read it:   {made.folder / 'report.html'}", soft_wrap=True)


def _stage(name: str, folder: Path, json: bool, **options: Any) -> None:
    from pipelines.run import STAGE_MAINS
    from pipelines.screen import console, progress, show_json

    with progress(json) as tell:
        result: Any = STAGE_MAINS[name](folder, tell, **options)
    if json:
        show_json(result)
    else:
        console.print(f"{name}: done, see {folder}")


@app.command()
def train(run: RunFolder, json: AsJson = False) -> None:
    """Train every arm in every fold; goes on where it stopped."""
    _stage("train", run, json)


@app.command()
def calibrate(run: RunFolder, json: AsJson = False) -> None:
    """Calibrate the probabilities and choose thresholds, on patients that are not test."""
    _stage("calibrate", run, json)


@app.command()
def evaluate(
    context: typer.Context,
    run: OptionalRun = None,
    predictions: Predictions = None,
    cohort: Annotated[
        Path | None,
        typer.Option(
            metavar="COHORT.yaml",
            help="External validation of RUN: predict and score this labelled cohort, and say "
            "whether the model transfers. Goes with --out.",
        ),
    ] = None,
    out: Out = None,
    group_by: GroupBy = "",
    threshold: Threshold = None,
    calibrate: Calibrate = None,
    operating_point: Points = None,
    coverage: Coverage = 0.9,
    defer: Defer = "share:.2",
    prevalence: Prevalence = None,
    exclusive: Exclusive = None,
    ordered: Ordered = "",
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Score the test patients of RUN, another cohort (--cohort), or anybody's predictions.

    [bold]clinmm evaluate RUN[/bold]

    [bold]clinmm evaluate RUN --cohort OTHER.yaml --out DIR[/bold]

    [bold]clinmm evaluate --predictions FILE --out DIR --calibrate .3 --group-by sex,age[/bold]
    """
    _evaluate_or_audit("evaluate", context)


@app.command()
def audit(
    context: typer.Context,
    run: OptionalRun = None,
    predictions: Predictions = None,
    out: Out = None,
    group_by: GroupBy = "",
    depth: Depth = None,
    threshold: Threshold = None,
    calibrate: Calibrate = None,
    operating_point: Points = None,
    coverage: Coverage = 0.9,
    defer: Defer = "share:.2",
    prevalence: Prevalence = None,
    exclusive: Exclusive = None,
    ordered: Ordered = "",
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Whom the model serves worse: who is there, every number by group, the gaps, and a verdict.

    [bold]clinmm audit RUN --group-by sex,age --depth 2[/bold]

    [bold]clinmm audit --predictions FILE --out DIR --group-by sex,age[/bold]
    """
    _evaluate_or_audit("audit", context)


def _evaluate_or_audit(stage: str, context: typer.Context) -> None:
    """Does what the options of `evaluate` or `audit` ask for, once they agree with each other."""
    from clinmm.errors import InputError

    asked = context.params
    run, file, cohort, out = (asked.get(k) for k in ("run", "predictions", "cohort", "out"))
    group_by, json = names(asked["group_by"]), asked["json"]
    problems = []
    if (run is None) == (file is None):
        problems.append(f"give a RUN, or --predictions FILE --out DIR: clinmm {stage} --help")
    elif run is not None and (of_file := typed(context, OF_FILE)):
        problems.append(f"{', '.join(of_file)}: go with --predictions; a RUN has its own config.")
    if run is not None and group_by and stage == "evaluate":
        problems.append("groups go with --predictions, or with: clinmm audit RUN --group-by sex")
    if file is not None and cohort is not None:
        problems.append("--cohort goes with a RUN, not with --predictions.")
    if (file or cohort) and out is None:
        problems.append("name the folder to write with --out DIR.")
    if out is not None and not (file or cohort):
        problems.append("--out goes with --predictions or --cohort; without, RUN is written.")
    if problems:
        raise InputError(problems)
    from pipelines import cli_scoring
    from pipelines.show_run import show_run

    if file is not None:
        cli_scoring.score_file(asked, group_by)
    elif cohort is not None:
        cli_scoring.validate(run, cohort, out, json)
    elif stage == "audit":
        _stage(stage, run, json, group_by=group_by or None, depth=asked["depth"])
    else:
        _stage(stage, run, json)
    if not json:
        show_run(out or run)


app.command()(mitigate)


app.command()(explain)


@app.command()
def report(run: RunFolder, json: AsJson = False) -> None:
    """Write report.html: the study in one file."""
    _stage("report", run, json)


@app.command()
def predict(
    run: RunFolder,
    cohort: Annotated[Path, typer.Argument(help="A cohort file; targets may be empty.")],
    out: Annotated[Path, typer.Option(help="A new folder for the predictions.")],
    json: AsJson = False,
) -> None:
    """Predict new cases with a finished study."""
    from pipelines import predict as pipeline
    from pipelines.screen import console, progress, show_json

    with progress(json) as tell:
        made = pipeline.main(run, cohort, out, tell)
    if json:
        show_json(made.read("predictions"))
        return
    console.print(f"{made.facts['n_cases']} cases by {made.facts['predicted_by']}: see {out}")


@app.command()
def review(
    run: RunFolder,
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL; a file in the run folder if left out.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="A free one if left out.")] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen; other than this machine's own address needs --sign-in.",
        ),
    ] = "127.0.0.1",
    sign_in: Annotated[
        bool,
        typer.Option(
            "--sign-in", help="Ask for a password; people are added with: clinmm reading people."
        ),
    ] = False,
    people: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Who may sign in; clinmm/people.json in your configuration if left out.",
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="XX", help="Of the pages; English if left out.")
    ] = None,
) -> None:
    """Open the reading room: review cases blind-first, then see the model.

    [bold]clinmm review RUN[/bold] on this machine alone, without passwords.

    [bold]clinmm review RUN --sign-in[/bold] for a team; behind a reverse proxy with TLS, or with
    --host.
    """
    from pipelines import review as pipeline

    pipeline.main(run, database, port, host, sign_in, people, language)


@app.command("list")
def list_members(
    family: Annotated[str, typer.Argument(help=f"One of: {', '.join(FAMILIES)}.")],
    json: AsJson = False,
) -> None:
    """What there is of a family, one line each."""
    from clinmm import registry
    from pipelines.screen import console, show_json

    members = registry.describe(family.replace("-", "_"))
    if json:
        show_json(members)
        return
    width = max(map(len, members), default=0)
    for name, line in members.items():
        console.print(f"[bold]{name.ljust(width)}[/bold]  {line}", highlight=False, soft_wrap=True)


def main() -> None:
    """Runs the command line; what clinmm refuses ends with its message and code."""
    from clinmm.errors import ClinmmError

    try:
        app()
    except ClinmmError as problem:
        from pipelines.screen import stop_with

        stop_with(problem, problem.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. The same command goes on where it stopped.\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
