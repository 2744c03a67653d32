"""From raw predictions to the table, on invented scores whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from clinmm.calibration.logits import to_probabilities
from clinmm.config import CalibrateConfig, Component
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.answers import Rules, _filled, afterwards, of_training
from clinmm.fairness.mitigating.asked import Asked, column_of
from clinmm.fairness.mitigating.scored import coverage, draws_of, scores
from clinmm.fairness.mitigating.sentence import sentence
from clinmm.fairness.mitigating.shown import shown
from clinmm.fairness.mitigating.table import TEST, VALIDATE, table
from clinmm.thresholds import OperatingPoint

N = 600
POINT = "youden"


def people(classes=1):
    rng = np.random.default_rng(0)
    ids = np.array([f"c{i:03}" for i in range(N)], dtype=object)
    sex = rng.permutation(np.repeat(["F", "M"], N // 2))
    y = (rng.random((N, classes)) < 0.4).astype(float)
    if classes > 1:
        y = np.eye(classes)[rng.integers(0, classes, N)]
    return ids, sex, y


def predictions(seed, noise_of_f, *, folds=True, classes=1, shift=0.0):
    """Scores of a model that is worse for F by the noise; two folds, or one calibrate part."""
    ids, sex, y = people(classes)
    parts = []
    rng = np.random.default_rng(seed)
    for fold in range(2 if folds else 1):
        spread = np.where(sex == "F", noise_of_f, 1.0)[:, None]
        z = 2 * y - 1 + rng.normal(size=y.shape) * spread + shift * (sex == "F")[:, None]
        p = to_probabilities(z)
        p = np.column_stack([to_probabilities(k) for k in z.T]) if classes == 1 else p
        quarter = np.arange(N) % 4
        split = np.array(["validate", "calibrate", "test", "test"])[quarter]
        if folds:
            split = np.where(np.arange(N) % 2 == fold, "test", "train")
        for k in range(classes):
            parts.append(
                pd.DataFrame(
                    {
                        "arm": "fused",
                        "repeat": 0,
                        "fold": fold,
                        "case_id": ids,
                        "patient_id": ids,
                        "split": split,
                        "class_name": f"class_{k}",
                        "target": y[:, k],
                        "probability_raw": p[:, k],
                        "probability": p[:, k],
                        "pattern": "note",
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def asked(methods=(), metric="auroc", rule="trade_off", margin=0.03):
    ids, sex, _ = people()
    groups = pd.DataFrame({"sex": sex}, index=pd.Index(ids, name="case_id"))
    named = tuple(Component(name=name) for name in methods)
    return Asked("sex", named, 2, metric, rule, margin, groups)


def rules(kind="binary"):
    groups = asked().groups
    codes = pd.Series(asked().codes(groups.index), index=groups.index)
    config = CalibrateConfig(candidates=("none",))
    return Rules(kind, config, OperatingPoint(youden=True), groups, codes, 0)


def compared(raw, after=(), kind="binary", **settings):
    """The table of methods whose raw predictions are given, one frame a seed."""
    of, by = asked(after, **settings), rules(kind)
    answers = {name: [of_training(one, by) for one in seeds] for name, seeds in raw.items()}
    for component in of.methods:
        answers[component.name] = [afterwards(one, component, by) for one in answers[PLAIN]]
    draws = draws_of([one for seeds in answers.values() for one in seeds], 100, 0)
    key = (of.metric, column_of(of.metric, POINT))
    keys = list(dict.fromkeys([key, ("fnr", f"call:{POINT}"), ("auroc", "calibrated")]))
    found = {VALIDATE: {}, TEST: {}}
    covered = {}
    for name, seeds in answers.items():
        on = [one.chosen_on for one in seeds]
        found[VALIDATE][name] = scores(on, of.groups, [key], POINT, draws)
        test = [one.test for one in seeds]
        found[TEST][name] = scores(test, of.groups, keys, POINT, draws)
        covered[name] = coverage(test, kind, of.groups, draws)
    return table(found, covered, of, key), answers


def row(made, method, group, metric="auroc", split=TEST):
    keep = (made["method"] == method) & (made["group"] == group) & (made["metric"] == metric)
    return made[keep & (made["split"] == split)].iloc[0]


@pytest.mark.parametrize("folds", [True, False])
def test_a_method_that_helps_the_worst_group_wins(folds):
    raw = {
        PLAIN: [predictions(s, 4.0, folds=folds) for s in (1, 2)],
        "group_dro": [predictions(s, 1.0, folds=folds) for s in (3, 4)],
    }
    made, _ = compared(raw)
    gain = row(made, "group_dro", "F")
    assert gain["judged"] == "worst_group"
    assert gain["recommended"] == "yes"
    assert gain["difference"] > 0.1
    assert gain["difference_low"] > 0
    assert set(made[made["method"] == PLAIN]["recommended"]) == {"no"}
    assert "group_dro is recommended: worst group sex F AUROC +" in sentence(made)
    assert row(made, PLAIN, "F")[["difference", "p"]].isna().all()
    assert shown(made)["chosen"].tolist() == ["", "yes"]


def test_a_method_as_good_as_plain_training_is_not_recommended():
    raw = {
        PLAIN: [predictions(s, 4.0) for s in (1, 2)],
        "group_dro": [predictions(s, 4.0) for s in (3, 4)],
    }
    made, _ = compared(raw)
    assert set(made[made["method"] == "group_dro"]["recommended"]) == {"no"}
    assert set(made[made["method"] == PLAIN]["recommended"]) == {"yes"}
    assert sentence(made).startswith("Plain training is recommended: ")


def test_a_method_that_only_changes_who_is_worst_is_not_chosen():
    swapped = [predictions(s, 4.0) for s in (3, 4)]
    ids, sex, y = people()
    rng = np.random.default_rng(9)
    for one in swapped:  # F is served well, and M as badly as F was
        z = 2 * y[:, 0] - 1 + rng.normal(size=N) * np.where(sex == "M", 8.0, 1.0)
        one["probability_raw"] = one["case_id"].map(
            dict(zip(ids, to_probabilities(z), strict=True))
        )
    raw = {
        PLAIN: [predictions(s, 4.0) for s in (1, 2)],
        "group_dro": swapped,
        "group_reweighting": [predictions(s, 2.0) for s in (5, 6)],
    }
    made, _ = compared(raw, rule="worst_group")
    assert row(made, "group_dro", "F")["difference"] > 0.1
    assert row(made, "group_dro", "F")["chosen"] == "no"
    assert row(made, "group_reweighting", "F")["chosen"] == "yes"
    assert "the group M" in row(made, "group_dro", "worst")["reason"]


def test_why_nothing_was_chosen_is_told():
    raw = {PLAIN: [predictions(1, 2.0)], "group_dro": [predictions(2, 8.0)]}
    assert sentence(compared(raw)[0]) == (
        "Plain training is recommended: on validate no method serves the worst-served group "
        "better and loses at most 0.03 over all."
    )
    few = {name: [one[one["case_id"] < "c016"] for one in seeds] for name, seeds in raw.items()}
    assert sentence(compared(few)[0]) == (
        "Plain training is recommended: fewer than two groups are large enough to be judged."
    )


def test_a_loss_beyond_the_margin_is_told():
    ids, _, y = people()
    worse = []
    for seed in (3, 4):
        one = predictions(seed, 2.0)
        z = 2 * y[:, 0] - 1 + np.random.default_rng(seed).normal(size=N) * 2.6
        one["probability_raw"] = one["case_id"].map(
            dict(zip(ids, to_probabilities(z), strict=True))
        )
        worse.append(one)
    raw = {PLAIN: [predictions(s, 5.0) for s in (1, 2)], "group_dro": worse}
    made, _ = compared(raw, rule="worst_group", margin=0.0)
    assert set(made["recommended"][made["method"] == "group_dro"]) == {"no"}
    assert "margin" in row(made, "group_dro", "all")["reason"]


@pytest.mark.parametrize("left", [0, 6])
def test_a_worst_group_that_test_lacks_or_has_too_few_of_is_told(left):
    """On `validate` it is there, and the method serves it better."""
    ids, sex, _ = people()
    in_test = ids[(sex == "F") & (np.arange(N) % 4 > 1)]
    raw = {
        name: [one[~one["case_id"].isin(in_test[left:])]]
        for name, one in (
            (PLAIN, predictions(1, 4.0, folds=False)),
            ("group_dro", predictions(3, 1.0, folds=False)),
        )
    }
    made, _ = compared(raw)
    assert set(made[made["method"] == PLAIN]["recommended"]) == {"yes"}
    said = sentence(made)
    assert "of group_dro, chosen on validate, too few patients to tell" in said
    assert ("F AUROC not estimable" if left else "F AUROC has no patients in test") in said
    assert left == 0 or "needs 10" in row(made, "group_dro", "F")["reason"]
    assert shown(made)["chosen"].tolist() == ["", "yes"]


@pytest.mark.parametrize("folds", [True, False])
def test_what_works_on_finished_predictions_takes_those_of_plain_training(folds):
    raw = {PLAIN: [predictions(1, 1.0, folds=folds, shift=1.5)]}
    made, answers = compared(raw, ("group_thresholds", "group_calibration"), metric="fnr")
    same = row(made, "group_thresholds", "F", "auroc")
    assert (same["difference"], same["difference_low"], same["difference_high"]) == (0, 0, 0)
    # F is called more often than M by one threshold; each group's own brings them together
    apart = row(made, PLAIN, "M", "fnr")["value"] - row(made, PLAIN, "F", "fnr")["value"]
    for method in ("group_thresholds", "group_calibration"):
        gap = row(made, method, "M", "fnr")["value"] - row(made, method, "F", "fnr")["value"]
        assert abs(gap) < apart / 2
    for one in answers["group_calibration"]:
        assert not one.test["probability"].equals(answers[PLAIN][0].test["probability"])
        assert one.chosen_on["call"].notna().all()


@pytest.mark.parametrize("folds", [True, False])
def test_nobody_is_judged_by_a_rule_that_was_fitted_on_him(folds):
    plain = of_training(predictions(1, 1.0, folds=folds), rules())

    def fit(on):
        seen = set(on.patients)

        def say(of):
            assert seen
            assert not seen & set(of.patients)
            return of.probability / 2

        return say

    halved = _filled(plain, "probability", fit, rules(), also_second=True)
    for part in ("first", "chosen_on", "test"):
        before, after = getattr(plain, part), getattr(halved, part)
        assert np.allclose(after["probability"], before["probability"] / 2)
    assert (halved.second is None) == folds
    assert (halved.validate is None) == folds


def test_the_coverage_is_the_share_of_sets_with_the_truth():
    made, answers = compared({PLAIN: [predictions(1, 2.0)]}, ("group_calibration",))
    for method in (PLAIN, "group_calibration"):
        held = row(made, method, "all", "set_coverage")
        test = answers[method][0].test
        truth = np.where(test["target"] == 1, "class_0", "not class_0")
        inside = [t in one for t, one in zip(truth, test["prediction_set"], strict=True)]
        assert held["value"] == pytest.approx(np.mean(inside))
        assert 0.85 < held["low"] < held["value"] < held["high"]


def test_exclusive_classes_are_judged_by_their_mean():
    raw = {
        PLAIN: [predictions(1, 4.0, classes=3)],
        "group_dro": [predictions(2, 1.0, classes=3)],
    }
    made, _ = compared(raw, ("group_thresholds",), kind="multiclass")
    assert set(made[made["judged"].notna()]["class_name"]) == {"macro"}
    of_mean = row(made[made["class_name"] == "macro"], "group_dro", "F")
    each = made[made["class_name"].str.startswith("class_")]
    single = each.query("method == 'group_dro' and group == 'F' and metric == 'auroc'")
    assert of_mean["value"] == pytest.approx(single.query("split == 'test'")["value"].mean())
    assert of_mean["recommended"] == "yes"


def test_the_same_input_gives_the_same_table():
    raw = {PLAIN: [predictions(1, 3.0)], "group_dro": [predictions(2, 2.0)]}
    pd.testing.assert_frame_equal(compared(raw)[0], compared(raw)[0], check_exact=True)
