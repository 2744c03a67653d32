"""Whether two labels of a case agree less in a group."""

import numpy as np
import pandas as pd
import pytest

from clinmm.fairness.sources import label_noise
from clinmm.fairness.sources.row import Row
from clinmm.intake.agreement import alpha

N = 400
INDEX = pd.Index([f"c{i}" for i in range(N)], name="case_id")
SEX = np.array(["F", "M"] * (N // 2), dtype=object)
PATIENTS = np.array([f"p{i // 2}" for i in range(N)], dtype=object)[np.argsort(np.arange(N) % 2)]


def two_readers(wrong: np.ndarray) -> np.ndarray:
    """The second differs in a share `wrong` of cases."""
    rng = np.random.default_rng(0)
    first = (rng.random(N) < 0.4).astype(float)
    return np.stack([first, np.where(rng.random(N) < wrong, 1 - first, first)])[..., None]


def rows_of(
    readings: np.ndarray | None, sex: np.ndarray = SEX
) -> dict[tuple[str | None, str], Row]:
    groups = pd.DataFrame({"sex": sex}, index=INDEX)
    found = label_noise.measure(readings, groups, PATIENTS, seed=0)
    return {(row["group"], row["measure"]): row for row in found}


@pytest.mark.parametrize("readings", [None, np.zeros((1, N, 1))])
def test_without_a_second_label_nothing_can_be_told(readings: np.ndarray | None) -> None:
    rows = rows_of(readings)
    assert list(rows) == [(None, "alpha")]
    row = rows[None, "alpha"]
    assert row["verdict"] == "cannot_tell"
    assert "second label" in row["sentence"]


def test_noisier_labels_of_a_group_are_found_on_its_side_only() -> None:
    readings = two_readers(np.where(SEX == "F", 0.35, 0.05))
    rows = rows_of(readings)
    of_f = SEX == "F"
    value, low, high = alpha(readings[:, of_f], PATIENTS[of_f])
    own = rows["F", "alpha"]
    assert (own["value"], own["low"], own["high"]) == (value, low, high)
    assert rows["F", "alpha_difference"]["verdict"] == "yes"
    assert rows["M", "alpha_difference"]["verdict"] == "not_shown"
    assert "less than" in rows["F", "alpha_difference"]["sentence"]


def test_equal_noise_shows_nothing_and_few_patients_are_suppressed() -> None:
    readings = two_readers(np.full(N, 0.2))
    assert rows_of(readings)["F", "alpha_difference"]["verdict"] == "not_shown"
    few = np.where(np.arange(N) < 9, "F", "M").astype(object)
    assert rows_of(readings, few)["F", "alpha"]["verdict"] == "cannot_tell"
