import numpy as np
import pandas as pd
import pytest
import torch
from plain_model import plain_batch, plain_model
from small_study import fold_with_members, plain_fold, small_cohort

from clinmm import schema
from clinmm.new_cases import mean_over_models, whole_as_test
from clinmm.predict import fold_logits, logits_of, prediction_rows, probabilities

N = 24


def constant(value: float):
    """A model that always answers `value`."""
    return plain_model(log_odds=(value,))


def test_a_case_on_which_a_model_stopped_gets_that_models_logit_and_others_the_mean() -> None:
    fold = fold_with_members()
    found = fold_logits([constant(1.0), constant(4.0)], plain_batch(N), fold)[:, 0]
    assert (found[fold.member == 0] == 1).all()
    assert (found[fold.member == 1] == 4).all()
    assert (found[fold.split == "test"] == 2.5).all()


def test_a_fold_of_one_model_gives_its_logits() -> None:
    assert (fold_logits([constant(0.5)], plain_batch(N), plain_fold()) == 0.5).all()


def test_a_case_never_gets_the_answer_of_a_model_that_learned_from_it() -> None:
    fold = fold_with_members()
    for member in range(fold.n_members):
        train, validate = fold.training_of(member)
        answers = [constant(100.0) if m == member else constant(0.0) for m in range(2)]
        seen = fold_logits(answers, plain_batch(N), fold)[:, 0] == 100
        assert not seen[train].any()
        assert seen[validate].all()
        assert (fold.split[train] == "train").all()
        assert not set(train) & set(validate)


def test_training_and_stopping_cases_are_never_test_or_calibration_cases() -> None:
    fold = plain_fold()
    train, validate = fold.training_of(0)
    assert set(fold.split[train]) == {"train"}
    assert set(fold.split[validate]) == {"validate"}
    assert set(fold.split[fold.not_test]) == {"train", "validate", "calibrate"}


@pytest.mark.parametrize("arm", ["fused", "note"])
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_rows_leave_out_training_cases_and_cases_without_the_arms_input(
    arm: str, task: str
) -> None:
    cohort = small_cohort(task=task)
    inputs = ["age", "labs", "note"] if arm == "fused" else ["note"]
    n_classes = len(cohort.class_names)
    logits = np.arange(N * n_classes, dtype=float).reshape(N, n_classes) / 10
    fold = plain_fold()
    rows = prediction_rows(cohort, arm, inputs, fold, logits)
    wanted = [
        f"c{i}"
        for i in range(N)
        if fold.split[i] not in ("train", "") and (arm == "fused" or i % 4 != 0)
    ]
    for k, name in enumerate(cohort.class_names):
        part = rows[rows["class_name"] == name]
        assert part["case_id"].tolist() == wanted
        index = [int(case[1:]) for case in wanted]
        assert part["split"].tolist() == fold.split[index].tolist()
        np.testing.assert_array_equal(part["target"], cohort.targets()[index, k])
        expected = probabilities(logits, task)[index, k]
        np.testing.assert_array_equal(part["probability_raw"], expected)
        np.testing.assert_array_equal(part["probability"], expected)
        assert part["patient_id"].tolist() == [f"p{i // 2}" for i in index]
    schema.TABLES["predictions"].fill(rows)


def test_with_members_the_cross_fitted_training_cases_are_kept_with_their_fold() -> None:
    fold = fold_with_members()
    rows = prediction_rows(small_cohort(), "fused", ["age", "labs", "note"], fold, np.zeros((N, 1)))
    assert len(rows) == N
    assert set(rows["split"]) == {"train", "test"}
    assert set(zip(rows["repeat"], rows["fold"], strict=True)) == {(1, 2)}


def test_the_pattern_names_what_was_present_of_the_arms_inputs() -> None:
    cohort = small_cohort(lab=[None] * N)
    fold = whole_as_test(cohort, 0, 0)
    logits = np.zeros((N, 1))
    fused = prediction_rows(cohort, "fused", ["age", "labs", "note"], fold, logits)
    patterns = dict(zip(fused["case_id"], fused["pattern"], strict=True))
    assert (patterns["c0"], patterns["c1"], patterns["c4"], patterns["c5"]) == (
        "none",  # the fused arm answers for a case without any input: by the prevalence
        "age+note",
        "age",
        "note",
    )
    note = prediction_rows(cohort, "note", ["note"], fold, logits)
    assert set(note["pattern"]) == {"note"}
    assert set(note["case_id"]) == {f"c{i}" for i in range(N) if i % 4}


def test_probabilities_by_hand() -> None:
    logits = np.log(np.array([[1.0, 2.0, 1.0]]))
    np.testing.assert_allclose(probabilities(logits, "multiclass"), [[0.25, 0.5, 0.25]])
    np.testing.assert_allclose(probabilities(logits, "multilabel"), [[0.5, 2 / 3, 0.5]])


def test_logits_do_not_depend_on_how_cases_are_cut_into_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, batch = plain_model(), plain_batch(50, absent=0.3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape))
    whole = logits_of(model, batch)
    monkeypatch.setattr("clinmm.predict.AT_ONCE", 7)
    np.testing.assert_allclose(logits_of(model, batch), whole, rtol=1e-5)
    assert whole.shape == (50, 1)
    assert not model.training


def test_the_mean_over_models_is_that_of_their_probabilities() -> None:
    tables = [
        pd.DataFrame(
            {
                "case_id": ["a", "b"],
                "repeat": 3,
                "fold": fold,
                "probability_raw": [p, p],
                "probability": [p, p / 2],
            }
        )
        for fold, p in ((0, 0.2), (1, 0.8))
    ]
    mean = mean_over_models(tables)
    assert mean["probability_raw"].tolist() == [0.5, 0.5]
    assert mean["probability"].tolist() == [0.5, 0.25]
    assert mean[["repeat", "fold"]].to_numpy().tolist() == [[0, 0], [0, 0]]
