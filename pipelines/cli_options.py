"""Options that several verbs share. Nothing heavy is imported here."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", help="Folder to write to.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]

_FILE = "Predictions from a file"
OptionalRun = Annotated[Path | None, typer.Argument(metavar="[RUN]", help="A run folder.")]
Predictions = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Instead of a run: anybody's predictions, CSV or Parquet, one row per case and class. "
        "Columns case_id, patient_id, class_name, target (0, 1, empty), probability; optional "
        "split (calibrate, test) and decision (0, 1); any others to group by. Goes with --out.",
        rich_help_panel=_FILE,
    ),
]
GroupBy = Annotated[
    str,
    typer.Option(metavar="NAMES", help="Columns to look at apart, such as sex,age,sex*age."),
]
Depth = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Also every intersection of up to N of the columns: 2 adds sex*age to sex,age.",
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER|CSV",
        help="Call a case at or above this probability, taken as it is: one number, or a CSV of "
        "class_name, threshold.",
        rich_help_panel=_FILE,
    ),
]
Calibrate = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Set this share of the patients aside at random. Calibrators, thresholds, prediction "
        "sets and deferral are fitted on them and judged on the others.",
        rich_help_panel=_FILE,
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--operating-point",
        metavar="NAME=POLICY",
        help="A threshold chosen on the calibration patients, such as screening=sensitivity:.9; "
        "policies: youden, sensitivity, specificity, cost_ratio, net_benefit, value. Repeat it "
        "for several. Left out: youden.",
        rich_help_panel=_FILE,
    ),
]
Coverage = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="Share of the patients whose prediction set is to hold the truth.",
        rich_help_panel=_FILE,
    ),
]
Defer = Annotated[
    str,
    typer.Option(
        metavar="RULE:VALUE",
        help="Hand back the least certain share:.2, or as few as bring the wrong calls among the "
        "kept down to risk:.05. Used only if it is shown to help.",
        rich_help_panel=_FILE,
    ),
]
Prevalence = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS=SHARE",
        help="Prevalence where the model will be used, such as pneumonia=.05: PPV and NPV are also "
        "given there. Repeat it for several classes.",
        rich_help_panel=_FILE,
    ),
]
Exclusive = Annotated[
    bool | None,
    typer.Option(
        "--exclusive/--not-exclusive",
        help="Whether every case belongs to exactly one class. Left out: if every case has one "
        "positive target and probabilities that sum up to 1.",
        rich_help_panel=_FILE,
    ),
]
Ordered = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Exclusive classes from lowest to highest, such as mild,moderate,severe.",
        rich_help_panel=_FILE,
    ),
]
Seed = Annotated[int, typer.Option(help="Of every random draw.", rich_help_panel=_FILE)]

OF_FILE = (
    *("threshold", "calibrate", "operating_point", "coverage", "defer"),
    *("prevalence", "exclusive", "ordered", "seed"),
)
"""Names of those that say something only of predictions from a file."""


def typed(context: typer.Context, options: tuple[str, ...]) -> list[str]:
    """Those of the options that were given on the command line, as they are written."""
    given = []
    for name in options:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            given.append(f"--{name.replace('_', '-')}")
    return given


def names(text: str) -> list[str]:
    """The parts of a list joined by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
