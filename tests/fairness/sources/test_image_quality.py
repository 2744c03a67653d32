"""Measures of pictures, and differences of groups in them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from clinmm.fairness.sources import image_quality
from clinmm.fairness.sources.contrast import mean_difference, standardised_difference
from clinmm.fairness.sources.pictures import MEASURES, measured, noise, sharpness
from clinmm.fairness.sources.row import Row

# --- pictures --------------------------------------------------------------------------------


def test_sharpness_of_a_single_bright_pixel_by_hand() -> None:
    grey = np.zeros((5, 5))
    grey[2, 2] = 1.0  # Laplacian: -4 there, 1 at four neighbours, 0 at four corners
    assert sharpness(grey) == pytest.approx(20 / 9)


def test_blur_lowers_sharpness_and_noise_is_found() -> None:
    rng = np.random.default_rng(0)
    slope = np.tile(np.linspace(0.2, 0.8, 200), (200, 1))
    noisy = slope + rng.normal(0, 0.05, slope.shape)
    blurred = sum(np.roll(noisy, s, a) for s in (-1, 0, 1) for a in (0, 1)) / 6
    assert sharpness(blurred) < sharpness(noisy) / 4
    assert noise(noisy) == pytest.approx(0.05, rel=0.03)
    assert noise(slope) < 1e-9


def test_files_are_read_as_grey_and_absent_ones_stay_empty(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 51, dtype=np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.full((2, 8), 51, dtype=np.uint8)).save(tmp_path / "flat.png")
    found = measured([tmp_path / "grey.png", None, tmp_path / "none.png", tmp_path / "flat.png"])
    assert list(found) == list(MEASURES)
    assert found["brightness"][0] == pytest.approx(0.2)
    assert found.iloc[0].drop("brightness").tolist() == pytest.approx([0, 0, 0])
    assert found.iloc[1:].isna().all(axis=None)


# --- differences -----------------------------------------------------------------------------
def test_a_difference_of_means_by_hand() -> None:
    values = np.concatenate([np.tile([1.0, 3.0], 10), np.tile([0.0, 2.0], 15)])
    inside = np.arange(50) < 20
    patients = np.arange(50)
    found = mean_difference(values, inside, ~inside, patients)
    # every residual is 1 off: variance 1/20 + 1/30, with 20/19; t of 19 degrees of freedom
    half = 2.093024 * np.sqrt((1 / 20 + 1 / 30) * 20 / 19)
    assert found[:3] == pytest.approx((1.0, 1 - half, 1 + half), abs=1e-5)
    assert found[3:] == (20, 20)


def test_cases_of_one_patient_are_no_new_patients() -> None:
    rng = np.random.default_rng(1)
    values, inside = rng.normal(size=60), np.arange(60) < 30
    once = mean_difference(values, inside, ~inside, np.arange(60))
    often = mean_difference(
        np.repeat(values, 5), np.repeat(inside, 5), np.repeat(~inside, 5), np.repeat(range(60), 5)
    )
    assert often[:3] == pytest.approx(once[:3])
    assert (often.n_cases, often.n_patients) == (150, 30)


def test_a_standardised_difference_has_no_unit() -> None:
    rng = np.random.default_rng(2)
    values, inside, patients = rng.normal(size=80), np.arange(80) % 2 == 0, np.arange(80)
    one = standardised_difference(values, inside, ~inside, patients)
    other = standardised_difference(values * 1000 + 5, inside, ~inside, patients)
    assert one == pytest.approx(other)
    assert standardised_difference(np.ones(80), inside, ~inside, patients)[:3] == (0, 0, 0)


# --- rows ------------------------------------------------------------------------------------
def rows_of(table: pd.DataFrame, sex: list[str]) -> dict[tuple[str, str], Row]:
    index = pd.Index([f"c{i}" for i in range(len(sex))], name="case_id")
    table.index = index
    groups = pd.DataFrame({"sex": sex}, index=index)
    patients = pd.Series([f"p{i}" for i in range(len(sex))], index=index)
    found = image_quality.measure({"image": table}, groups, patients)
    return {(row["group"], row["of"]): row for row in found}


def test_a_group_whose_pictures_are_darker_and_taken_otherwise_is_found() -> None:
    rng = np.random.default_rng(3)
    sex = ["F", "M"] * 100
    of_f = np.array(sex) == "F"
    table = pd.DataFrame(
        {
            "brightness": rng.normal(size=200) - of_f,
            "noise": rng.normal(size=200),
            "view": np.where(rng.random(200) < np.where(of_f, 0.8, 0.3), "AP", "PA"),
            "bits": "8",
        }
    )
    rows = rows_of(table, sex)
    dark, view = rows["F", "image: brightness"], rows["F", "image: view is AP"]
    assert dark["verdict"] == "yes"
    assert dark["high"] < -0.5
    assert "brightness is lower in sex F" in dark["sentence"]
    assert view["verdict"] == "yes"
    assert "more frequent" in view["sentence"]
    assert rows["F", "image: noise"]["verdict"] == "not_shown"
    assert not [of for _, of in rows if "bits" in of or "PA" in of]
    assert rows["M", "image: brightness"]["value"] == pytest.approx(-dark["value"])


def test_a_difference_too_small_to_matter_is_not_shown() -> None:
    sex = ["F", "M"] * 20_000
    values = np.random.default_rng(4).normal(size=40_000) + 0.05 * (np.array(sex) == "F")
    row = rows_of(pd.DataFrame({"noise": values}), sex)["F", "image: noise"]
    assert row["low"] > 0
    assert row["verdict"] == "not_shown"


def test_few_patients_and_the_attribute_itself() -> None:
    sex = ["F"] * 9 + ["M"] * 40
    table = pd.DataFrame({"noise": np.arange(49.0), "sex": sex})
    rows = rows_of(table, sex)
    assert rows["F", "image: noise"]["verdict"] == "cannot_tell"
    assert not [of for _, of in rows if "sex" in of]


def test_a_part_of_an_intersection_is_not_held_against_it() -> None:
    sites = ["A", "B"] * 40
    index = pd.Index([f"c{i}" for i in range(80)], name="case_id")
    crossed = [f"{site}*{'F' if i < 40 else 'M'}" for i, site in enumerate(sites)]
    table = pd.DataFrame({"noise": np.arange(80.0), "site": sites}, index=index)
    groups = pd.DataFrame({"site*sex": crossed}, index=index)
    rows = image_quality.measure({"image": table}, groups, pd.Series(index, index=index))
    assert {row["of"] for row in rows} == {"image: noise"}
    assert all("site × sex A × F" in row["sentence"] for row in rows if row["group"] == "A*F")
