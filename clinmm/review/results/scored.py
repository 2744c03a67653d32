"""The readings of one class side by side: alone, with the model, and the model's own answer."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from clinmm.review.answers import POSITIVE
from clinmm.review.results.macro import beside
from clinmm.review.results.reading_rows import ADJUDICATION, ALONE, WITH_MODEL
from clinmm.review.results.side_by_side import Readings

ALL = "all"
MACRO = "macro"
"""class_name of the mean over classes."""

MODEL, FINAL = "model", "final"
KEYS = ["reader", "case_id", "patient_id", "arm", "reading", "weight"]


def scored(readings: pd.DataFrame, kind: str) -> Iterator[tuple[str, str, Readings]]:
    """(class_name, what it can be scored for, one row per reading) of `macro`, each class, `all`.

    What it can be scored for: `rating` of a class, `choice` of a class, the mean of these over two
    classes or more, `choices` among all, `value`, or `reading` where there is only how it was read.

    Args:
        readings: the table `readings`.
        kind: of the target, as in run.json.

    Yields:
        KEYS; truth; answer_STEP and call_STEP for the steps alone, with_model, model and final
        (with the model where it was seen, else alone); confidence_STEP, seconds_STEP. NaN: not
        answered.
    """
    said = readings[readings["step"] != ADJUDICATION]
    what = {"multiclass": "choice", "continuous": "value"}.get(kind, "rating")
    of_classes = {}
    for class_name, rows in said.groupby("class_name", sort=True):
        wide = _wide(rows)
        wide["truth"] = rows.groupby(KEYS)["target"].first()
        wide["answer_model"] = rows.groupby(KEYS)["risk"].first()
        wide["call_model"] = rows.groupby(KEYS)["model_call"].first()
        for step in (ALONE, WITH_MODEL):
            answer = wide[f"answer_{step}"]
            called = answer >= POSITIVE if what == "rating" else answer > 0
            wide[f"call_{step}"] = called.astype(float).where(answer.notna())
        if what == "value":
            for step in (ALONE, WITH_MODEL, MODEL):
                wide[f"call_{step}"] = np.nan
        of_classes[str(class_name)] = _finished(wide)
    if len(of_classes) > 1:
        yield MACRO, f"mean of {what}s", beside(of_classes)
    yield from ((name, what, Readings.of(wide)) for name, wide in of_classes.items())
    if kind != "continuous" and len(said):
        yield ALL, "choices" if kind == "multiclass" else "reading", _of_all(said, kind)


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Answer, confidence and seconds of each step in columns."""
    parts = {}
    for step in (ALONE, WITH_MODEL):
        of_step = rows[rows["step"] == step].set_index(KEYS)
        for name in ("answer", "confidence", "seconds"):
            parts[f"{name}_{step}"] = of_step[name]
    return pd.DataFrame(parts)


def _of_all(said: pd.DataFrame, kind: str) -> Readings:
    """One row per reading, of whatever classes; of a choice the number of the class chosen."""
    names = sorted(said["class_name"].unique())
    wide = _wide(said.drop_duplicates([*KEYS, "step"]))
    steps = {"truth": "target", f"call_{MODEL}": "model_call"}
    for column in ("truth", *(f"call_{step}" for step in (ALONE, WITH_MODEL, MODEL))):
        wide[column] = np.nan
    if kind == "multiclass":
        number = said["class_name"].map({name: float(i) for i, name in enumerate(names)})
        for column, source in steps.items():
            wide[column] = number[said[source] == 1].groupby([said[key] for key in KEYS]).first()
        for step in (ALONE, WITH_MODEL):
            chosen = said[(said["step"] == step) & (said["answer"] == 1)]
            wide[f"call_{step}"] = number[chosen.index].groupby([chosen[k] for k in KEYS]).first()
            wide[f"answer_{step}"] = wide[f"call_{step}"]
    wide["answer_model"] = wide["call_model"]
    return Readings.of(_finished(wide))


def _finished(wide: pd.DataFrame) -> pd.DataFrame:
    for name in ("answer", "call", "confidence"):
        wide[f"{name}_{FINAL}"] = wide[f"{name}_{WITH_MODEL}"].fillna(wide[f"{name}_{ALONE}"])
    both = wide[[f"seconds_{ALONE}", f"seconds_{WITH_MODEL}"]]
    wide[f"seconds_{FINAL}"] = both.sum(axis=1, min_count=1)
    return wide.sort_index().reset_index()


def of_model(readings: Readings) -> Readings:
    """Each case once, as the model has it."""
    return readings.take(np.unique(readings.who["case_id"], return_index=True)[1])
