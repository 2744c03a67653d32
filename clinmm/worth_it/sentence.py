"""Worth it, not shown or worse: the verdict in plain sentences, from the table worth_it."""

import math
from typing import Any

import pandas as pd

from clinmm.arms import ENSEMBLE, FUSED, STACKED
from clinmm.evaluation.rows import MACRO
from clinmm.intervals import module_of
from clinmm.subgroups import ANY
from clinmm.worth_it.populations import EVERYONE, HAVE_RIVAL
from clinmm.worth_it.rows import METRICS_OF_VALUES, declared

_NAMES = {"auroc": "AUROC", "mae": "mean absolute error"}


def worth_it(
    table: pd.DataFrame,
    rival: str,
    *,
    what: str = "fusion",
    unit: str = "patient",
    best_single: str | None = None,
    fell_back: str = "",
) -> dict[str, Any]:
    """What run.json says under `worth_it`.

    The rival was chosen on `validate`, which may be small. So *worth it* is said only where fused
    is better than the rival and no other arm is ahead of it on the test cases that both answer;
    this can only take a claim back, never make one.

    Args:
        table: schema.WORTH_IT.
        rival: the arm that fused was judged against.
        what: is judged; `the model` in a study of one input, where nothing is fused.
        unit: what a patient is called.
        best_single: the best model of one input before the test. Where the rival is itself a fusion
            of plain models, the sentence also says what fusing gains over this one.
        fell_back: of `fusion: auto`, which inputs answer in how many folds.

    Returns:
        sentence; rival; verdict (better, worse, not_shown or cannot_tell) and figures among those
        who have the rival's inputs: metric, class_name, value, rival_value, difference, low, high,
        p_holm, detectable, n_cases, n_patients; `ahead`: an arm that took a claim back, its value
        and by how much fused differs; `everyone`: the same of all, where some lack them.
        A figure that could not be estimated is None.
    """
    judged = {str(row["population"]): _figures(table, row) for _, row in declared(table).iterrows()}
    own = judged.get(HAVE_RIVAL, {"verdict": "cannot_tell", "n_patients": 0, "n_cases": 0})
    if own["verdict"] == "better" and (ahead := _furthest_ahead(table, own, rival)):
        own = {**own, "verdict": "not_shown", "ahead": ahead}
    said = _sentence(own, rival, what, unit)
    more: dict[str, Any] = {}
    whole = judged.get(EVERYONE)
    if whole is not None and whole["n_cases"] > own["n_cases"]:
        said += f" {_of_everyone(whole, unit)}"
        more = {"everyone": whole}
    if rival == STACKED and best_single is not None:
        said += _over_single(table, own, best_single)
    return {"sentence": f"{said} {fell_back}".strip(), "rival": rival, **own, **more}


def _over_single(table: pd.DataFrame, own: dict[str, Any], single: str) -> str:
    """What fused gains over the best model of one input; nothing where it cannot be estimated."""
    rows = _beside(table, own)
    rows = rows[(rows["arm"] == single) & rows["difference_low"].notna()]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    gap = _gap(
        {
            "difference": row["difference"],
            "low": row["difference_low"],
            "high": row["difference_high"],
        },
        adjusted=False,
    )
    return (
        f" That other is a late fusion of plain models; against the best single input ({single}, "
        f"{row['value']:.3f}) the difference is {gap}, exploratory."
    )


def _beside(table: pd.DataFrame, own: dict[str, Any]) -> pd.DataFrame:
    """Rows of every arm in the measure, class and population of the verdict."""
    return table[
        (table["population"] == HAVE_RIVAL)
        & (table["metric"] == own.get("metric"))
        & (table["class_name"] == own.get("class_name"))
        & (table["pattern"] == ANY)
    ]


def _figures(table: pd.DataFrame, row: "pd.Series[Any]") -> dict[str, Any]:
    """The figures of a judged row, with the value of the fused arm beside that of the rival."""
    same = ["population", "metric", "class_name", "pattern"]
    fused = table[(table["role"] == "fused") & (table[same] == row[same]).all(axis=1)].iloc[0]
    numbers = {
        "value": fused["value"],
        "rival_value": row["value"],
        "difference": row["difference"],
        "low": row["difference_low"],
        "high": row["difference_high"],
        "p_holm": row["p_holm"],
        "detectable": row["detectable"],
    }
    return {
        "verdict": str(row["verdict"]),
        "metric": str(row["metric"]),
        "class_name": str(row["class_name"]),
        **{name: None if math.isnan(x) else float(x) for name, x in numbers.items()},
        "n_cases": int(row["n_cases"]),
        "n_patients": int(row["n_patients"]),
    }


