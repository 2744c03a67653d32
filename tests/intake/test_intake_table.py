from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.config import Accept
from clinmm.errors import FindingsStand, InputError
from clinmm.intake.accept import accept, refuse_errors
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_CASES, Finding, as_table
from clinmm.intake.run_checks import run_checks
from clinmm.intake.show import show_findings

FINDINGS = [
    Finding("rows", "info", "table", "ten cases.", "Look."),
    Finding("stated_label", "error", "note", "'died' tells.", "Mask it.", ("c1", "c2"), 2, 1.0),
    Finding("columns", "warning", "age", "odd.", "Mend it.", accepted=None),
    Finding("files", "error", "image", "absent.", "Find it.", ("c3",), 1),
]


def test_the_table_has_the_schemas_columns_and_errors_first() -> None:
    table = as_table(FINDINGS)
    schema.INTAKE.validate(table)
    assert list(table["severity"]) == ["error", "error", "warning", "info"]
    assert list(table["check"]) == ["stated_label", "files", "columns", "rows"]
    assert list(table["case_ids"].iloc[0]) == ["c1", "c2"]
    assert as_table([]).empty


def test_case_lists_end_at_a_thousand_and_the_count_does_not() -> None:
    many = tuple(f"c{i}" for i in range(MOST_CASES + 5))
    row = as_table([Finding("files", "error", "image", "d", "a", many, len(many))]).iloc[0]
    assert len(row["case_ids"]) == MOST_CASES
    assert row["count"] == MOST_CASES + 5


def test_an_accepted_error_lets_the_study_go_on_and_the_others_stand() -> None:
    entries = [Accept(check="stated_label", subject="note", reason="planted here")]
    marked = accept(FINDINGS, entries)
    assert [f.accepted for f in marked] == [None, "planted here", None, None]
    with pytest.raises(FindingsStand) as caught:
        refuse_errors(marked)
    assert "1 intake findings" in str(caught.value)
    assert "files, image: absent. Find it." in str(caught.value)
    assert "{check: files, subject: image, reason: ...}" in str(caught.value)
    refuse_errors(accept(FINDINGS, [*entries, Accept(check="files", reason="known")]))
    other = accept(FINDINGS, [Accept(check="files", subject="lateral", reason="known")])
    assert [f.accepted for f in other] == [None] * 5


def test_an_entry_that_covers_nothing_is_warned_of_and_info_is_not_accepted() -> None:
    marked = accept(FINDINGS, [Accept(check="rows", subject="table", reason="why not")])
    assert [f.accepted for f in marked] == [None] * 5
    assert (marked[-1].check, marked[-1].severity) == ("accept", "warning")
    assert "Take the entry out" in marked[-1].advice


def test_the_checks_asked_for_are_run_in_order_and_told(make: Callable[..., Cohort]) -> None:
    told: list[tuple[str, int, int]] = []
    found = run_checks(
        make(4),
        Context(),
        ["targets", "rows"],
        progress=lambda name, number, total: told.append((name, number, total)),
    )
    assert told == [("targets", 0, 2), ("rows", 1, 2)]
    assert [f.check for f in found] == ["targets", "targets", "rows"]
    with pytest.raises(InputError, match="Did you mean 'targets'"):
        run_checks(make(4), Context(), ["target"])


def test_the_terminal_table_shows_findings_as_text_not_markup() -> None:
    marked = accept(FINDINGS, [Accept(check="columns", reason="known")])
    table = as_table([*marked, Finding("files", "error", "[bold]x[/bold]", "lost.", "Look.")])
    console = Console(width=120, record=True, file=StringIO())
    console.print(show_findings(table))
    text = console.export_text()
    assert "[bold]x[/bold]" in text
    assert "Accepted: known" in text
