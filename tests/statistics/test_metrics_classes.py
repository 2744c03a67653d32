"""Metrics of several classes: ordered, exclusive, and micro averages of labels."""

import numpy as np
import pytest
from sklearn import metrics as reference

from clinmm.errors import InputError
from clinmm.metrics import quadratic_kappa as kappa_file
from clinmm.metrics.accuracy import accuracy
from clinmm.metrics.auroc import auroc
from clinmm.metrics.balanced_multiclass_accuracy import balanced_multiclass_accuracy
from clinmm.metrics.classes import called_class, known_pairs, one_hot
from clinmm.metrics.mean_absolute_error import mean_absolute_error
from clinmm.metrics.quadratic_kappa import quadratic_kappa

METRICS = [accuracy, balanced_multiclass_accuracy, mean_absolute_error, quadratic_kappa]


def graded(n=120, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n).astype(float)
    logits = -0.6 * np.abs(np.arange(n_classes) - y[:, None]) + rng.normal(size=(n, n_classes))
    p = np.exp(logits)
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_metrics_of_classes_equal_scikit_learn(n_classes):
    for seed in range(5):
        y, p = graded(n_classes=n_classes, seed=seed)
        called = p.argmax(axis=1)
        assert accuracy(y, p) == pytest.approx(reference.accuracy_score(y, called))
        wanted = reference.balanced_accuracy_score(y, called)
        assert balanced_multiclass_accuracy(y, p) == pytest.approx(wanted)
        wanted = reference.mean_absolute_error(y, called)
        assert mean_absolute_error(y, p) == pytest.approx(wanted)
        wanted = reference.cohen_kappa_score(y.astype(int), called, weights="quadratic")
        assert quadratic_kappa(y, p) == pytest.approx(wanted)


def test_perfect_and_reversed_grades():
    y = np.array([0.0, 1, 2, 3])
    assert (accuracy(y, np.eye(4)), mean_absolute_error(y, np.eye(4))) == (1, 0)
    assert quadratic_kappa(y, np.eye(4)) == 1
    assert quadratic_kappa(y, np.eye(4)[::-1]) == pytest.approx(-1)


def test_kappa_and_error_see_the_order_of_the_classes_and_its_direction_does_not_matter():
    y, p = graded()
    reversed_ = 3 - y, p[:, ::-1]
    other = np.array([2.0, 0, 3, 1])[y.astype(int)], p[:, np.argsort([2, 0, 3, 1])]
    for metric in METRICS:
        assert metric(*reversed_) == pytest.approx(metric(y, p))
    assert accuracy(*other) == pytest.approx(accuracy(y, p))
    assert quadratic_kappa(*other) != pytest.approx(quadratic_kappa(y, p), abs=0.01)


def test_balanced_accuracy_needs_a_case_of_every_class():
    with pytest.raises(InputError, match="undefined where a class has no case"):
        balanced_multiclass_accuracy([0, 1], [[0.5, 0.3, 0.2]] * 2)


def test_kappa_with_one_class_only_is_refused_and_its_influence_is_nan():
    y, p = np.full(7, 2.0), np.tile([0.1, 0.1, 0.8], (7, 1))
    with pytest.raises(InputError, match="quadratic_kappa is undefined where one class"):
        quadratic_kappa(y, p)
    value, influence = kappa_file.influence(y, p)
    assert np.isnan(value)
    assert np.isnan(influence).all()


def test_of_equally_probable_classes_the_first_is_called():
    assert called_class(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])).tolist() == [0, 1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y", "p", "said"),
    [
        ([0, 1, 1], [[0.5, 0.5], [0.2, 0.8]], "y_true has 3 values, y_prob has 2"),
        ([0, np.nan], [[0.5, 0.5], [0.2, 0.8]], "y_true holds 1 NaN of 2"),
        ([0, 1], [[0.5, 0.5], [0.2, np.nan]], "y_prob holds 1 NaN of 4"),
        ([0, 2], [[0.5, 0.5], [0.2, 0.8]], "class number, 0 to 1; 1 of 2 values are not"),
        ([0, 0.5], [[0.5, 0.5], [0.2, 0.8]], r"first is 0\.5"),
        ([0, 1], [[-0.5, 1.5], [0.2, 0.8]], r"first is -0\.5. Logits\? Apply a softmax"),
        ([0, 1], [[0.9, 0.9], [0.2, 0.8]], r"sum of 1 in each case; 1 of 2 do not, first is 1\.8"),
        ([0, 1], [0.5, 0.5], r"two classes or more, got \(2,\) and \(2,\)"),
        ([0, 0], [[1.0], [1.0]], "two classes or more"),
        ([], np.zeros((0, 3)), "y_true is empty"),
    ],
)
def test_metrics_of_classes_refuse(metric, y, p, said):
    with pytest.raises(InputError, match=said):
        metric(y, p)


def test_all_problems_of_classes_are_told_at_once():
    with pytest.raises(InputError) as caught:
        accuracy([0, np.nan, 7], [[0.5, 0.5], [0.2, 2.0]])
    assert len(caught.value.problems) == 4


def test_rounded_probabilities_are_accepted():
    assert accuracy([0, 2], [[0.33, 0.33, 0.33], [0.33, 0.33, 0.33]]) == 0.5


def test_micro_average_equals_scikit_learns_where_all_labels_are_known():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (70, 5)).astype(float)
    p = rng.random((70, 5))
    pairs = known_pairs(y, p)
    assert auroc(*pairs[:2]) == pytest.approx(reference.roc_auc_score(y, p, average="micro"))
    assert np.bincount(pairs[2]).tolist() == [5] * 70


def test_micro_average_of_exclusive_classes():
    y, p = graded(n_classes=3)
    hot = one_hot(y, 3)
    assert (hot.sum(axis=1) == 1).all()
    assert (hot.argmax(axis=1) == y).all()
    wanted = reference.roc_auc_score(hot, p, average="micro")
    assert auroc(*known_pairs(hot, p)[:2]) == pytest.approx(wanted)


def test_an_unknown_label_takes_only_itself_out_of_a_micro_average():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, (50, 4)).astype(float), rng.random((50, 4))
    y[rng.random((50, 4)) < 0.3] = np.nan
    with pytest.raises(InputError, match=r"NaN.*Leave out what is not recorded"):
        auroc(y[:, 0], p[:, 0])
    outcomes, probabilities, case = known_pairs(y, p)
    known = ~np.isnan(y)
    assert outcomes.size == known.sum()
    assert auroc(outcomes, probabilities) == pytest.approx(auroc(y[known], p[known]))
    assert np.bincount(case, minlength=50).tolist() == known.sum(axis=1).tolist()


def test_micro_average_refuses_shapes_that_differ():
    with pytest.raises(InputError, match=r"one shape \(n, C\), got \(3, 2\) and \(3, 4\)"):
        known_pairs(np.zeros((3, 2)), np.zeros((3, 4)))
