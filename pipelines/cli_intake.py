"""The verbs that come before a study: `init`, `check`, `deidentify`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli_options import AsJson, Out


def init(
    table: Annotated[Path, typer.Argument(help="A CSV or Parquet table, one row per case.")],
    out: Annotated[Path, typer.Option(help="Where to write the cohort file.")] = Path(
        "cohort.yaml"
    ),
) -> None:
    """Write a first, commented cohort.yaml from a table's columns."""
    from clinmm.cohort.first_draft import draft_cohort
    from clinmm.errors import InputError
    from pipelines.screen import console

    if out.exists():
        raise InputError(f"{out} is there already. Name another file with --out.")
    text = draft_cohort(table, out)
    out.write_text(text, encoding="utf-8")
    console.print(f"Wrote {out}. Read its comments, correct it, then: clinmm check {out}")


def check(
    file: Annotated[Path, typer.Argument(help="A cohort file, or a study config.")],
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Look a cohort over: every problem in one table. Exit 1 if an error stands."""
    from pipelines import check as pipeline
    from pipelines.screen import progress, show_json

    with progress(json) as tell:
        findings, stands = pipeline.check_file(file, out, tell)
    if json:
        show_json(findings)
    else:
        from clinmm.intake.show import show_findings
        from pipelines.screen import console

        console.print(show_findings(findings))
    raise typer.Exit(1 if stands else 0)


def deidentify(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT.yaml", help="A cohort file.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the copy.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="File that says who is who, outside the copy; a new one beside it if left out."
        ),
    ] = None,
    ocr: Annotated[
        bool, typer.Option(help="Look for burned-in text in pixels; needs the extra `ocr`.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Write a copy without what identifies a person, and check it. Exit 1 if an error stands."""
    from clinmm.intake.show import show_findings
    from pipelines import deidentify as pipeline
    from pipelines.screen import console, progress, show_json

    with progress(json) as tell:
        evidence, findings = pipeline.main(cohort, out, key, look_at_pixels=ocr, tell=tell)
    if json:
        show_json(evidence)
    else:
        console.print(show_findings(findings))
        key = key or out.parent / f"{out.name}.key.json"
        console.print(f"Wrote {out}. Keep apart from it, and safe: {key}", soft_wrap=True)
    raise typer.Exit(1 if (findings["severity"] == "error").any() else 0)
