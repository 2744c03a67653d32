"""Calibrators, the choice between them, and whole tables."""

import json

import numpy as np
import pandas as pd
import pytest

from clinmm import registry, schema
from clinmm.calibration import none, select, tables, temperature
from clinmm.calibration.logits import from_probabilities, log_losses, to_probabilities
from clinmm.errors import InputError


def binary(n, boldness, seed=0):
    """Logits `boldness` times too bold; the right temperature is `boldness`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, n)
    return boldness * logits, (rng.random(n) < to_probabilities(logits)).astype(float)


@pytest.mark.parametrize("name", registry.available("calibrators"))
@pytest.mark.parametrize("shape", [(50,), (50, 4)])
def test_calibrator_contract(name, shape):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=shape)
    target = rng.integers(0, 2 if len(shape) == 1 else 4, 50).astype(float)
    calibrator = registry.load("calibrators", name).Calibrator.fit(logits, target, ["p"] * 50)
    out = calibrator.apply(logits)
    assert out.shape == shape
    assert ((out > 0) & (out < 1)).all()
    if len(shape) == 2:
        np.testing.assert_allclose(out.sum(axis=1), 1.0)
    again = select.from_json(json.loads(json.dumps(calibrator.to_json())))
    np.testing.assert_array_equal(again.apply(logits), out)
    assert again.name == name
    assert registry.load("calibrators", name).MIN_PATIENTS_PER_CLASS >= 0


@pytest.mark.parametrize("boldness", [0.4, 1.0, 3.0])
def test_temperature_finds_how_bold_the_logits_are(boldness):
    logits, target = binary(20_000, boldness)
    assert temperature.Calibrator.fit(logits, target).temperature == pytest.approx(
        boldness, rel=0.06
    )


def test_temperature_is_the_least_log_loss_on_a_fine_grid():
    logits, target = binary(200, 2.0)
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 4001))
    best = grid[np.argmin([log_losses(logits / t, target).mean() for t in grid])]
    assert temperature.Calibrator.fit(logits, target).temperature == pytest.approx(best, rel=2e-3)


def test_temperature_keeps_the_order_and_the_even_chance():
    calibrator = temperature.Calibrator(3.0)
    out = calibrator.apply(np.array([-2.0, 0.0, 1.0, 5.0]))
    assert (np.diff(out) > 0).all()
    assert out[1] == 0.5


def test_separated_classes_do_not_drive_the_temperature_to_nothing():
    fitted = temperature.Calibrator.fit(np.array([-1.0, -2, 1, 2]), np.array([0.0, 0, 1, 1]))
    assert fitted.temperature >= temperature.LOWEST


def test_logits_and_probabilities_go_there_and_back():
    p = np.array([1e-6, 0.2, 0.5, 0.999])
    np.testing.assert_allclose(to_probabilities(from_probabilities(p)), p, rtol=1e-9)
    rows = np.array([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])
    np.testing.assert_allclose(to_probabilities(from_probabilities(rows)), rows, rtol=1e-9)
    assert np.isfinite(from_probabilities(np.array([0.0, 1.0]))).all()


def test_bold_logits_get_a_temperature_and_honest_ones_mostly_none():
    chosen = {1.0: 0, 3.0: 0}
    for boldness in chosen:
        for seed in range(20):
            logits, target = binary(150, boldness, seed)
            choice = select.choose(logits, target, [f"p{i // 2}" for i in range(150)])
            chosen[boldness] += choice.calibrator.name == "temperature"
            assert (choice.log_loss_temperature < choice.log_loss_none) == (
                choice.calibrator.name == "temperature"
            )
    assert chosen[3.0] == 20
    assert chosen[1.0] <= 12


def test_none_wins_a_tie():
    # logits of zero: every temperature gives one half
    choice = select.choose(np.zeros(40), np.tile([0.0, 1.0], 20), [f"p{i}" for i in range(40)])
    assert choice.log_loss_none == choice.log_loss_temperature
    assert choice.calibrator.name == "none"


def test_too_few_patients_of_a_class_get_none_and_the_reason():
    logits, target = binary(60, 3.0)
    patients = [f"p{i}" if y else "n" for i, y in enumerate(target)]  # one negative patient
    choice = select.choose(logits, target, patients)
    assert choice.calibrator.name == "none"
    assert "1 calibration patients in a class, needs 5" in choice.reason
    assert np.isnan(choice.log_loss_temperature)


def test_no_patient_is_fitted_and_scored_in_the_same_part():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(30), 4)
    target = rng.integers(0, 2, 120).astype(float)
    part = select._parts(target, owner, 30, 0)
    assert part.shape == (30,)
    assert sorted(np.bincount(part)) == [6] * 5


def test_interval_of_a_clustered_mean_equals_a_loop_and_grows_with_clustering():
    values, owner = np.array([1.0, 3.0, 2.0, 6.0]), np.array([0, 0, 1, 2])
    mean, low, high = select._clustered_mean(values, owner)
    se = np.sqrt((1 - 3 + 3 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 4
    assert (mean, low, high) == pytest.approx((3.0, 3 - 1.95996 * se, 3 + 1.95996 * se), rel=1e-5)


def test_table_is_calibrated_by_arm_fold_and_class_from_rows_that_are_not_test(predictions_table):
    rows = predictions_table(classes=("a", "b"), repeats=2, folds=3, boldness=3.0)
    calibrators, calibration = tables.fit(rows, exclusive=False)
    schema.CALIBRATION.validate(calibration)
    assert len(calibration) == 3 * 2 * 3 * 2
    out = tables.apply(rows, calibrators)
    spoiled = rows.copy()
    test = spoiled["split"] == "test"
    spoiled.loc[test, "target"] = 1 - spoiled.loc[test, "target"]
    again = tables.apply(spoiled, tables.fit(spoiled, exclusive=False)[0])
    np.testing.assert_array_equal(out["probability"], again["probability"])
    part = out[(out.arm == "fused") & (out.repeat == 1) & (out.fold == 2) & (out.class_name == "b")]
    t = calibrators["fused", 1, 2]["b"].temperature
    expected = to_probabilities(from_probabilities(part.probability_raw.to_numpy()) / t)
    np.testing.assert_allclose(part.probability, expected)


def test_calibrating_again_changes_nothing(predictions_table):
    rows = predictions_table(boldness=3.0)
    once = tables.apply(rows, tables.fit(rows, exclusive=False)[0])
    twice = tables.apply(once, tables.fit(once, exclusive=False)[0])
    pd.testing.assert_frame_equal(once, twice)


def test_rows_of_the_calibrate_part_come_first(predictions_table):
    rows = predictions_table()
    rows.loc[rows.index[:10], "split"] = "train"
    assert set(tables.calibration_rows(rows)["split"]) == {"calibrate"}
    with pytest.raises(InputError, match="test rows only"):
        tables.calibration_rows(rows.assign(split="test"))


def test_a_class_without_calibrator_is_refused(predictions_table):
    rows = predictions_table()
    calibrators, _ = tables.fit(rows, exclusive=False)
    with pytest.raises(InputError, match=r"no calibrator of arm fused for classes \['other'\]"):
        tables.apply(rows.assign(class_name="other"), calibrators)
    with pytest.raises(InputError, match="no calibrator for arm new"):
        tables.apply(rows.assign(arm="new"), calibrators)


def test_exclusive_classes_share_a_calibrator_and_keep_their_sum():
    rng = np.random.default_rng(0)
    n, names = 400, ["x", "y", "z"]
    logits = rng.normal(size=(n, 3))
    truth = (to_probabilities(logits).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    raw = to_probabilities(3 * logits)
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "arm": "fused",
                    "repeat": 0,
                    "fold": 0,
                    "case_id": [f"c{i}" for i in range(n)],
                    "patient_id": [f"p{i}" for i in range(n)],
                    "split": np.where(np.arange(n) < 200, "calibrate", "test"),
                    "class_name": name,
                    "target": (truth == k).astype(float),
                    "probability_raw": raw[:, k],
                }
            )
            for k, name in enumerate(names)
        ],
        ignore_index=True,
    ).sample(frac=1, random_state=0)
    calibrators, calibration = tables.fit(rows, exclusive=True)
    assert calibration["class_name"].tolist() == ["all"]
    assert calibrators["fused", 0, 0]["all"].temperature == pytest.approx(3.0, rel=0.25)
    out = tables.apply(rows, calibrators)
    np.testing.assert_allclose(out.groupby("case_id")["probability"].sum(), 1.0)
    best = out.sort_values("probability").groupby("case_id")["class_name"].last()
    before = out.sort_values("probability_raw").groupby("case_id")["class_name"].last()
    assert (best == before).all()


def test_none_leaves_probabilities_to_the_last_bit(predictions_table):
    rows = predictions_table().assign(probability_raw=lambda t: t["probability_raw"].round(9))
    rows.loc[rows.index[0], "probability_raw"] = 0.0
    keep = {("fused", 0, 0): {"died": none.Calibrator()}}
    part = rows[rows["arm"] == "fused"]
    out = tables.apply(part, keep)
    np.testing.assert_array_equal(out["probability"], part["probability_raw"])
    assert tables.read_json(tables.to_json(keep["fused", 0, 0]))["died"].name == "none"
