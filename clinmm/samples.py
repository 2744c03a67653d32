"""From the predictions table to samples: one for each arm and class, with calls and draws."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.errors import InputError, did_you_mean
from clinmm.intervals import Draws, Sample

RAW = "raw"
CALIBRATED = "calibrated"
CALL = "call:"
"""Columns of a Sample: `raw`, `calibrated`, and `call:NAME` for each operating point."""

_KEY = ["arm", "repeat", "fold", "class_name"]


@dataclass(frozen=True, eq=False)
class Scored:
    """One arm and class. case_ids, patterns: (n,), in the order of the sample."""

    sample: Sample
    case_ids: NDArray[np.object_]
    patterns: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Samples:
    """Every arm and class of one split, with the patient draws that all share.

    parts: (arm, class name) -> its cases. points: operating points, in order.
    """

    draws: Draws
    parts: dict[tuple[str, str], Scored]
    arms: list[str]
    classes: list[str]
    points: list[str]


def build(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame | None = None,
    *,
    decisions: pd.DataFrame | None = None,
    arms: Sequence[str] | None = None,
    split: str = "test",
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Samples:
    """Samples of one split; rows with unknown target are left out.

    Args:
        predictions: schema.PREDICTIONS, calibrated.
        thresholds: schema.THRESHOLDS; a case is called at or above its threshold.
        decisions: calls that are already made, columns case_id, class_name, operating_point,
            decision (0 or 1); taken as they are.
        arms: which ones; None for all, `fused` first.
        split: value of the column split.
        n_bootstrap: patient draws.
        seed: of the draws.

    Raises:
        InputError: every problem: an unknown arm, no row, no probability, a row twice.
    """
    there = sorted(predictions["arm"].unique(), key=lambda arm: (arm != "fused", arm))
    chosen = there if arms is None else list(arms)
    problems = [f"no arm '{a}'. {did_you_mean(a, there)}" for a in chosen if a not in there]
    rows = predictions[(predictions["split"] == split) & predictions["arm"].isin(chosen)]
    rows = rows[rows["target"].notna()]
    if rows.empty and not problems:
        problems.append(f"no prediction of split '{split}' has a target: nothing can be scored.")
    for column in ("probability_raw", "probability"):
        values = rows[column].to_numpy(dtype=np.float64)
        if n_bad := int((~((values >= 0) & (values <= 1))).sum()):
            problems.append(
                f"{column}: {n_bad} of {values.size} values are empty or outside [0, 1]. "
                "Calibrate first: clinmm calibrate RUN"
            )
    if n_twice := int(rows.duplicated([*_KEY, "case_id"]).sum()):
        problems.append(f"{n_twice} cases have two predictions of one arm, repeat, fold and class.")
    if problems:
        raise InputError(problems)
    rows, points = _with_calls(rows, thresholds, decisions)
    case, case_ids = pd.factorize(rows["case_id"], sort=True)
    patient, patient_ids = pd.factorize(rows["patient_id"], sort=True)
    rows = rows.assign(case=case, patient=patient)  # numbers, which sort and group fast
    rows = rows.sort_values([*_KEY, "case"], kind="stable", ignore_index=True)
    draws = Draws.make(patient_ids.tolist(), n_bootstrap, seed)
    ids = np.asarray(case_ids, dtype=object)
    parts = {
        (str(key[0]), str(key[1])): _scored(part, points, ids)
        for key, part in rows.groupby(["arm", "class_name"], sort=True)
    }
    return Samples(draws, parts, chosen, sorted(rows["class_name"].unique()), points)


def _scored(part: pd.DataFrame, points: list[str], ids: NDArray[np.object_]) -> Scored:
    """ids: of every case, in the order of its number."""
    case = part["case"].to_numpy(dtype=np.int64)
    columns = {RAW: "probability_raw", CALIBRATED: "probability"}
    columns |= {CALL + point: CALL + point for point in points}
    sample = Sample(
        y_true=part["target"].to_numpy(dtype=np.float64),
        columns={name: part[of].to_numpy(dtype=np.float64) for name, of in columns.items()},
        patient=part["patient"].to_numpy(dtype=np.int64),
        case=case,
        repeat=part["repeat"].to_numpy(dtype=np.int64),
        fold=part["fold"].to_numpy(dtype=np.int64),
    )
    return Scored(sample, ids[case], part["pattern"].to_numpy(dtype=object))


def _with_calls(
    rows: pd.DataFrame, thresholds: pd.DataFrame | None, decisions: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[str]]:
    """The rows with a column `call:NAME` for each operating point, and the names."""
    points: list[str] = []
    if thresholds is not None and len(thresholds):
        wide = thresholds.pivot(index=_KEY, columns="operating_point", values="threshold")
        at = rows[_KEY].join(wide, on=_KEY)
        for point in dict.fromkeys(thresholds["operating_point"]):
            threshold = at[point].to_numpy(dtype=np.float64)
            call = (rows["probability"].to_numpy(dtype=np.float64) >= threshold).astype(np.float64)
            rows = rows.assign(**{CALL + point: np.where(np.isnan(threshold), np.nan, call)})
            points.append(str(point))
    if decisions is not None and len(decisions):
        keys = ["case_id", "class_name"]
        given = decisions.pivot(index=keys, columns="operating_point", values="decision")
        at = rows[keys].join(given, on=keys)
        for point in given.columns:
            rows = rows.assign(**{CALL + point: at[point].to_numpy(dtype=np.float64)})
            points.append(str(point))
    return rows, points
