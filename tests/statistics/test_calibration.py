"""Calibrators, the choice between them, and whole tables."""

import json

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.calibration import fitted, none, platt, select, tables, temperature
from clinmm.calibration.logits import from_probabilities, log_losses, to_probabilities
from clinmm.calibration.parts import halves, parts
from clinmm.errors import InputError


def binary(n, boldness, seed=0):
    """Logits `boldness` times too bold; the right temperature is `boldness`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, n)
    return boldness * logits, (rng.random(n) < to_probabilities(logits)).astype(float)


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


def test_bold_logits_are_mended_and_honest_ones_mostly_left_alone():
    chosen = {1.0: 0, 3.0: 0}
    for boldness in chosen:
        for seed in range(20):
            logits, target = binary(150, boldness, seed)
            choice = select.choose(logits, target, [f"p{i // 2}" for i in range(150)])
            chosen[boldness] += choice.calibrator.name != "none"
    assert chosen[3.0] == 20
    assert chosen[1.0] <= 4


def test_the_simpler_of_two_that_do_as_well_is_kept_and_the_better_of_two_that_do_not():
    logits, target = binary(2000, 3.0)
    ids = [f"p{i}" for i in range(2000)]
    assert select.choose(logits, target, ids).calibrator.name == "temperature"
    # an intercept is missing: no temperature can give it
    assert select.choose(logits + 3.0, target, ids).calibrator.name == "platt"


def test_rare_risks_are_not_raised_on_average():
    rng = np.random.default_rng(3)
    honest = rng.normal(-2.2, 1.0, 3000)
    target = (rng.random(3000) < to_probabilities(honest)).astype(float)
    bold = -2.2 + 2 * (honest + 2.2)
    scaled = temperature.Calibrator.fit(bold, target).apply(bold)
    chosen = select.choose(bold, target, [f"p{i}" for i in range(3000)]).calibrator
    assert chosen.name == "platt"
    assert chosen.apply(bold).mean() == pytest.approx(target.mean(), abs=1e-3)
    assert abs(scaled.mean() - target.mean()) > 0.01


def test_every_candidate_is_on_file_with_its_gain_and_interval():
    logits, target = binary(400, 3.0)
    choice = select.choose(logits, target, [f"p{i}" for i in range(400)], cells=["a", "b"] * 200)
    assert set(choice.compared) == {
        *("none", "temperature", "platt", "beta", "isotonic", "venn_abers", "hierarchical")
    }
    for name, one in choice.compared.items():
        assert one.gain == pytest.approx(choice.log_loss_none - one.log_loss)
        assert name == "none" or one.low < one.gain < one.high
    assert choice.reason.startswith("temperature lowers the cross-fitted log loss: by 0.")
    assert "compared with beta, hierarchical, isotonic, platt, venn_abers" in choice.reason


def test_only_what_size_kind_and_wish_allow_is_offered():
    ids = [f"p{i}" for i in range(400)]

    def offered(n_positive, **settings):
        target = (np.arange(400) < n_positive).astype(float)
        choice = select.choose(np.linspace(1, -1, 400), target, ids, **settings)
        return set(choice.compared) - {"none"}, choice.reason

    assert offered(4)[0] == set()
    names, reason = offered(19)
    assert names == {"temperature"}
    assert "no claim, with fewer than 50 patients" in reason
    assert offered(49)[0] == {"temperature", "platt"}
    names, reason = offered(50)
    assert names == {"temperature", "platt", "beta", "isotonic", "venn_abers"}
    assert "claim" not in reason
    assert offered(50, candidates=["platt", "vector", "none"])[0] == {"platt"}
    assert offered(50, candidates=["none"]) == (set(), "no other calibrator was asked for")
    assert offered(50, candidates=["hierarchical"])[0] == set()  # no cells
    with pytest.raises(InputError, match="no calibrator named 'plat'"):
        offered(50, candidates=["plat"])


def test_exclusive_classes_are_offered_what_the_rarest_allows():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(300, 3))
    ids = [f"p{i}" for i in range(300)]
    for n_rarest, names in ((10, {"temperature"}), (30, {"temperature", "vector"})):
        target = np.r_[np.full(n_rarest, 2.0), np.arange(300 - n_rarest) % 2]
        assert set(select.choose(logits, target, ids).compared) == {"none", *names}
    everything = {"none", "temperature", "vector", "dirichlet"}
    assert set(select.choose(logits, np.arange(300) % 3.0, ids).compared) == everything


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
    owner = np.repeat(np.arange(30), 4)
    target = np.random.default_rng(0).integers(0, 2, 120).astype(float)
    part = parts([f"p{i:02d}" for i in owner], target, 5)
    assert all(np.unique(part[owner == i]).size == 1 for i in range(30))
    assert sorted(np.bincount(part)) == [24] * 5


def test_halves_hold_as_many_patients_of_each_class():
    patients = np.repeat([f"p{i:02d}" for i in range(40)], 2)
    target = (np.arange(80) < 20).astype(float)  # ten patients
    first = halves(patients, target)
    assert len(set(patients[first])) == 20
    assert len(set(patients[first & (target == 1)])) == 5
    assert not set(patients[first]) & set(patients[~first])
    np.testing.assert_array_equal(first, halves(patients, target))
    assert (first != halves(patients, target, seed=1)).any()


def test_cross_fitting_equals_a_loop_and_unknown_outcomes_are_calibrated_too():
    logits, target = binary(60, 3.0)
    target[:5] = np.nan
    ids = np.array([f"p{i:02d}" for i in range(60)], dtype=object)
    part = parts(ids, target, 5)
    found = fitted.cross_fit("platt", logits, target, ids, part)
    for i in range(60):
        others = (part != part[i]) & ~np.isnan(target)
        alone = platt.Calibrator.fit(logits[others], target[others])
        assert found[i] == alone.apply(logits[i : i + 1])[0]


def test_interval_of_a_clustered_mean_equals_a_loop_and_grows_with_clustering():
    values, owner = np.array([1.0, 3.0, 2.0, 6.0]), np.array([0, 0, 1, 2])
    mean, low, high = select._clustered_mean(values, owner)
    se = np.sqrt((1 - 3 + 3 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 4
    assert (mean, low, high) == pytest.approx((3.0, 3 - 1.95996 * se, 3 + 1.95996 * se), rel=1e-5)


def test_table_is_calibrated_by_arm_fold_and_class_from_rows_that_are_not_test(predictions_table):
    rows = predictions_table(classes=("a", "b"), repeats=2, folds=3, boldness=3.0)
    asked = {"exclusive": False, "candidates": ["temperature"]}
    calibrators, calibration = tables.fit(rows, **asked)
    schema.CALIBRATION.validate(calibration)
    assert len(calibration) == 3 * 2 * 3 * 2
    out = tables.apply(rows, calibrators)
    spoiled = rows.copy()
    test = spoiled["split"] == "test"
    spoiled.loc[test, "target"] = 1 - spoiled.loc[test, "target"]
    again = tables.apply(spoiled, tables.fit(spoiled, **asked)[0])
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
    asked = {"exclusive": True, "cells": None, "candidates": ["temperature"]}
    calibrators, calibration = tables.fit(rows, **asked, part="all")
    assert calibration["class_name"].tolist() == ["all"]
    assert calibrators["fused", 0, 0]["all"].temperature == pytest.approx(3.0, rel=0.25)
    out = tables.apply(rows, calibrators, cells=None)
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


def made_by_pattern(predictions_table):
    """Raw risks that are far too high where the note is missing."""
    rows = predictions_table(n_cases=2400, arms=("fused",), skill=(1.8,))
    logits = from_probabilities(rows["probability_raw"].to_numpy())
    return rows.assign(
        probability_raw=to_probabilities(logits + 2.0 * (rows["pattern"] == "image"))
    )


def test_patterns_get_their_own_calibration_where_it_pays(predictions_table):
    rows = made_by_pattern(predictions_table)
    calibrators, calibration = tables.fit(rows, exclusive=False)
    assert calibration["calibrator"].tolist() == ["hierarchical"]
    assert calibration["by"].tolist() == ["pattern"]
    candidates = json.loads(calibration["candidates"][0])
    assert candidates["hierarchical"]["gain"] > candidates["platt"]["gain"] > 0
    assert set(candidates["platt"]) == {"log_loss", "gain", "low", "high"}
    again = tables.read_json(json.loads(json.dumps(tables.to_json(calibrators["fused", 0, 0]))))
    test = rows[rows["split"] == "test"]
    out = test.assign(probability=tables.apply_to(test, again))
    for _, part in out.groupby("pattern"):
        assert part["probability"].mean() == pytest.approx(part["target"].mean(), abs=0.06)


def test_a_group_of_each_case_may_be_calibrated_by_and_must_then_be_given(predictions_table):
    rows = made_by_pattern(predictions_table)
    sex = rows.set_index("case_id")["pattern"].map({"image": "F"}).rename("sex")  # NaN elsewhere
    asked = {"exclusive": False, "candidates": ["hierarchical"], "cells": sex}
    calibrators, calibration = tables.fit(rows, **asked)
    assert calibration["by"].tolist() == ["sex"]
    assert set(calibrators["fused", 0, 0]["died"].by_cell) == {"sex=F", "sex=not recorded"}
    tables.apply(rows, calibrators, cells=sex)
    for other in ("pattern", None):
        with pytest.raises(InputError, match="fitted by 'sex'"):
            tables.apply(rows, calibrators, cells=other)
    with pytest.raises(InputError, match="no column 'age' to calibrate by"):
        tables.fit(rows, exclusive=False, cells="age")
    with pytest.raises(InputError, match="needs a name"):
        tables.fit(rows, exclusive=False, cells=sex.rename(None))


def test_calibrators_are_fitted_on_the_first_half_and_sets_on_the_second(predictions_table):
    rows = predictions_table(boldness=3.0, arms=("fused",), skill=(1.8,), classes=("a", "b"))
    first, second = (tables.calibration_rows(rows, part=part) for part in ("first", "second"))
    assert not set(first["patient_id"]) & set(second["patient_id"])
    assert len(first) + len(second) == len(tables.calibration_rows(rows))
    calibrators, _ = tables.fit(rows, exclusive=False)
    spoiled = rows.copy()
    spoiled.loc[second.index, "target"] = 1 - spoiled.loc[second.index, "target"]
    # the halves are dealt by the outcome, so the half is named by hand
    kept = spoiled.drop(second.index)
    again, _ = tables.fit(kept, exclusive=False, part="all")
    assert tables.to_json(again["fused", 0, 0]) == tables.to_json(calibrators["fused", 0, 0])


def test_held_out_probabilities_come_from_calibrators_without_the_patient(predictions_table):
    rows = predictions_table(boldness=3.0, arms=("fused",), skill=(1.8,))
    asked = {"exclusive": False, "candidates": ["platt"]}
    calibrators, _ = tables.fit(rows, **asked)
    applied = tables.apply(rows, calibrators)
    first, second = tables.held_out(applied, calibrators=calibrators, **asked)
    pd.testing.assert_frame_equal(second, applied.loc[second.index])
    inside = applied.loc[first.index, "probability"]
    assert 0 < (first["probability"] - inside).abs().max() < 0.2
    pd.testing.assert_series_equal(tables.crossfitted(rows, **asked), first["probability"])
    unknown = rows.assign(target=rows["target"].where(rows["patient_id"] != "p00000"))
    assert tables.crossfitted(unknown, calibrators=calibrators, part="all", **asked).notna().all()


def test_with_folds_every_rule_looks_at_cross_fitted_probabilities(predictions_table):
    rows = predictions_table(boldness=3.0, arms=("fused",), skill=(1.8,), folds=3)
    calibrators, _ = tables.fit(rows, exclusive=False, candidates=["temperature"])
    first, second = tables.held_out(rows, exclusive=False, calibrators=calibrators)
    pd.testing.assert_frame_equal(first, second)
    assert set(first.index) == set(rows.index[rows["split"] != "test"])
    apart = first["probability"] - tables.apply(rows, calibrators).loc[first.index, "probability"]
    assert (apart.groupby([first["fold"], first["patient_id"]]).max() != 0).all()


def test_a_class_whose_outcome_is_never_known_stays_as_it_is(predictions_table):
    rows = predictions_table(classes=("a", "b"), arms=("fused",), skill=(1.8,))
    rows.loc[rows["class_name"] == "b", "target"] = np.nan
    calibrators, calibration = tables.fit(rows, exclusive=False)
    assert calibration.set_index("class_name").loc["b", "calibrator"] == "none"
    out = tables.apply(rows, calibrators)
    b = out["class_name"] == "b"
    np.testing.assert_array_equal(out.loc[b, "probability"], out.loc[b, "probability_raw"])


def test_exclusive_classes_with_a_row_missing_are_refused(predictions_table):
    rows = predictions_table(classes=("a", "b"), arms=("fused",), skill=(1.8,))
    with pytest.raises(InputError, match="one row of each class for every case"):
        tables.fit(rows.iloc[1:].assign(split="calibrate"), exclusive=True, part="all")
