"""Finding: one row of the intake table, with cases to look at."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from clinmm import schema

MOST_CASES = 1000
"""Cases listed per finding; `count` has them all."""

MOST_EXAMPLES = 12
"""Examples kept per finding."""

Severity = Literal["error", "warning", "info"]
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Example:
    """Where a person can see what a finding means: a case, or a pair of cases.

    input: the input to look at. other_case_id: the second of a pair, else "".
    words: a word or phrase to look for in the note; never anything that identifies a person.
    value: distance of the pair, or the figure that is out of range.
    """

    case_id: str
    input: str
    other_case_id: str = ""
    words: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that a check has to say.

    check: name of the check. severity: `error` stops the study unless accepted.
    subject: the column, input or class concerned; what `intake.accept` names.
    detail, advice: a sentence each. They may hold ids, column names, single words and counts,
        never a sentence of a note or a name.
    case_ids: cases concerned. count: rows, files, patients or values, as the detail says.
    value, low, high: a figure with its 95 % interval, where there is one.
    accepted: the reason that the config gives for going on all the same.
    examples: what to look at, the most telling first.
    """

    check: str
    severity: Severity
    subject: str
    detail: str
    advice: str
    case_ids: tuple[str, ...] = ()
    count: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    accepted: str | None = None
    examples: tuple[Example, ...] = ()


def gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first, else in the order given."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def as_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """The intake table (`schema.INTAKE`), gravest first."""
    if not findings:
        return schema.INTAKE.empty()
    ordered = gravest_first(findings)
    rows = pd.DataFrame([asdict(finding) for finding in ordered]).drop(columns="examples")
    rows["case_ids"] = [list(finding.case_ids[:MOST_CASES]) for finding in ordered]
    for column in ("value", "low", "high"):
        rows[column] = rows[column].astype("float64")
    return schema.INTAKE.fill(rows)


def examples_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """What to look at (`schema.INTAKE_EXAMPLES`); `finding` is the row of the intake table."""
    rows = [
        {"finding": number, **asdict(example)}
        for number, finding in enumerate(gravest_first(findings))
        for example in finding.examples[:MOST_EXAMPLES]
    ]
    if not rows:
        return schema.INTAKE_EXAMPLES.empty()
    table = pd.DataFrame(rows)
    table["value"] = table["value"].astype("float64")
    return schema.INTAKE_EXAMPLES.fill(table)


def from_tables(intake: pd.DataFrame, examples: pd.DataFrame) -> list[Finding]:
    """The findings of a run, from `schema.INTAKE` and `schema.INTAKE_EXAMPLES`."""
    shown: dict[int, list[Example]] = {}
    for row in examples.to_dict("records"):
        number = int(row.pop("finding"))
        fields = {str(name): _given(cell) for name, cell in row.items()}
        fields |= {name: fields[name] or "" for name in ("other_case_id", "words")}
        shown.setdefault(number, []).append(Example(**fields))
    findings = []
    for number, row in enumerate(intake.to_dict("records")):
        case_ids = tuple(map(str, row.pop("case_ids")))
        fields = {str(name): _given(cell) for name, cell in row.items()}
        found = Finding(**fields, case_ids=case_ids, examples=tuple(shown.get(number, ())))
        findings.append(found)
    return findings


def _given(cell: Any) -> Any:
    return None if pd.isna(cell) else cell
