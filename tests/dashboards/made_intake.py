"""The intake of the made run: findings with examples, the files, rates on test patients."""

import pandas as pd

from clinmm.runs import Run


def write_intake(run: Run) -> None:
    """Writes intake, intake_examples, images, links and intake_test."""
    run.write("intake", _intake())
    nothing = {"other_case_id": None, "words": None, "value": None}
    examples = [
        {
            **nothing,
            "finding": 0,
            "case_id": "case_001",
            "input": "note",
            "words": "short of breath",
        },
        {
            **nothing,
            "finding": 1,
            "case_id": "case_007",
            "other_case_id": "case_030",
            "input": "image",
            "value": 0.012,
        },
    ]
    run.write("intake_examples", pd.DataFrame(examples))
    link = {"case_id": "case_007", "other_case_id": "case_030", "input": "image"}
    run.write("links", pd.DataFrame([{**link, "kind": "near_duplicate", "distance": 0.012}]))
    image = {"input": "image", "status": "read", "format": "DICOM", "done": "inverted MONOCHROME1"}
    ids = ["case_007", "case_030"]
    run.write("images", pd.DataFrame([{"case_id": case_id, **image} for case_id in ids]))
    rate = {
        "check": "stated_label",
        "subject": "note",
        "words": "short of breath",
        "measure": "share with the class",
        "class_name": "effusion",
        "value": 0.913,
        "low": 0.72,
        "high": 0.98,
        "n_cases": 24,
        "n_patients": 23,
    }
    run.write("intake_test", pd.DataFrame([rate]))


def _intake() -> pd.DataFrame:
    finding = {"value": None, "low": None, "high": None}
    rows = [
        {
            "check": "stated_label",
            "severity": "error",
            "subject": "note",
            "case_ids": ["case_001", "case_009"],
            "count": 23,
            **finding,
            "value": 0.94,
            "detail": "a phrase goes with effusion in 22 of 23 cases that hold it",
            "advice": "mask the phrase under inputs.note.mask, or accept it with a reason",
            "accepted": "planted on purpose",
        },
        {
            "check": "same_bytes",
            "severity": "warning",
            "subject": "image",
            "case_ids": ["case_007", "case_030"],
            "count": 2,
            **finding,
            "detail": "2 image files with the same bytes belong to different patients",
            "advice": "remove one of each pair",
            "accepted": None,
        },
        {
            "check": "missingness",
            "severity": "info",
            "subject": "record.crp",
            "case_ids": [],
            "count": 7,
            **finding,
            "value": 0.17,
            "detail": "17 % of cases have no value",
            "advice": "",
            "accepted": None,
        },
    ]
    return pd.DataFrame(rows)
