"""Whether every image and signal file is there and can be read."""

import re

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Up to two errors per image or signal input: files absent, files that cannot be read. A
    warning for headers that contradict themselves, whose pictures may be shown as negatives."""
    facts = context.images_of(cohort).facts
    findings = []
    for name in cohort.spec.file_inputs:
        own = facts[facts["input"] == name]
        absent, unreadable = own[own["status"] == "absent"], own[own["status"] == "unreadable"]
        if len(absent):
            findings.append(_finding(name, absent, f"{len(absent)} files are absent."))
        if len(unreadable):
            detail = f"{len(unreadable)} files cannot be read. {_reasons(unreadable['reason'])}"
            findings.append(_finding(name, unreadable, detail))
        if len(doubted := own[own["doubt"].notna()]):
            findings.append(_doubted(name, doubted))
    return findings


def _reasons(reasons: pd.Series) -> str:
    """The commonest kinds of reasons; numbers of one file do not make a kind of its own."""
    kinds = reasons.fillna("").map(lambda reason: re.sub(r"\d+", "N", str(reason)))
    counts = kinds.value_counts()
    first = {kind: str(reasons[kinds == kind].iloc[0]) for kind in counts.index[:3]}
    said = " ".join(f"{counts[kind]} x: {text}" for kind, text in first.items())
    return said if len(counts) <= 3 else f"{said} And {len(counts) - 3} other reasons."


def _finding(name: str, rows: pd.DataFrame, detail: str) -> Finding:
    ids = [str(case_id) for case_id in rows["case_id"]]
    listed = ", ".join(ids[:5]) + (" ..." if len(ids) > 5 else "")
    return Finding(
        "files",
        "error",
        name,
        f"{detail} Cases: {listed}.",
        "Put the files in place, or empty their cells. Accepted in the config, these files count "
        "as absent: the cases are then without this input.",
        tuple(ids),
        len(ids),
        examples=tuple(Example(case_id, name) for case_id in ids[:MOST_EXAMPLES]),
    )


def _doubted(name: str, rows: pd.DataFrame) -> Finding:
    ids = [str(case_id) for case_id in rows["case_id"]]
    kinds = ", ".join(f"{n} x {kind}" for kind, n in rows["doubt"].value_counts()[:3].items())
    return Finding(
        "files",
        "warning",
        name,
        f"{len(ids)} headers contradict themselves ({kinds}): these pictures may be negatives.",
        "Look at the examples: bone is bright. Export the files again if it is dark.",
        tuple(ids),
        len(ids),
        examples=tuple(Example(case_id, name) for case_id in ids[:MOST_EXAMPLES]),
    )
