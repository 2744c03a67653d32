"""Five cases that belong and one without a target, as settings and rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "name": "small",
    "table": "cases.csv",
    "case_id": "case",
    "patient_id": "patient",
    "missing": ["", "?"],
    "target": {
        "name": "died",
        "kind": "binary",
        "column": "alive",
        "positive": ["N"],
        "negative": ["Y"],
    },
    "inputs": {
        "image": {"kind": "image", "column": "picture"},
        "note": {"kind": "note", "column": "text", "mask": ["died"]},
        "record": {"kind": "record", "numeric": {"age": "years"}, "categorical": ["sex"]},
    },
    "sensitive": {"sex": "sex", "age": {"column": "age", "bins": [0, 40, 65, 120]}},
}

ROWS = [
    # case, patient, picture, text, age, sex, alive, view
    ("c1", "p1", "a.png", "Cough. She died at home.", "39", "F", "N", "PA"),
    ("c2", "p1", "b.png", "Cough.", "40", "F", "Y", "PA"),
    ("c3", "p2", "", "  ", "64.9", "M", "Y", "AP"),
    ("c4", "p3", "c.png", "?", "65", "?", "N", "PA"),
    ("c5", "p4", "a.png", "Fever.", "", "", "Y", "L"),
    ("c6", "p5", "d.png", "Fever.", "130", "M", "?", "PA"),
]
COLUMNS = ["case", "patient", "picture", "text", "age", "sex", "alive", "view"]

Write = Callable[..., Path]
"""The fixture `write`."""
