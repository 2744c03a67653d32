"""How well the fused arm ranks when an input fails for more and more patients."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.evaluation.rows import MACRO
from clinmm.intervals import Draws, Estimate, Influence, Sample, estimate, macro
from clinmm.intervals.influence import together
from clinmm.metrics.weighted import Array
from clinmm.samples import RAW, build

SHARES = tuple(round(0.1 * step, 1) for step in range(11))
N_DRAWS = 5
"""Orders in which patients lose the input, which the curve is the mean of."""

BY_INPUT = "input"
"""`group_by` of the curves; the group is the input and the change, as in `note dropped`."""


_NO_DRAWS = Draws.make([], 0, 0)
"""The AUROC has an influence function, so nothing is drawn for its interval."""


def robustness_curves(
    predictions: pd.DataFrame, robustness: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Rows of schema.CURVES, kind `robustness`, for each input, change and class, and macro.

    x is the share of the test patients with the input for whom it is dropped (or swapped with
    another patient's), in all of their cases. The patients of a share are among those of every
    higher one. y is the AUROC over all test cases of the fused arm, raw, as the mean over N_DRAWS
    orders of the patients; all changes and inputs share the orders. Its interval is that of the
    patients, as everywhere.

    Args:
        predictions: schema.PREDICTIONS with the fused arm.
        robustness: schema.ROBUSTNESS of the same folds.
        seed: of the orders.

    Returns:
        No rows where nothing can be ranked: no fused arm, no target, a continuous target, or too
        few patients (then of that class, and of macro).
    """
    rows = predictions[(predictions["arm"] == FUSED) & (predictions["split"] == "test")]
    rows = rows[rows["target"].notna()]
    if rows.empty or robustness.empty or not rows["target"].isin((0.0, 1.0)).all():
        return schema.CURVES.empty()
    samples = build(rows.assign(probability=rows["probability_raw"]), n_bootstrap=0, seed=seed)
    n_patients = samples.draws.patients.size
    orders = [np.random.default_rng([seed, i]).permutation(n_patients) for i in range(N_DRAWS)]
    points = []
    for (name, change), changed in robustness.groupby(["input", "change"], sort=True):
        # a patient whose targets are all unknown is in no sample
        known = changed[changed["patient_id"].isin(samples.draws.patients)]
        have = np.unique(samples.draws.index(known["patient_id"].tolist()))
        concerned = {share: first_patients(have, orders, share) for share in SHARES}
        after = known.set_index(["class_name", "repeat", "fold", "case_id"])["probability_raw"]
        found: dict[str, dict[float, Estimate]] = {}
        for (_, class_name), scored in samples.parts.items():
            where = pd.MultiIndex.from_arrays(
                [
                    np.repeat(class_name, scored.case_ids.size),
                    scored.sample.repeat,
                    scored.sample.fold,
                    scored.case_ids,
                ]
            )
            values = after.reindex(where).to_numpy()
            found[class_name] = {
                share: _auroc(scored.sample, values, of_share)
                for share, of_share in concerned.items()
            }
        if len(found) > 1:
            found[MACRO] = {
                share: macro({of: by_share[share] for of, by_share in found.items()})
                for share in SHARES
            }
        points += [
            {
                "kind": "robustness",
                "arm": FUSED,
                "class_name": class_name,
                "group_by": BY_INPUT,
                "group": f"{name} {change}",
                "pattern": "any",
                "x": share,
                "y": one.value,
                "low": one.interval()[0],
                "high": one.interval()[1],
                "n_cases": float(one.n_cases),
            }
            for class_name, by_share in found.items()
            for share, one in by_share.items()
            if one.status == "ok"
        ]
    return schema.CURVES.fill(pd.DataFrame(points, columns=schema.CURVES.names))


def first_patients(
    have: NDArray[np.int64], orders: list[NDArray[np.int64]], share: float
) -> list[NDArray[np.bool_]]:
    """For each order, (patients,) whether a patient is among the first `share` of those in `have`;
    one order where all are alike."""
    n = round(share * have.size)
    chosen = []
    for place in orders[:1] if n in (0, have.size) else orders:
        among = np.zeros(place.size, dtype=bool)
        among[have[np.argsort(place[have], kind="stable")[:n]]] = True
        chosen.append(among)
    return chosen


def _auroc(sample: Sample, after: Array, concerned: list[NDArray[np.bool_]]) -> Estimate:
    """Mean over orders of the AUROC with the values `after` (NaN: unchanged) of those concerned."""
    columns = {
        str(i): np.where(of_order[sample.patient] & ~np.isnan(after), after, sample.columns[RAW])
        for i, of_order in enumerate(concerned)
    }
    wanted = [("auroc", column) for column in columns]
    each = list(estimate(replace(sample, columns=columns), wanted, _NO_DRAWS).values())
    influences = [one.influence for one in each if one.influence is not None]
    if not influences:
        return each[0]
    # the orders are of the same patients, so they add no degrees of freedom
    patients, values = together(influences)
    unseen = float(np.mean([one.unseen for one in influences]))
    mean = Influence(patients, values.mean(axis=0), influences[0].df, unseen)
    return replace(each[0], value=float(np.mean([one.value for one in each])), influence=mean)
