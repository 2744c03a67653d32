"""How the AUROC falls with the share of patients for whom an input fails."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from clinmm import schema
from clinmm.intervals import estimate
from clinmm.robustness.curves import N_DRAWS, SHARES, first_patients, robustness_curves
from clinmm.samples import RAW, build

CHANGED = "note dropped"


def study(
    n_patients: int = 60, n_folds: int = 2, classes: tuple[str, ...] = ("c", "d"), seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(predictions, robustness): two cases a patient; four in five have a note, and without it the
    estimates are mostly noise."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for patient in range(n_patients):
        for i in range(2):
            for name in classes:
                y = float(rng.random() < 0.4)
                score = 1.5 * y + rng.normal()
                rows.append(
                    {
                        "case_id": f"c{patient}_{i}",
                        "patient_id": f"p{patient}",
                        "arm": "fused",
                        "repeat": 0,
                        "fold": patient % n_folds,
                        "split": "test",
                        "class_name": name,
                        "target": y,
                        "probability_raw": 1 / (1 + np.exp(-score)),
                        "without": 1 / (1 + np.exp(-0.3 * y - rng.normal())),
                    }
                )
    frame = pd.DataFrame(rows)
    frame["probability"], frame["pattern"] = frame["probability_raw"], "any"
    has = frame["patient_id"].str[1:].astype(int) % 5 != 0
    keys = ["arm", "repeat", "fold", "case_id", "patient_id", "class_name"]
    after = frame.loc[has, keys].assign(
        input="note", change="dropped", probability_raw=frame.loc[has, "without"]
    )
    return frame.drop(columns="without"), schema.ROBUSTNESS.fill(after)


def points(curves: pd.DataFrame, class_name: str, group: str = CHANGED) -> pd.DataFrame:
    own = curves[(curves["class_name"] == class_name) & (curves["group"] == group)]
    return own.sort_values("x").set_index("x")


def after_change(predictions: pd.DataFrame, robustness: pd.DataFrame, patients: set[str]) -> Any:
    """Predictions in which these patients' are the changed ones, row by row."""
    changed = {
        (row.case_id, row.class_name): row.probability_raw
        for row in robustness.itertuples()
        if row.patient_id in patients
    }
    values = [
        changed.get((row.case_id, row.class_name), row.probability_raw)
        for row in predictions.itertuples()
    ]
    return predictions.assign(probability_raw=values, probability=values)


def raw_auroc(predictions: pd.DataFrame, name: str) -> Any:
    samples = build(predictions, n_bootstrap=0)
    key = ("auroc", RAW)
    return estimate(samples.parts["fused", name].sample, [key], samples.draws)[key]


def test_the_ends_are_the_untouched_and_the_wholly_changed_estimates() -> None:
    predictions, robustness = study()
    curves = robustness_curves(predictions, robustness, seed=0)
    everyone = set(robustness["patient_id"])
    for name in ("c", "d"):
        own = points(curves, name)
        assert own.index.tolist() == list(SHARES)
        for x, table in (
            (0.0, predictions),
            (1.0, after_change(predictions, robustness, everyone)),
        ):
            expected = raw_auroc(table, name)
            assert own.loc[x, "y"] == expected.value
            assert (own.loc[x, "low"], own.loc[x, "high"]) == expected.interval()
            assert own.loc[x, "n_cases"] == 120


def test_with_one_fold_the_ends_are_those_of_scikit_learn() -> None:
    predictions, robustness = study(n_folds=1, classes=("c",))
    own = points(robustness_curves(predictions, robustness, seed=0), "c")
    changed = after_change(predictions, robustness, set(robustness["patient_id"]))
    for x, table in ((0.0, predictions), (1.0, changed)):
        assert own.loc[x, "y"] == pytest.approx(
            roc_auc_score(table["target"], table["probability_raw"])
        )


def test_solved_by_hand() -> None:
    """Ten positives at .9, ten negatives at .1, .5 without the note. Only pairs in which both sides
    lost it are tied; every other pair is in order."""
    rows = pd.DataFrame(
        {
            "arm": "fused",
            "repeat": 0,
            "fold": 0,
            "case_id": [f"c{i:02d}" for i in range(20)],
            "patient_id": [f"p{i:02d}" for i in range(20)],
            "split": "test",
            "class_name": "c",
            "target": [1.0] * 10 + [0.0] * 10,
            "probability_raw": [0.9] * 10 + [0.1] * 10,
            "probability": 0.5,
            "pattern": "any",
        }
    )
    keys = ["arm", "repeat", "fold", "case_id", "patient_id", "class_name"]
    dropped = rows[keys].assign(input="note", change="dropped", probability_raw=0.5)
    own = points(robustness_curves(rows, dropped, seed=4), "c")
    assert own.loc[0.0, "y"] == 1
    assert own.loc[1.0, "y"] == 0.5
    ties = []
    for i in range(N_DRAWS):
        first = np.argsort(np.random.default_rng([4, i]).permutation(20))[:10]
        positive = (first < 10).sum()
        ties.append(positive * (10 - positive) / 100)
    assert own.loc[0.5, "y"] == pytest.approx(1 - np.mean(ties) / 2)