def _furthest_ahead(table: pd.DataFrame, own: dict[str, Any], rival: str) -> dict[str, Any] | None:
    """Of the arms ahead of fused on the cases that both answer, the one that is furthest."""
    others = _beside(table, own)
    others = others[~others["arm"].isin([FUSED, ENSEMBLE, rival])]
    sign = 1 if module_of(own["metric"]).HIGHER_IS_BETTER else -1
    gain = (sign * others["difference"]).astype(float).fillna(0.0)
    if not (gain < 0).any():
        return None
    best = others.iloc[int(gain.to_numpy().argmin())]
    figures = {"value": float(best["value"]), "difference": float(best["difference"])}
    return {"arm": str(best["arm"]), **figures, "n_patients": int(best["n_compared"])}


def _sentence(of: dict[str, Any], rival: str, what: str, unit: str) -> str:
    if of["verdict"] == "cannot_tell" or of["low"] is None:
        return (
            f"Cannot tell whether {what} is worth it: too few {unit}s ({of['n_patients']}) to "
            f"compare it with the best other ({rival})."
        )
    metric = _NAMES.get(of["metric"], of["metric"])
    if of["class_name"] == MACRO:
        metric = f"mean {metric}"
    value, other, n = f"{of['value']:.3f}", f"{of['rival_value']:.3f}", _sizes(of, unit)
    begun = f"{what[:1].upper()}{what[1:]}"
    if of["low"] == of["high"] == 0:
        return f"{begun} changes nothing: {metric} {value}, that of the best other ({rival}), {n}."
    if ahead := of.get("ahead"):
        return (
            f"Not shown that {what} is worth it: {metric} {value}, better than the best other on "
            f"validate ({rival}, {other}) by {_size(of)}, {n}; but {ahead['arm']} is ahead on the "
            f"{ahead['n_patients']} test {unit}s that both answer, {ahead['value']:.3f} "
            f"(difference {ahead['difference']:+.3f}, exploratory)."
        ).replace("(difference -", "(difference −")
    if of["verdict"] == "not_shown":
        return (
            f"Not shown that {what} is worth it: {metric} {value}, best other ({rival}) {other}, "
            f"difference {_gap(of)}, {n}; these data could have shown {of['detectable']:.3f}."
        )
    said = f"{begun} is worth it" if of["verdict"] == "better" else f"{begun} is worse"
    return (
        f"{said}: {metric} {value}, {of['verdict']} than the best other ({rival}, {other}) by "
        f"{_size(of)}, {n}."
    )


def _of_everyone(of: dict[str, Any], unit: str) -> str:
    answer = "mean" if of["metric"] in METRICS_OF_VALUES else "prevalence"
    who = f"Of everyone ({_sizes(of, unit)}), the other answering the training {answer}"
    who += " where it has no input"
    if of["verdict"] == "cannot_tell" or of["low"] is None:
        return f"{who}: cannot tell."
    if of["low"] == of["high"] == 0:
        return f"{who}: the same."
    if of["verdict"] == "not_shown":
        return f"{who}: no difference shown, {_gap(of)}."
    return f"{who}: {of['verdict']} by {_size(of)}."


def _sizes(of: dict[str, Any], unit: str) -> str:
    return f"{of['n_cases']} cases of {of['n_patients']} {unit}s"


def _gap(of: dict[str, Any], *, adjusted: bool = True) -> str:
    said = f"{of['difference']:+.3f} ({of['low']:+.3f} to {of['high']:+.3f})"
    # An interval without 0 asks why nothing is shown.
    if adjusted and (of["low"] > 0 or of["high"] < 0):
        said += f", p {of['p_holm']:.3f} after Holm"
    return said.replace("-", "−")


def _size(of: dict[str, Any]) -> str:
    """The difference without its sign, for a sentence that says in which direction it goes."""
    low, high = sorted(abs(of[end]) for end in ("low", "high"))
    return f"{abs(of['difference']):.3f} ({low:.3f} to {high:.3f})"
