"""Whether every image file is there and can be read."""

from collections import Counter
from pathlib import Path

from clinmm.cohort.cohort import Cohort
from clinmm.errors import InputError
from clinmm.intake.finding import Context, Finding
from clinmm.readers import read_image


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Up to two errors per image input: files absent, files that cannot be read."""
    outcome: dict[Path, str] = {}
    findings = []
    for name in cohort.spec.input_names("image"):
        absent, unreadable, reasons = [], [], Counter[str]()
        for case_id, path in zip(cohort.table["case_id"], cohort.image_paths(name), strict=True):
            if path is None:
                continue
            if path not in outcome:
                outcome[path] = _problem(path, cohort.folder)
            if outcome[path] == "absent":
                absent.append(case_id)
            elif outcome[path]:
                unreadable.append(case_id)
                reasons[outcome[path]] += 1
        if absent:
            findings.append(_finding(name, absent, f"{len(absent)} files are absent."))
        if unreadable:
            said = " ".join(f"{n} x: {reason}" for reason, n in reasons.most_common(3))
            detail = f"{len(unreadable)} files cannot be read. {said}"
            findings.append(_finding(name, unreadable, detail))
    return findings


def _problem(path: Path, folder: Path) -> str:
    """ "" if the file is readable, `absent`, or the reader's reason without the path."""
    if not path.exists():
        return "absent"
    try:
        read_image(path)
    except InputError as error:
        return str(error).removeprefix(str(path)).lstrip(": ")
    return ""


def _finding(name: str, case_ids: list[str], detail: str) -> Finding:
    listed = ", ".join(case_ids[:5]) + (" ..." if len(case_ids) > 5 else "")
    return Finding(
        "files",
        "error",
        name,
        f"{detail} Cases: {listed}.",
        "Put the files in place, or empty their cells: an absent image is then treated as such.",
        tuple(case_ids),
        len(case_ids),
    )