def test_between_the_ends_it_is_the_mean_over_orders_of_the_patients() -> None:
    predictions, robustness = study()
    own = points(robustness_curves(predictions, robustness, seed=7), "d")
    ids = sorted(set(predictions["patient_id"]))
    have = sorted(set(robustness["patient_id"]))
    values = []
    for i in range(N_DRAWS):
        place = dict(zip(ids, np.random.default_rng([7, i]).permutation(len(ids)), strict=True))
        first = sorted(have, key=lambda one: place[one])[: round(0.3 * len(have))]
        values.append(raw_auroc(after_change(predictions, robustness, set(first)), "d").value)
    assert own.loc[0.3, "y"] == pytest.approx(np.mean(values))
    assert own.loc[0.3, "low"] < own.loc[0.3, "y"] < own.loc[0.3, "high"]
    assert own.loc[0.0, "y"] > own.loc[0.5, "y"] > own.loc[1.0, "y"]


def test_macro_is_the_mean_over_classes() -> None:
    curves = robustness_curves(*study(), seed=0)
    mean = (points(curves, "c")["y"] + points(curves, "d")["y"]) / 2
    np.testing.assert_allclose(points(curves, "macro")["y"], mean)
    alone = robustness_curves(*study(classes=("c",)), seed=0)
    assert set(alone["class_name"]) == {"c"}


def test_patients_of_a_share_are_among_those_of_every_higher_share() -> None:
    have = np.array([1, 2, 4, 5, 7, 9, 11])
    orders = [np.random.default_rng(i).permutation(12) for i in range(3)]
    chosen = {share: first_patients(have, orders, share) for share in SHARES}
    for share, among in chosen.items():
        assert len(among) == (1 if share in (0.0, 1.0) else 3)
        for of_order in among:
            assert of_order.sum() == round(share * 7)
            assert set(np.flatnonzero(of_order)) <= set(have)
    inner = [share for share in SHARES if 0 < share < 1]
    for low, high in pairwise(inner):
        for fewer, more in zip(chosen[low], chosen[high], strict=True):
            assert not (fewer & ~more).any()


def test_a_change_that_changes_nothing_gives_a_level_line() -> None:
    predictions, robustness = study()
    before = predictions.set_index(["case_id", "class_name"])["probability_raw"]
    keys = pd.MultiIndex.from_frame(robustness[["case_id", "class_name"]])
    same = robustness.assign(probability_raw=before.reindex(keys).to_numpy())
    own = points(robustness_curves(predictions, same, seed=0), "c")
    np.testing.assert_allclose(own["y"], own["y"].iloc[0], rtol=1e-12)
    np.testing.assert_allclose(own["low"], own["low"].iloc[0], rtol=1e-12)


def test_neither_the_order_of_rows_nor_a_monotone_map_matters() -> None:
    predictions, robustness = study()
    curves = robustness_curves(predictions, robustness, seed=0)
    shuffled = robustness_curves(
        predictions.sample(frac=1, random_state=1),
        robustness.sample(frac=1, random_state=2),
        seed=0,
    )
    pd.testing.assert_frame_equal(curves, shuffled)
    squared = robustness_curves(
        predictions.assign(probability_raw=predictions["probability_raw"] ** 2),
        robustness.assign(probability_raw=robustness["probability_raw"] ** 2),
        seed=0,
    )
    pd.testing.assert_frame_equal(curves, squared)


def test_each_input_and_change_has_its_curve() -> None:
    predictions, robustness = study()
    more = [
        robustness,
        robustness.assign(change="swapped"),
        robustness.assign(input="image"),
    ]
    curves = robustness_curves(predictions, pd.concat(more, ignore_index=True), seed=0)
    assert set(curves["group"]) == {"note dropped", "note swapped", "image dropped"}
    assert set(curves["kind"]) == {"robustness"}
    assert set(curves["group_by"]) == {"input"}
    schema.CURVES.validate(curves)
    both = [points(curves, "c", f"note {change}")["y"] for change in ("dropped", "swapped")]
    pd.testing.assert_series_equal(*both)


def test_other_arms_splits_and_unknown_targets_are_left_out() -> None:
    predictions, robustness = study()
    curves = robustness_curves(predictions, robustness, seed=0)
    noise = predictions.assign(arm="note", probability_raw=0.5)
    validate = predictions.assign(split="validate", probability_raw=0.1)
    unknown = predictions.assign(
        case_id="u" + predictions["case_id"], patient_id="u", target=np.nan
    )
    lost = robustness.assign(case_id="u" + robustness["case_id"], patient_id="u")
    everything = pd.concat([predictions, noise, validate, unknown], ignore_index=True)
    with_lost = pd.concat([robustness, lost], ignore_index=True)
    pd.testing.assert_frame_equal(curves, robustness_curves(everything, with_lost, seed=0))


def test_nothing_is_drawn_where_nothing_can_be_ranked() -> None:
    predictions, robustness = study()
    for table, changed in (
        (predictions.assign(arm="note"), robustness),
        (predictions, schema.ROBUSTNESS.empty()),
        (predictions.assign(target=predictions["target"] * 3.5), robustness),
        (predictions.assign(target=np.nan), robustness),
    ):
        empty = robustness_curves(table, changed, seed=0)
        assert len(empty) == 0
        assert empty.columns.tolist() == schema.CURVES.names
    few, changed = study(n_patients=9)
    assert len(robustness_curves(few, changed, seed=0)) == 0


def test_a_class_with_too_few_patients_has_no_curve_and_so_has_macro() -> None:
    predictions, robustness = study()
    rare = (predictions["class_name"] == "d") & ~predictions["patient_id"].isin(["p1", "p2"])
    predictions.loc[rare, "target"] = 0.0
    assert set(robustness_curves(predictions, robustness, seed=0)["class_name"]) == {"c"}
