"""What an embedding reveals of an attribute: planted, absent, and with the label held fixed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clinmm.fairness.embedded import FoldEmbeddings
from clinmm.fairness.sources import revealed
from clinmm.fairness.sources.probe import probe_scores
from clinmm.fairness.sources.row import Row
from clinmm.folds import Fold
from clinmm.intervals import Draws, Sample, estimate

N = 240


def folds_of(
    vectors: NDArray[np.float64], n_folds: int, name: str = "fused"
) -> list[FoldEmbeddings]:
    """Every case is test once; of one fold a third is test."""
    number = np.arange(len(vectors)) // 2 % max(n_folds, 3)  # two cases a patient
    return [
        FoldEmbeddings(
            Fold(0, k, np.where(number == k, "test", "train"), np.full(len(vectors), -1)),
            {name: vectors},
        )
        for k in range(n_folds)
    ]


def patients_of(n: int) -> NDArray[np.object_]:
    return np.array([f"p{i // 2:04d}" for i in range(n)], dtype=object)


def table(values: Sequence[str | None]) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(len(values))], name="case_id")
    return pd.DataFrame({"sex": list(values)}, index=index)


def found(
    vectors: NDArray[np.float64],
    sex: Sequence[str | None],
    labels: NDArray[np.float64] | None = None,
    n_folds: int = 3,
) -> dict[tuple[str, str, str | None], Row]:
    n = len(vectors)
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 2, (n, 1)).astype(float) if labels is None else labels
    rows = revealed.measure(folds_of(vectors, n_folds), table(sex), patients_of(n), labels)
    return {(row["source"], row["of"], row["group"]): row for row in rows}


def test_the_probe_is_a_standardised_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x = np.hstack([rng.normal(size=(80, 5)) * [1, 10, 0.1, 3, 7] + 4, np.full((80, 1), 2.0)])
    y = x[:, 0] + rng.normal(size=80) > 4
    learn, ask = np.arange(60), np.arange(60, 80)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1 / 5, max_iter=1000))
    theirs.fit(x[learn], y[learn])
    ours = probe_scores(x, y, learn, ask)
    assert ours is not None
    np.testing.assert_allclose(ours, theirs.predict_proba(x[ask])[:, 1], atol=1e-5)


def test_the_probe_has_nothing_to_say_of_what_does_not_vary_or_is_too_rare() -> None:
    y = np.arange(40) % 2 == 0
    learn, ask = np.arange(30), np.arange(30, 40)
    assert probe_scores(np.full((40, 3), 0.3), y, learn, ask).tolist() == [0.5] * 10  # type: ignore[union-attr]
    x = np.random.default_rng(0).normal(size=(40, 3))
    assert probe_scores(x, np.arange(40) < 4, learn, ask) is None


def test_one_split_gives_the_auroc_of_scikit_learn_on_its_test_cases() -> None:
    rng = np.random.default_rng(1)
    sex = rng.choice(["F", "M"], N)
    x = rng.normal(size=(N, 4)) + (sex == "F")[:, None] * 0.5
    row = found(x, list(sex), n_folds=1)["revealed", "fused", None]
    test = np.arange(N) // 2 % 3 == 0
    score = probe_scores(x, sex == "F", np.flatnonzero(~test), np.flatnonzero(test))
    assert row["value"] == pytest.approx(roc_auc_score(sex[test] == "F", score))
    assert (row["n_cases"], row["n_patients"]) == (80, 40)


def test_a_planted_attribute_is_revealed_and_an_absent_one_is_not() -> None:
    rng = np.random.default_rng(2)
    sex = rng.choice(["F", "M"], N)
    noise = rng.normal(size=(N, 6))
    planted = noise.copy()
    planted[:, 3] += 2 * (sex == "F")
    yes, no = (found(x, list(sex))["revealed", "fused", None] for x in (planted, noise))
    assert yes["verdict"] == "yes"
    assert yes["low"] > 0.75
    assert "does not show that the model uses it" in yes["sentence"]
    assert no["verdict"] == "not_shown"
    assert no["low"] < 0.5 < no["high"]


def test_scale_and_place_of_the_dimensions_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    sex = rng.choice(["F", "M"], N)
    x = rng.normal(size=(N, 4)) + (sex == "F")[:, None] * 0.3
    moved = (x * [100, 0.01, 3, 1] - 7)[:, [2, 0, 3, 1]]
    once, again = (found(v, list(sex))["revealed", "fused", None] for v in (x, moved))
    assert once["value"] == pytest.approx(again["value"], abs=1e-3)


def test_what_is_the_label_alone_reveals_nothing_once_the_label_is_held_fixed() -> None:
    rng = np.random.default_rng(4)
    sex = rng.choice(["F", "M"], N)
    label = np.where(rng.random(N) < 0.85, sex == "F", sex == "M").astype(float)
    rows = found(label[:, None] * [[1.0, 2.0]], list(sex), label[:, None])
    whole, fixed = (rows[s, "fused", None] for s in ("revealed", "revealed_label_fixed"))
    assert whole["verdict"] == "yes"
    assert rows["revealed", "labels", None]["value"] == pytest.approx(whole["value"])
    assert "The labels alone give 0.8" in whole["sentence"]
    assert fixed["value"] == 0.5
    assert fixed["verdict"] == "not_shown"
    assert ("revealed_label_fixed", "labels", None) not in rows


def test_with_folds_the_interval_is_wider_by_the_root_of_two() -> None:
    rng = np.random.default_rng(10)
    sex = rng.choice(["F", "M"], N)
    x = rng.normal(size=(N, 4))
    row = found(x, list(sex))["revealed", "fused", None]
    fold = np.arange(N) // 2 % 3
    score = np.empty(N)
    for k in range(3):
        scores = probe_scores(x, sex == "F", np.flatnonzero(fold != k), np.flatnonzero(fold == k))
        assert scores is not None
        score[fold == k] = scores
    order = np.argsort(fold, kind="stable")
    draws = Draws.make(patients_of(N).tolist(), 0, 0)
    sample = Sample(
        y_true=(sex == "F")[order].astype(float),
        columns={"probe": score[order]},
        patient=draws.index(patients_of(N).tolist())[order],
        case=order.astype(np.int64),
        repeat=np.zeros(N, dtype=np.int64),
        fold=fold[order].astype(np.int64),
    )
    plain = estimate(sample, [("auroc", "probe")], draws)["auroc", "probe"]
    assert row["value"] == pytest.approx(plain.value)
    low, high = plain.interval()
    assert (row["high"] - row["low"]) / (high - low) == pytest.approx(2**0.5, rel=0.02)


def test_with_folds_chance_leaves_the_interval_as_often_as_it_should() -> None:
    far = []
    for seed in range(40):
        rng = np.random.default_rng([5, seed])
        sex = np.repeat(rng.choice(["F", "M"], N // 2), 2)
        x = np.repeat(rng.normal(size=(N // 2, 8)), 2, axis=0)
        row = found(x, list(sex))["revealed", "fused", None]
        far.append((row["value"] - 0.5) / (row["high"] - row["low"]) * 2 * 1.96)
    assert 0.7 < np.std(far) < 1.25  # without widening 1.4


def test_each_of_several_groups_and_their_mean() -> None:
    rng = np.random.default_rng(6)
    age = rng.choice(["old", "young", "middle"], N)
    x = rng.normal(size=(N, 3))
    x[:, 0] += 3 * (age == "old")
    rows = found(x, list(age))
    each = [rows["revealed", "fused", group] for group in ("middle", "old", "young")]
    assert each[1]["value"] > 0.9
    mean = rows["revealed", "fused", None]["value"]
    assert mean == pytest.approx(np.mean([row["value"] for row in each]))


def test_who_is_not_recorded_or_lacks_the_input_is_left_out_and_few_are_suppressed() -> None:
    rng = np.random.default_rng(7)
    sex: list[str | None] = [str(s) for s in rng.choice(["F", "M"], N)]
    x = rng.normal(size=(N, 3))
    sex[:20], x[20:40] = ["not recorded"] * 10 + [None] * 10, np.nan
    assert found(x, sex)["revealed", "fused", None]["n_cases"] == N - 40
    few = ["F" if i < 6 else "M" for i in range(N)]  # three patients
    row = found(rng.normal(size=(N, 3)), few).get(("revealed", "fused", None))
    assert row is None or row["verdict"] == "cannot_tell"
    few = ["F" if i % 60 < 2 else "M" for i in range(N)]  # four patients
    row = found(rng.normal(size=(N, 3)), few)["revealed", "fused", None]
    assert row["verdict"] == "cannot_tell"
    assert np.isnan(row["value"])
    assert "cannot be told" in row["sentence"]


def test_the_sentence_says_where_an_input_holds_the_attribute() -> None:
    rng = np.random.default_rng(8)
    sex = rng.choice(["F", "M"], N)
    x = (sex == "F")[:, None] + rng.normal(size=(N, 2))
    folds = folds_of(x, 3, "record")
    rows = revealed.measure(
        folds, table(list(sex)), patients_of(N), np.zeros((N, 1)), given={"sex": ["record"]}
    )
    said = next(row["sentence"] for row in rows if row["of"] == "record")
    assert "It is a column of record." in said
