"""The gap among pictures of like quality, where quality carries it and where it does not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinmm.errors import InputError
from clinmm.fairness.sources import image_quality, quality_fixed
from clinmm.fairness.sources.row import Row
from clinmm.fairness.sources.weighted_sum import weighted_sum
from clinmm.intervals import Draws, Sample, estimate

N = 1200
IDS = np.array([f"c{i:04d}" for i in range(N)], dtype=object)
PATIENTS = np.array([f"p{i // 2:04d}" for i in range(N)], dtype=object)


def planted(
    *, of_blur: float, of_sex: float, apart: float = 1.0, classes: tuple[str, ...] = ("ill",)
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pictures of F are less sharp by `apart` deviations; what is seen of an illness falls with
    blur, or is less in F whatever the picture. Quality, predictions, thresholds, groups."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], N)
    sharp = rng.normal(size=N) - apart * (sex == "F")
    parts = []
    for name in classes:
        y = (rng.random(N) < 0.4).astype(float)
        seen = 2.0 + of_blur * np.clip(sharp + 0.5, -1.0, 1.0) - of_sex * (sex == "F")
        z = seen * (y - 0.5) + rng.normal(size=N)
        risk = 1 / (1 + np.exp(-z))
        of_class: dict[str, Any] = {
            "arm": "fused", "repeat": 0, "fold": np.arange(N) // 2 % 2, "case_id": IDS,
            "patient_id": PATIENTS, "split": "test", "class_name": name, "target": y,
            "probability_raw": risk, "probability": risk, "pattern": "any",
        }  # fmt: skip
        parts.append(pd.DataFrame(of_class))
    predictions = pd.concat(parts, ignore_index=True)
    keys = ["arm", "repeat", "fold", "class_name"]
    thresholds = predictions[keys].drop_duplicates(ignore_index=True)
    thresholds = thresholds.assign(operating_point="half", threshold=0.5)
    index = pd.Index(IDS, name="case_id")
    quality = pd.DataFrame({"sharpness": sharp, "contrast": rng.normal(size=N)}, index=index)
    return quality, predictions, thresholds, pd.DataFrame({"sex": sex}, index=index)


def rows_of(
    quality: pd.DataFrame,
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame,
    groups: pd.DataFrame,
    **more: Any,
) -> dict[tuple[str, str, str], Row]:
    given = {"image": quality}
    patients = pd.Series(PATIENTS, index=groups.index)
    differs = image_quality.measure(given, groups, patients)
    rows = quality_fixed.measure(given, differs, predictions, thresholds, groups, seed=0, **more)
    return {(row["group"], row["of"], row["measure"]): row for row in rows}


FIXED = ("F", "image: sharpness", "auroc_difference")
CARRIED = ("F", "image: sharpness", "auroc_gap_difference")


def test_quality_that_carries_the_gap_is_said_to() -> None:
    rows = rows_of(*planted(of_blur=2.0, of_sex=0.0))
    fixed, carried = rows[FIXED], rows[CARRIED]
    assert fixed["low"] < 0 < fixed["high"]
    assert fixed["verdict"] is None
    assert carried["high"] < 0
    assert carried["verdict"] == "yes"
    assert "goes away among pictures of image of like sharpness" in carried["sentence"]
    assert rows["M", *CARRIED[1:]]["verdict"] == "yes"  # of two groups either side


def test_a_gap_at_like_quality_is_not_put_down_to_quality() -> None:
    rows = rows_of(*planted(of_blur=0.0, of_sex=1.5))
    fixed, carried = rows[FIXED], rows[CARRIED]
    assert fixed["high"] < 0
    assert carried["low"] < 0 < carried["high"]
    assert carried["verdict"] == "not_shown"


def test_only_what_differs_between_groups_is_asked() -> None:
    assert {of for _, of, _ in rows_of(*planted(of_blur=1.0, of_sex=0.0))} == {"image: sharpness"}
    assert rows_of(*planted(of_blur=2.0, of_sex=0.0, apart=0.0)) == {}


def test_the_gap_is_that_of_the_thirds_with_the_shares_of_the_group() -> None:
    quality, predictions, thresholds, groups = planted(of_blur=2.0, of_sex=0.5)
    rows = rows_of(quality, predictions, thresholds, groups, primary=("fnr",))
    ill = predictions["target"].to_numpy() == 1
    missed = predictions["probability"].to_numpy() < 0.5
    sharp = quality["sharpness"].to_numpy()
    third = np.digitize(sharp, np.quantile(sharp, [1 / 3, 2 / 3]))
    of_f = groups["sex"].to_numpy() == "F"
    gaps = [
        missed[ill & of_f & (third == i)].mean() - missed[ill & ~of_f & (third == i)].mean()
        for i in range(3)
    ]
    fixed = np.dot(gaps, [(third[of_f] == i).mean() for i in range(3)])
    whole = missed[ill & of_f].mean() - missed[ill & ~of_f].mean()
    assert rows["F", "image: sharpness", "fnr_difference"]["value"] == pytest.approx(fixed)
    carried = rows["F", "image: sharpness", "fnr_gap_difference"]
    assert carried["value"] == pytest.approx(whole - fixed)


def test_pictures_without_a_measure_and_a_third_without_the_group_are_left_out() -> None:
    quality, predictions, thresholds, groups = planted(of_blur=2.0, of_sex=0.0)
    lacking = quality.mask(pd.Series(np.arange(N) % 4 == 0, index=quality.index))
    there = lacking["sharpness"].notna().to_numpy()
    same = rows_of(lacking, predictions, thresholds, groups)[FIXED]
    fewer = predictions[predictions["case_id"].isin(IDS[there])]
    assert same["value"] == rows_of(lacking, fewer, thresholds, groups)[FIXED]["value"]
    sharpest = quality["sharpness"] > quality["sharpness"].quantile(2 / 3)
    nobody = quality[~(sharpest & (groups["sex"] == "F"))]
    assert rows_of(nobody, predictions, thresholds, groups)[CARRIED]["verdict"] == "yes"


def test_groups_that_share_no_quality_cannot_be_compared() -> None:
    rows = rows_of(*planted(of_blur=2.0, of_sex=0.0, apart=20.0))
    assert rows[CARRIED]["verdict"] == "cannot_tell"
    assert FIXED not in rows
    assert np.isnan(rows[CARRIED]["value"])


def test_a_rare_class_does_not_silence_the_others() -> None:
    quality, predictions, thresholds, groups = planted(
        of_blur=2.0, of_sex=0.0, classes=("a", "b", "rare")
    )
    rare = predictions["class_name"] == "rare"
    well = rare & predictions["case_id"].map(groups["sex"]).eq("F")
    predictions.loc[well, "target"] = 0.0
    row = rows_of(quality, predictions, thresholds, groups)[CARRIED]
    two = rows_of(quality, predictions[~rare], thresholds, groups)[CARRIED]
    assert row["class_name"] == "macro"
    assert [row[n] for n in ("value", "low", "high")] == [two[n] for n in ("value", "low", "high")]


def test_another_arm_has_no_rows_and_an_unknown_metric_is_refused() -> None:
    given = planted(of_blur=2.0, of_sex=0.0)
    assert rows_of(*given, arm="image") == {}
    with pytest.raises(InputError, match="aurocc"):
        rows_of(*given, primary=("aurocc",))


def test_a_weighted_sum_is_that_of_values_and_influences() -> None:
    rng = np.random.default_rng(1)
    y, z = np.repeat([0.0, 1.0], 30), rng.normal(size=60)
    zeros = np.zeros(60, dtype=np.int64)
    draws = Draws.make([f"p{i:02d}" for i in range(60)], 20, 0)
    sample = Sample(y, {"z": 1 / (1 + np.exp(-z))}, np.arange(60), np.arange(60), zeros, zeros)
    one, other = (
        estimate(sample.take(keep), [("brier", "z")], draws)["brier", "z"]
        for keep in (np.arange(60) % 2 == 0, np.arange(60) % 2 == 1)
    )
    both = weighted_sum([one, other], [0.25, -2.0])
    assert both.value == pytest.approx(0.25 * one.value - 2 * other.value)
    assert both.influence is not None
    assert one.influence is not None
    moved = dict(zip(both.influence.patients, both.influence.values, strict=True))
    assert moved[0] == pytest.approx(0.25 * one.influence.values[0])
    key = ("ece", "z")
    drawn = estimate(sample, [key], draws)[key]
    twice = weighted_sum([drawn, drawn], [1.0, 1.0])
    assert twice.replicates is not None
    assert drawn.replicates is not None
    np.testing.assert_allclose(twice.replicates, 2 * drawn.replicates)
