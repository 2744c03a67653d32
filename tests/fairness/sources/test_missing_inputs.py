"""What missing inputs cost, on a model whose answers are known by algebra."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from clinmm.fairness.sources import missing_inputs
from clinmm.fairness.sources.hidden import HeldOut, Masks
from clinmm.fairness.sources.row import Row

N = 400


def toy(present: Masks, target: NDArray[np.float64], seen: list[Masks] | None = None) -> HeldOut:
    """A model that knows the label from `image` and nothing from `note`."""

    def ask(asked: Masks) -> NDArray[np.float64]:
        if seen is not None:
            seen.append(asked)
        certain = np.where(target == 1, 0.9, 0.1)
        return np.where(asked[:, :, 0], certain, 0.5)[..., None]

    fold = np.arange(len(target)) % 2
    return HeldOut(np.arange(len(target)), fold, ["image", "note"], present, ask)


def groups(sex: NDArray[np.str_]) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(len(sex))], name="case_id")
    return pd.DataFrame({"sex": sex.astype(object)}, index=index)


def rows_of(
    cases: HeldOut, sex: NDArray[np.str_], target: NDArray[np.float64], per_patient: int = 1
) -> dict[tuple[str, str, str], Row]:
    patients = np.array([f"p{i // per_patient:04d}" for i in range(len(sex))], dtype=object)
    found = missing_inputs.measure(cases, groups(sex), patients, target[:, None], ["ill"], seed=0)
    return {(row["group"], row["of"], row["measure"]): row for row in found}


def invented(share: float) -> tuple[Masks, NDArray[np.str_], NDArray[np.float64]]:
    """F lacks the image in `share` of the cases, M never; notes are always there."""
    rng = np.random.default_rng(0)
    sex = np.where(np.arange(N) % 4 == 0, "F", "M")
    present = np.ones((N, 2), dtype=bool)
    of_f = np.flatnonzero(sex == "F")
    present[of_f[: round(share * of_f.size)], 0] = False
    return present, sex, (rng.random(N) < 0.4).astype(float)


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_the_cost_is_half_the_square_of_the_share_that_is_hidden(share: float) -> None:
    # A pair is ranked by chance where both its images are hidden, else rightly.
    present, sex, target = invented(share)
    rows = rows_of(toy(present, target), sex, target)
    rate = rows["F", "image", "missing_rate_difference"]
    cost = rows["F", "image", "auroc_cost"]
    assert rate["value"] == pytest.approx(share)
    assert rate["verdict"] == "yes"
    assert cost["value"] == pytest.approx(share**2 / 2, abs=0.015)
    assert cost["verdict"] == "yes"
    assert cost["low"] > 0
    assert cost["n_patients"] == (sex == "M").sum()


def test_only_others_lose_the_input_and_they_lose_it_as_often() -> None:
    present, sex, target = invented(0.4)
    present[np.flatnonzero(sex == "M")[:75], 0] = False  # a quarter of M
    asked: list[Masks] = []
    rows_of(toy(present, target, asked), sex, target)
    before, after = asked[0][0], asked[0][1:]
    np.testing.assert_array_equal(before, present)
    assert len(after) == missing_inputs.N_DRAWS
    assert (after[:, sex == "F"] == present[sex == "F"]).all()
    assert not (after & ~present).any()
    assert (~after[:, sex == "M", 0]).mean() == pytest.approx(0.4, abs=0.02)
    assert after[:, :, 1].all()


def test_a_patient_loses_the_input_in_all_cases_or_in_none() -> None:
    present, _, target = invented(0.0)
    sex = np.where(np.arange(N) // 2 % 2 == 0, "F", "M")
    present[np.flatnonzero(sex == "F")[:100], 0] = False
    asked: list[Masks] = []
    rows_of(toy(present, target, asked), sex, target, per_patient=2)
    hidden = ~asked[0][1:, :, 0]
    np.testing.assert_array_equal(hidden[:, ::2], hidden[:, 1::2])


def test_two_inputs_are_also_hidden_together() -> None:
    present, sex, target = invented(0.5)
    present[:, 1] = (sex == "M") | (np.arange(N) % 8 == 0)
    rows = rows_of(toy(present, target), sex, target)
    alone, both = rows["F", "image", "auroc_cost"], rows["F", "all inputs", "auroc_cost"]
    assert both["value"] == pytest.approx(alone["value"])  # the note says nothing
    assert rows["F", "note", "auroc_cost"]["value"] == 0


def test_an_input_that_a_group_has_more_often_costs_it_nothing() -> None:
    present, sex, target = invented(0.5)
    rows = rows_of(toy(present, target), sex, target)
    assert rows["M", "image", "missing_rate_difference"]["verdict"] == "not_shown"
    assert ("M", "image", "auroc_cost") not in rows
    assert not [key for key in rows if key[1] == "note"]


def test_with_few_patients_nothing_can_be_told() -> None:
    present, _, target = invented(0.5)
    sex = np.where(np.arange(N) < 8, "F", "M")
    rows = rows_of(toy(present, target), sex, target)
    assert {row["verdict"] for row in rows.values()} == {"cannot_tell"}
