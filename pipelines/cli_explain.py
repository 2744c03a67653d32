"""The verb `explain`."""

from typing import Annotated

import typer

from pipelines.cli_options import AsJson, RunFolder, names


def explain(
    run: RunFolder,
    cases: Annotated[
        str,
        typer.Option(
            help="Case ids, joined by commas: these are explained beside those that are there, and "
            "each also as a PNG and an HTML page in RUN/figures. If empty, a choice of cases is "
            "explained in place of those that are there."
        ),
    ] = "",
    class_name: Annotated[
        str,
        typer.Option("--class", help="Only these classes, joined by commas. Goes with --cases."),
    ] = "",
    rather_than: Annotated[
        str,
        typer.Option(
            metavar="CLASS", help="Why the classes rather than this one. Goes with --cases."
        ),
    ] = "",
    method: Annotated[
        str,
        typer.Option(
            help="Only these methods, joined by commas: clinmm list attributions. Goes with "
            "--cases; what was not audited is withheld."
        ),
    ] = "",
    json: AsJson = False,
) -> None:
    """Why the model said so: every input on one scale, audited; what does not pass is withheld.

    [bold]clinmm explain RUN[/bold]   a choice of cases, and the audit; goes on where it stopped

    [bold]clinmm explain RUN --cases a,b --class effusion --rather-than consolidation[/bold]
    """
    from clinmm.errors import InputError
    from clinmm.explain.display import Asked
    from clinmm.runs import Run
    from clinmm.summary import explained
    from pipelines import explain as pipeline
    from pipelines.screen import console, progress, show_json

    chosen = names(cases)
    if cases and not chosen:
        raise InputError(f"--cases '{cases}' names no case. Give case ids, joined by commas.")
    asked = Asked(tuple(names(method)), tuple(names(class_name)), rather_than or None)
    if asked != Asked() and not chosen:
        raise InputError(
            "--class, --rather-than and --method go with --cases. What is explained of every case "
            "is said in the config, under explain."
        )
    with progress(json) as tell:
        table = pipeline.main(run, tell, chosen or None, asked)
        figures = pipeline.figures(run, chosen, asked)
    if json:
        show_json(table)
        return
    console.print(f"explain: {table['case_id'].nunique()} cases, see {run}", soft_wrap=True)
    for file in figures:
        console.print(str(file), highlight=False, soft_wrap=True)
    if line := explained(Run.open(run)):
        console.print(line, highlight=False, soft_wrap=True)
