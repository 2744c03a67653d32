"""What the command line shows: progress bars, tables and errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from clinmm.progress import Tell

NAMES = ("arm", "class", "planted", "method")
"""Columns of names, which are not broken."""

console = Console()
errors = Console(stderr=True)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Tell]:
    """A bar with the time left for each thing that is told of; on stderr, so that stdout stays
    clean for --json."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("[dim]{task.fields[note]}[/dim]"),
    )
    with Progress(*columns, console=errors, disable=quiet) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: float, total: float, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, note="")
            bars.update(tasks[what], completed=done, total=total, note=note)

        yield tell


def show(table: pd.DataFrame, title: str, caption: str | None = None) -> None:
    """A small table as text; numbers come formatted."""
    drawn = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns:
        drawn.add_column(str(column), overflow="fold", no_wrap=column in NAMES)
    for row in table.itertuples(index=False):
        drawn.add_row(*["" if pd.isna(cell) else str(cell) for cell in row])
    console.print(drawn)


def show_json(content: object) -> None:
    """One JSON document on stdout; NaN becomes null."""
    is_table = isinstance(content, pd.DataFrame)
    text = content.to_json(orient="records") if is_table else json.dumps(content, default=str)
    console.file.write(f"{text}\n")


def stop_with(problem: Exception, code: int) -> None:
    """Prints what is wrong, and ends the program with the code."""
    errors.print(f"[bold red]{type(problem).__name__}[/bold red]")
    errors.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(code)
