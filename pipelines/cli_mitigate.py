"""The verb `mitigate`."""

from typing import Annotated

import typer

from pipelines.cli_options import AsJson, RunFolder, names


def mitigate(
    run: RunFolder,
    attribute: Annotated[
        str | None,
        typer.Option(help="A sensitive column, or several joined by *; else the largest gap's."),
    ] = None,
    methods: Annotated[
        str, typer.Option(help="Joined by commas: clinmm list mitigations. All if left out.")
    ] = "",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Trainings of each method, and of plain training.")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(metavar="trade_off|worst_group|pooled", help="How one is chosen on validate."),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(min=0, help="How much of the pooled metric may be lost.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="What is to be gained, such as auroc.")] = None,
    json: AsJson = False,
) -> None:
    """Serve the worst-served group better, if that can be shown: methods against plain training.

    Every method is trained as often as plain training, from the same seeds, in every fold of
    repeat 0; goes on where it stopped. What is left out is as the run's config says.

    [bold]clinmm mitigate RUN --attribute sex --methods group_dro,balanced_sampling[/bold]
    """
    from clinmm.fairness.mitigating.sentence import notice, sentence
    from clinmm.fairness.mitigating.shown import MARK, shown
    from pipelines import mitigate as pipeline
    from pipelines.screen import console, progress, show, show_json

    options = {
        "attribute": attribute,
        "methods": names(methods) or None,
        "seeds": seeds,
        "rule": rule,
        "margin": margin,
        "metric": metric,
    }
    with progress(json) as tell:
        table = pipeline.main(run, tell, options)
    if json:
        show_json(table)
        return
    show(
        shown(table),
        f"{table['group_by'].iloc[0]}: methods against plain training, test patients",
        "Difference from plain training with its 95 % interval; the same patients.",
    )
    console.print(sentence(table), soft_wrap=True, highlight=False, markup=False)
    if said := notice(table):
        console.print(f"{MARK} {said}", soft_wrap=True, highlight=False, markup=False)
