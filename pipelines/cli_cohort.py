"""`clinmm cohort ...`: a cohort from what a hospital or a registry already has."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli_options import AsJson

app = typer.Typer(
    no_args_is_help=True,
    help="""Make a cohort from DICOM, FHIR R4, MEDS or MedMNIST: its table and its cohort.yaml.

    Read the comments of the cohort.yaml, correct what is marked CHECK, then:
    [bold]clinmm check OUT/cohort.yaml[/bold]""",
)

Out = Annotated[Path, typer.Option("--out", help="A new or empty folder to write.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Also write which patient is behind which number, to a file outside OUT.",
    ),
]
FullDates = Annotated[
    bool,
    typer.Option(
        "--full-dates",
        help="Write days and times. Otherwise the year alone: full dates identify people.",
    ),
]
Copy = Annotated[
    bool,
    typer.Option(
        "--copy", help="Copy pictures. Otherwise hard links, which take no room, where possible."
    ),
]
Top = Annotated[int, typer.Option(min=1, help="Columns of the record at most.")]


@app.command("from-dicom")
def from_dicom(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="DICOM files, however nested.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="CSV or Parquet with one row per file, series, study or patient.",
        ),
    ] = None,
    out: Out = Path("cohort"),
    match: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column of TABLE to match by; found by its values if left out.",
        ),
    ] = None,
    key: Key = None,
    full_dates: FullDates = False,
    copy: Copy = False,
    json: AsJson = False,
) -> None:
    """One case per picture, or per CT, MR or PET series, from the headers alone.

    Labels are matched by file path, SOPInstanceUID, SeriesInstanceUID, AccessionNumber,
    StudyInstanceUID or PatientID, whichever a column of TABLE holds.
    """
    options = {"match": match, "full_dates": full_dates, "copy": copy, "key": key}
    _make(
        lambda pipeline, tell: pipeline.from_dicom(folder, labels, out, tell=tell, **options), json
    )


@app.command("from-fhir")
def from_fhir(
    bundles: Annotated[
        list[Path],
        typer.Argument(metavar="BUNDLE...", help="JSON or NDJSON files of FHIR R4, or folders."),
    ],
    out: Out = Path("cohort"),
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="DICOM files that ImagingStudy resources name."),
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0, help="From an encounter's beginning to the prediction.")
    ] = 24,
    top: Top = 50,
    key: Key = None,
    full_dates: FullDates = False,
    copy: Copy = False,
    json: AsJson = False,
) -> None:
    """One case per Encounter, else per ImagingStudy, else per Patient.

    Reads Patient, Observation, Condition, DiagnosticReport, DocumentReference and ImagingStudy.
    """
    options = {"images": images, "hours": hours, "top": top, "key": key}
    options |= {"full_dates": full_dates, "copy": copy}
    _make(lambda pipeline, tell: pipeline.from_fhir(bundles, out, tell=tell, **options), json)


@app.command("from-meds")
def from_meds(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A MEDS dataset, with data/.")],
    label: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Labels in MEDS's label schema: a file or a folder."),
    ],
    out: Out = Path("cohort"),
    codes: Annotated[
        str, typer.Option(help="Codes for the record, joined by commas; the commonest if empty.")
    ] = "",
    top: Top = 50,
    key: Key = None,
    full_dates: FullDates = False,
    json: AsJson = False,
) -> None:
    """One case per label: the last value of each code up to the prediction time."""
    chosen = [code for code in codes.split(",") if code] or None
    options = {"codes": chosen, "top": top, "key": key, "full_dates": full_dates}
    _make(lambda pipeline, tell: pipeline.from_meds(folder, label, out, tell=tell, **options), json)


@app.command("from-npz")
def from_npz(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A MedMNIST file, .npz.")],
    out: Out = Path("cohort"),
    classes: Annotated[
        str, typer.Option(help="Names of the labels 0, 1, ..., joined by commas.")
    ] = "",
    json: AsJson = False,
) -> None:
    """One case per picture or small volume, with the split that was published.

    Reads the arrays train_images, train_labels, val_images, ... and writes each picture to a file.
    """
    names = [name.strip() for name in classes.split(",") if name.strip()] or None
    _make(lambda pipeline, tell: pipeline.from_npz(file, out, classes=names, tell=tell), json)


def _make(make: Callable[[Any, Any], Any], json: bool) -> None:
    from pipelines import cohort as pipeline
    from pipelines.screen import console, progress, show_json

    with progress(json) as tell:
        made = make(pipeline, tell)
    if json:
        show_json({"cohort": made.file, "counts": made.counts, "remarks": made.remarks})
        return
    width = len(f"{max(made.counts.values(), default=0):,}")
    for what, count in made.counts.items():
        console.print(f"{count:>{width},}  {what}", highlight=False, markup=False, soft_wrap=True)
    for remark in made.remarks:
        console.print(remark, style="dim", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"\nWrote {made.file}. Correct what is marked CHECK, then: clinmm check {made.file}",
        soft_wrap=True,
    )
