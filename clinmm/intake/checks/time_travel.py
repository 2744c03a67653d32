"""Values and notes from after the prediction is made or the outcome was known."""

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.read_notes import NoteRead
from clinmm.cohort.spec import NoteInput
from clinmm.cohort.times import surely_after
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Errors: an input dated after index_time or after the outcome, an outcome known before
    index_time. Infos: what could not be checked, and how many notes `until` left out.

    A time counts as after another only if it is so whatever hour, day or month was not written.
    """
    spec = cohort.spec
    index = cohort.times(spec.index_time.column) if spec.index_time else None
    outcome = cohort.times(spec.target.time) if spec.target.time else None
    findings, undated = [], []
    for name, source in spec.inputs.items():
        times = _times_of(cohort, name)
        if times is None:
            undated.append(name)
            continue
        if index is not None:
            findings += _late(cohort, name, times, index, "index_time, when the prediction is made")
        if outcome is not None:
            findings += _late(cohort, name, times, outcome, "the outcome was known")
        if isinstance(source, NoteInput) and source.table:
            findings += _notes_later(cohort, name, bool(source.table.until))
        if index is not None or outcome is not None:
            unknown = cohort.present(name) & times["first"].isna().to_numpy()
            if unknown.any():
                findings.append(_not_checked(name, f"{int(unknown.sum())} cases have no time."))
    if index is not None and outcome is not None:
        findings += _known_before(cohort, index, outcome)
    if index is None and outcome is None:
        findings.append(_not_checked("times", "the cohort file names no index_time."))
    elif undated:
        findings.append(_not_checked("inputs", f"no time is named for {', '.join(undated)}."))
    if index is not None and outcome is None:
        findings.append(_not_checked("target", "no time is named for the outcome."))
    return findings


def _times_of(cohort: Cohort, name: str) -> pd.DataFrame | None:
    """(n_cases, `first`, `last`): when the input was recorded, of several notes the last."""
    source = cohort.spec.inputs[name]
    if source.time:
        return cohort.times(source.time)
    if not isinstance(source, NoteInput) or not source.table or not source.table.time:
        return None
    read = cohort.notes_read.get(name, {})
    nothing = pd.Timestamp("NaT")
    rows = [
        (part["first"].iloc[0], part["last"].iloc[0])
        if part is not None and len(part)
        else (nothing, nothing)
        for part in (read.get(c, NoteRead()).last for c in cohort.table["case_id"])
    ]
    return pd.DataFrame(
        rows, columns=["first", "last"], index=cohort.table.index, dtype="datetime64[us]"
    )


def _late(
    cohort: Cohort, name: str, times: pd.DataFrame, limit: pd.DataFrame, what: str
) -> list[Finding]:
    late = surely_after(times, limit).to_numpy() & cohort.present(name)
    if not late.any():
        return []
    days = (times["first"] - limit["last"])[late].dt.total_seconds() / 86400
    detail = (
        f"{len(days)} cases have an input from after {what}: by {_days(days.median())} days in the "
        f"middle, {_days(days.max())} at most."
    )
    advice = (
        "Leave out what was not known then, or correct the times. A model that reads the future "
        "looks better than it can be."
    )
    return [_finding(cohort, name, name, days, detail, advice)]


def _days(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _known_before(cohort: Cohort, index: pd.DataFrame, outcome: pd.DataFrame) -> list[Finding]:
    early = surely_after(index, outcome).to_numpy()
    if not early.any():
        return []
    days = (index["first"] - outcome["last"])[early].dt.total_seconds() / 86400
    detail = f"{len(days)} cases have an outcome that was known before index_time."
    advice = "There is nothing left to predict in them: leave them out, or correct the times."
    first = next(iter(cohort.spec.inputs))
    return [_finding(cohort, "target", first, days, detail, advice)]


def _finding(
    cohort: Cohort, subject: str, name: str, days: pd.Series, detail: str, advice: str
) -> Finding:
    order = days.sort_values(ascending=False, kind="stable").index
    ids = [str(cohort.table["case_id"][i]) for i in order]
    examples = tuple(
        Example(case_id, name, value=float(days[i]))
        for i, case_id in zip(order[:MOST_EXAMPLES], ids, strict=False)
    )
    listed = ", ".join(ids[:5]) + (" ..." if len(ids) > 5 else "")
    detail = f"{detail} Cases: {listed}."
    return Finding(
        "time_travel", "error", subject, detail, advice, tuple(ids), len(ids), examples=examples
    )


def _notes_later(cohort: Cohort, name: str, limited: bool) -> list[Finding]:
    here = set(cohort.table["case_id"])
    read = {c: done for c, done in cohort.notes_read.get(name, {}).items() if c in here}
    out = {c: done.left_out for c, done in read.items() if done.left_out}
    if not limited or not out:
        return []
    later = sum(done.later for done in read.values())
    total = sum(out.values())
    detail = (
        f"{total} notes of {len(out)} cases are left out: {later} are from after index_time, "
        f"{total - later} have no time that could be compared."
    )
    advice = "Nothing, if that is meant: the cohort file says until: index_time."
    ids = tuple(out)
    examples = tuple(Example(case_id, name) for case_id in ids[:MOST_EXAMPLES])
    return [Finding("time_travel", "info", name, detail, advice, ids, total, examples=examples)]


def _not_checked(subject: str, why: str) -> Finding:
    advice = (
        "Name columns of times in the cohort file: index_time, and time under inputs and target."
    )
    return Finding("time_travel", "info", subject, f"not checked: {why}", advice)
