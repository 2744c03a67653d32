"""`clinmm reading ...`: reading studies, from the protocol to the labels."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli_options import AsJson, RunFolder

app = typer.Typer(
    no_args_is_help=True,
    help="""Several readers judge cases of a run, blind first, and then with the model.

    [bold]clinmm reading new RUN PROTOCOL.yaml[/bold], then everybody reads in
    [bold]clinmm review RUN --sign-in[/bold], then [bold]clinmm reading results RUN[/bold].""",
)
people_app = typer.Typer(
    no_args_is_help=True,
    help="""Who may sign in. Names and hashes of passwords are kept outside every run folder.

    [bold]clinmm reading people add "Dr. Ada"[/bold], then
    [bold]clinmm review RUN --sign-in[/bold]""",
)
app.add_typer(people_app, name="people")

Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="SQLAlchemy URL of the readings; a file in the run folder if left out.",
    ),
]
Study = Annotated[
    str, typer.Option("--study", metavar="NAME", help="Name of the reading study; see list.")
]
OneOrAll = Annotated[
    str | None,
    typer.Option("--study", metavar="NAME", help="One reading study; all of the run if left out."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder to write.")]
PeopleFile = Annotated[
    Path | None,
    typer.Option(
        "--people",
        metavar="FILE",
        help="Where people are kept; clinmm/people.json in your configuration if left out.",
    ),
]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from stdin, for scripts, unasked."),
]
PersonName = Annotated[
    str, typer.Argument(metavar="NAME", help="As the protocol of a study names the person.")
]


@app.command()
def new(
    run: RunFolder,
    protocol: Annotated[
        Path, typer.Argument(metavar="PROTOCOL.yaml", help="Which cases, readers, order and mode.")
    ],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who makes it.")] = "command line",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
    ] = False,
    database: Database = None,
) -> None:
    """Make a reading study of a run: draws the cases and deals them to the readers.

    [bold]clinmm reading new runs/demo PROTOCOL.yaml --dry-run[/bold]

    A study that was made is not changed; examples of protocols are in configs/reading.
    """
    from pipelines.reading import new as pipeline

    pipeline.main(run, protocol, database, by, dry_run)


@app.command("list")
def list_studies(run: RunFolder, database: Database = None, json: AsJson = False) -> None:
    """The reading studies of a run, and how far each has come."""
    from pipelines.reading import listing

    listing.main(run, database, json)


@app.command()
def results(run: RunFolder, study: OneOrAll = None, database: Database = None) -> None:
    """How good readers are alone, with the model, and the model alone; how far they agree.

    Writes readings, reading_results and reading_agreement into the run.

    [bold]clinmm reading results runs/demo --study "First reading"[/bold]
    """
    from pipelines.reading import results as pipeline

    pipeline.main(run, study, database)


@app.command()
def labels(
    run: RunFolder,
    study: Study,
    out: Out,
    others: Annotated[
        Literal["keep", "drop"],
        typer.Option(help="Cases not in the study: keep the recorded label, or drop the case."),
    ] = "keep",
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Write the cohort anew with the final labels, so that reviewing feeds training.

    [bold]clinmm reading labels runs/demo --study "First reading" --out reviewed[/bold]

    [bold]clinmm check reviewed/cohort.yaml[/bold]
    """
    from pipelines.reading import labels as pipeline
    from pipelines.screen import console, show_json

    made = pipeline.main(run, study, out, others, database)
    if json:
        show_json(made.__dict__)
        return
    for what, count in made.counts.items():
        said = "left empty" if what == "none" else what
        console.print(f"{count:>7,}  labels {said}", highlight=False)
    console.print(f"{made.changed:>7,}  of them differ from what was recorded", highlight=False)
    if made.seen_model:
        console.print(
            "\nThe final answers were given after the model was seen: do not score this model "
            "against them.",
            style="yellow",
            soft_wrap=True,
        )
    console.print(f"\nWrote {made.file}. Next: clinmm check {made.file}", soft_wrap=True)


@app.command("export")
def export(
    run: RunFolder,
    out: Out,
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A reading study; the room without one if left out."),
    ] = None,
    database: Database = None,
) -> None:
    """Write a study with every event to Parquet and JSON, to keep or to take elsewhere.

    [bold]clinmm reading export runs/demo --study "First reading" --out kept[/bold]
    """
    from pipelines.reading import exchange
    from pipelines.screen import console

    made = exchange.export_main(run, study, out, database)
    console.print(f"Wrote {made}. Elsewhere: clinmm reading import {made} RUN", soft_wrap=True)


@app.command("import")
def import_studies(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What export has written.")],
    run: RunFolder,
    database: Database = None,
) -> None:
    """Bring a study that was exported into another database of the same run."""
    from pipelines.reading import exchange
    from pipelines.screen import console

    made = exchange.import_main(folder, run, database)
    console.print(f"Took in '{made.name}'. See: clinmm reading list {run}", soft_wrap=True)


@people_app.command("add")
def add_person(
    name: PersonName,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="Sees every study, and may make them.")
    ] = False,
    password_stdin: FromStdin = False,
    people: PeopleFile = None,
) -> None:
    """Let a person sign in; asks for a password of at least 10 characters, twice.

    [bold]clinmm reading people add "Dr. Ada"[/bold]
    """
    from pipelines.reading.people import open_people
    from pipelines.screen import console

    kept = open_people(people)
    kept.add(name, _password(password_stdin), administrator)
    console.print(f"'{name.strip()}' may sign in: {kept.path}", markup=False, soft_wrap=True)


@people_app.command("password")
def change_password(
    name: PersonName, password_stdin: FromStdin = False, people: PeopleFile = None
) -> None:
    """Give a person a new password."""
    from pipelines.reading.people import open_people
    from pipelines.screen import console

    kept = open_people(people)
    kept.change(name, _password(password_stdin))
    console.print(f"'{name.strip()}' has a new password.", markup=False, soft_wrap=True)


@people_app.command("remove")
def remove_person(name: PersonName, people: PeopleFile = None) -> None:
    """Let a person sign in no more. What was read stays."""
    from pipelines.reading.people import open_people
    from pipelines.screen import console

    open_people(people).remove(name)
    console.print(f"'{name.strip()}' may sign in no more.", markup=False, soft_wrap=True)


@people_app.command("list")
def list_people(people: PeopleFile = None, json: AsJson = False) -> None:
    """Who may sign in."""
    from pipelines.reading.people import open_people, table
    from pipelines.screen import console, show, show_json

    kept = open_people(people)
    if json:
        show_json(table(kept))
        return
    if not kept.names():
        said = f"{kept.path} names nobody yet. Add somebody: clinmm reading people add NAME"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
        return
    show(table(kept), "Who may sign in", str(kept.path))


def _password(from_stdin: bool) -> str:
    """Asked for twice and not shown; never an argument, which other users of a machine can see."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
