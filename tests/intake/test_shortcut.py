from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.intake.checks.shortcut import check, on_test
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding
from clinmm.intake.images_read import ImagesRead
from clinmm.intake.leaks.acquisition import of_numbers, of_words
from clinmm.intake.leaks.marks import RING, borders, marks, place
from clinmm.intake.leaks.sites import across_sites, large_sites, within_sites

Make = Callable[..., Cohort]
N = 240  # two cases a patient
POSITIVE = np.array([i % 6 in (0, 1) for i in range(N)])


def pictures(seed: int = 0) -> np.ndarray:
    """(N, 64, 64) of smooth noise: nothing small and bright."""
    coarse = np.random.default_rng(seed).integers(60, 160, (N, 8, 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def context_with(cohort: Cohort, thumbnails: np.ndarray, **facts: Any) -> Context:
    rows = {
        "case_id": cohort.table["case_id"], "input": "image", "status": "read",
        "sha256": [f"s{i}" for i in range(N)],
        "borders": [" ".join(map(str, borders(picture))) for picture in thumbnails], **facts,
    }  # fmt: skip
    table = schema.IMAGES.fill(pd.DataFrame(rows))
    read = ImagesRead(table, {f"s{i}": picture for i, picture in enumerate(thumbnails)})
    return Context(images=read)


def loud(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity != "info"]


def noisy(share: float, seed: int = 0) -> np.ndarray:
    """The class, wrong for this share of the patients."""
    wrong = np.repeat(np.random.default_rng(seed).random(N // 2) < share, 2)
    return POSITIVE ^ wrong


def test_a_machine_that_is_the_label_is_an_error(make: Make) -> None:
    cohort = make(N)
    model = np.where(POSITIVE, "X1", "X2")
    (error,) = loud(check(cohort, context_with(cohort, pictures(), model=model)))
    assert (error.severity, error.subject, error.value) == ("error", "image", 1.0)
    assert "most by model 1.00" in error.detail


def test_a_machine_that_goes_with_the_label_is_a_warning(make: Make) -> None:
    cohort = make(N)
    height = np.where(noisy(0.1), "512", "480")
    (warning,) = loud(check(cohort, context_with(cohort, pictures(), height=height)))
    assert warning.severity == "warning"
    assert "most by height" in warning.detail


def test_machines_that_have_nothing_to_do_with_the_label_give_no_warning(make: Make) -> None:
    cohort = make(N)
    for seed in range(2):
        model = np.random.default_rng(seed).choice(["X1", "X2", "X3"], N)
        context = context_with(cohort, pictures(seed), model=model)
        assert loud(check(cohort, context)) == []


def test_a_burned_in_letter_is_found_where_it_stands(make: Make) -> None:
    cohort, thumbnails = make(N), pictures()
    marked = noisy(0.08)
    thumbnails[marked, 3:7, 58] = 230
    thumbnails[marked, 6, 58:61] = 230
    (warning,) = loud(check(cohort, context_with(cohort, thumbnails)))
    assert "something small and bright in the upper right" in warning.detail
    shown = {int(example.case_id[1:]) for example in warning.examples}
    assert shown <= set(np.flatnonzero(marked & POSITIVE))


def test_a_letter_that_everybody_may_have_is_no_finding(make: Make) -> None:
    cohort, thumbnails = make(N), pictures()
    thumbnails[np.random.default_rng(3).random(N) < 0.5, 3:7, 58] = 230
    assert loud(check(cohort, context_with(cohort, thumbnails))) == []


def test_labels_of_test_patients_decide_nothing(make: Make) -> None:
    learns = np.arange(N) < 180
    outcome = POSITIVE.astype(int).astype(str).tolist()
    turned = outcome[:180] + [str(1 - int(y)) for y in outcome[180:]]
    found = []
    for y in (outcome, turned):
        cohort = make(N, outcome=y)
        context = context_with(cohort, pictures(), height=np.where(noisy(0.1), "512", "480"))
        context.learns = learns
        found.append(check(cohort, context))
    assert found[0] == found[1]


def test_acquisition_is_measured_on_test_patients(make: Make) -> None:
    cohort, test = make(N), np.arange(N) >= 120
    context = context_with(cohort, pictures(), model=np.where(POSITIVE, "X1", "X2"))
    context.learns = ~test
    (row,) = on_test(cohort, context, [], test)
    assert (row["value"], row["n_cases"], row["n_patients"]) == (1.0, 120, 60)


def test_borders_are_measured_on_test_patients_from_what_the_run_keeps(make: Make) -> None:
    """The run's table of images has no thumbnails."""
    cropped = pictures()
    cropped[POSITIVE, :12] = 0
    cohort, test = make(N), np.arange(N) >= 120
    kept = ImagesRead(context_with(cohort, cropped).images_of(cohort).facts, {})
    (row,) = on_test(cohort, Context(learns=~test, images=kept), [], test)
    assert row["value"] == 1.0


def test_a_cohort_without_pictures_has_no_finding(make: Make) -> None:
    inputs = {"inputs": {"note": {"kind": "note", "column": "text"}}}
    cohort = make(N, inputs)
    assert check(cohort, Context(images=ImagesRead(schema.IMAGES.empty(), {}))) == []


def test_what_can_be_seen_of_a_site_and_how_far_it_carries() -> None:
    rng = np.random.default_rng(0)
    site = np.repeat(["A", "B", "few"], [100, 100, 6])
    y = rng.integers(0, 2, 206).astype(float)
    patients = np.arange(206)
    turn = np.where(site == "B", -1, 1)  # what means yes at A means no at B
    features = (turn * (y - 0.5) + rng.normal(0, 0.2, 206))[:, None]
    assert large_sites(y, patients, site) == ["A", "B"]
    assert within_sites(features, y, patients, site).value > 0.95
    assert across_sites(features, y, patients, site).value < 0.05


def test_borders_are_counted_from_each_side() -> None:
    picture = np.full((64, 64), 100, np.uint8)
    picture[:8], picture[:, 48:] = 0, 5
    assert borders(picture) == pytest.approx([8 / 64, 0, 0, 16 / 64])
    assert borders(np.zeros((64, 64), np.uint8)).tolist() == [1, 1, 1, 1]


def test_only_what_is_small_and_bright_is_a_mark() -> None:
    flat = np.full((3, 64, 64), 100, np.uint8)
    flat[1, 2:5, 60:62] = 255  # a small bright thing
    flat[2, :20, 40:] = 255  # a large one
    peaks = marks(flat)
    cell = RING.index((0, 7))
    assert peaks[0].max() == 0
    assert peaks[1].argmax() == cell
    assert peaks[1, cell] == pytest.approx(155 / 255)
    assert peaks[2].max() == 0
    assert place(cell) == "upper right"


def test_columns_of_words_and_numbers() -> None:
    words = pd.Series(["a"] * 6 + ["b"] * 5 + [None, "rare"])
    columns = of_words(words, np.arange(13).astype(object))
    assert columns.shape == (13, 2)
    assert columns.sum(axis=0).tolist() == [6, 5]
    numbers = of_numbers(np.array([1.0, 1, 2, 2, 3, 3, 4, 4, np.nan]))
    assert (numbers.sum(axis=1) == 1).all()
