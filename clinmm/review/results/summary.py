"""The main results of a reading study in plain words."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pandas as pd

from clinmm.review.results.families import MAIN as TESTED
from clinmm.review.results.families import SHARED, p_said
from clinmm.review.results.metrics import NET
from clinmm.review.results.scored import ALL, MACRO, MODEL

MAIN = ("auroc", "accuracy", "mean_absolute_error", "sensitivity", "specificity")
"""The first that a class has is told."""

NAMES = {
    "auroc": "AUROC",
    "mean_absolute_error": "mean absolute error",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "gwet_ac1": "AC1",
    "krippendorff_alpha": "Krippendorff's alpha",
}

STEPS = {
    "alone": "Readers alone",
    "with_model": "With the model",
    "gain": "Gain",
    "model": "The model alone",
}

Row = dict[str, Any]


def sentences(results: pd.DataFrame, agreement: pd.DataFrame) -> Iterator[str]:
    """What readers reached alone and with the model, what it did to their answers, and how far they
    agree, class by class.

    Args:
        results: reading_results of one study.
        agreement: reading_agreement of the same study.
    """
    whole = results[(results["arm"] == ALL) & (results["group_by"] == ALL)]
    told = whole[whole["reader"].isin([ALL, MODEL])]
    for class_name in told["class_name"].unique():
        rows = _rows(told[told["class_name"] == class_name])
        of = {(row["metric"], row["step"]): row for row in rows}
        for metric in [
            name for name in MAIN if (name, "alone") in of or (name, "with_model") in of
        ][:1]:
            found = [(words, of.get((metric, step))) for step, words in STEPS.items()]
            figures = ". ".join(f"{words} {_figure(row)}" for words, row in found if row)
            yield f"{_class(class_name)}, {NAMES.get(metric, metric)}: {figures}."
        if ("helped", "gain") in of:
            yield f"{class_name}: {_changes(of)}"
    for row in _rows(results[(results["step"] == "arms") & results["metric"].isin(TESTED)]):
        where = f"{row['arm']}, {_class(row['class_name'])}, {NAMES.get(row['metric'], 'accuracy')}"
        shared = [part for part in str(row["interval"]).split(", ") if part.endswith(SHARED)]
        yield f"{where}: {', '.join([_figure(row), *shared])}."
    of_all = agreement[(agreement["between"] == ALL) & (agreement["scale"] != "ordinal")]
    lines: dict[str, list[str]] = {}
    for row in _rows(of_all):
        where = "alone" if row["step"] == "alone" else "with the model"
        figures_of = lines.setdefault(f"{row['class_name']}, agreement {where}", [])
        figures_of.append(f"{NAMES[row['coefficient']]} {_figure(row)}")
    for begin, figures_of in lines.items():
        yield f"{begin}: {', '.join(figures_of)}."


def _class(name: str) -> str:
    return "mean over classes" if name == MACRO else name


def _changes(of: dict[tuple[str, str], Row]) -> str:
    n = {name: int(of[name, "gain"]["value"]) for name in ("helped", "harmed", "changed")}
    text = f"The model helped {n['helped']}, harmed {n['harmed']}; {n['changed']} answers changed."
    if (NET, "gain") in of:
        text += f" Helped less harmed, of the readings: {_figure(of[NET, 'gain'])}."
    wrong = of.get(("followed_wrong", "gain"))
    if wrong is not None:
        text += f" Went over to it where it was wrong: {_figure(wrong)}."
    return text


def _figure(row: Row) -> str:
    if row["status"] != "ok":
        return f"not shown ({row['reason']})"
    value = f"{row['value']:.3f}"
    if pd.isna(row["low"]):
        return value
    inside = f"{row['low']:.3f} to {row['high']:.3f}"
    p = p_said(SimpleNamespace(**row)) if "p" in row else ""
    return f"{value} ({inside}; {p})" if p else f"{value} ({inside})"


def _rows(frame: pd.DataFrame) -> list[Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
