"""Which method is chosen and whether it is recommended, by hand."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.comparisons import Difference
from clinmm.fairness.mitigating.choice import Score, choose, judge
from clinmm.fairness.mitigating.scored import OverSeeds, difference, over_seeds, with_seeds
from clinmm.fairness.mitigating.sentence import NOTICE, ONCE, notice, sentence, signed
from clinmm.intervals import Draws, Sample, estimate
from clinmm.intervals.limits import t_quantile

PLAIN = Score(worst=0.70, pooled=0.85)
SCORES = {
    "helps_little": Score(0.72, 0.85),
    "helps_much_at_a_price": Score(0.80, 0.80),
    "helps_all": Score(0.69, 0.88),
    "within": Score(0.74, 0.841),
}


@pytest.mark.parametrize(
    ("rule", "margin", "method"),
    [
        ("worst_group", 0.01, "helps_much_at_a_price"),
        ("pooled", 0.01, "helps_all"),
        ("trade_off", 0.01, "within"),
        ("trade_off", 0.0, "helps_little"),
        ("trade_off", 0.05, "helps_much_at_a_price"),
    ],
)
def test_each_rule_takes_its_own(rule, margin, method):
    assert choose(SCORES, PLAIN, rule, margin) == method


def test_a_method_that_plain_training_beats_is_not_chosen():
    assert choose({"same": PLAIN}, PLAIN, "trade_off", 0.01) is None
    assert choose({"a": Score(0.69, 0.9)}, PLAIN, "worst_group", 0.01) is None
    assert choose({"a": Score(0.9, 0.84)}, PLAIN, "pooled", 0.01) is None


def test_nothing_is_chosen_where_nothing_stays_within_the_margin_or_can_be_judged():
    assert choose({"a": Score(0.9, 0.8)}, PLAIN, "trade_off", 0.01) is None
    assert choose({"a": Score(math.nan, 0.9)}, PLAIN, "worst_group", 0.01) is None


def of(difference, low, high, metric="auroc"):
    return Difference(metric, difference, low, high, 0.01, 100, (high - low) / 4)


def verdict(gain, pooled, lowest=0.03, margin=0.01, higher=True):
    return judge(gain, pooled, lowest, margin=margin, higher_is_better=higher)


def test_recommended_when_the_gain_excludes_0_and_the_loss_stays_within_the_margin():
    assert verdict(of(0.06, 0.02, 0.10), of(-0.002, -0.009, 0.006)).recommended


@pytest.mark.parametrize(
    ("gain", "pooled", "lowest", "why"),
    [
        (of(0.06, -0.001, 0.12), of(0, -0.005, 0.005), 0.03, "is not shown"),
        (of(-0.06, -0.1, -0.02), of(0, -0.005, 0.005), 0.03, "is served worse"),
        (of(0.06, 0.02, 0.1), of(0, -0.011, 0.011), 0.03, "not shown to stay within"),
        (of(0.06, 0.02, 0.1), of(-0.03, -0.04, -0.02), 0.03, "exceeds the margin of 0.01"),
        (of(0.06, 0.02, 0.1), of(0, -0.005, 0.005), -0.01, "its worst group is served worse than"),
        (of(math.nan, math.nan, math.nan), of(0, -0.005, 0.005), 0.0, "too few patients"),
        (of(0.06, 0.02, 0.1), of(0, -0.005, 0.005), math.nan, "too few patients"),
    ],
)
def test_plain_training_is_kept_otherwise(gain, pooled, lowest, why):
    found = verdict(gain, pooled, lowest)
    assert not found.recommended
    assert why in found.reason


def test_of_a_metric_where_less_is_better_the_signs_turn():
    gain, pooled = of(-0.06, -0.10, -0.02, "fnr"), of(0.002, -0.006, 0.009, "fnr")
    assert verdict(gain, pooled, -0.03, higher=False).recommended
    assert not verdict(gain, pooled, 0.03, higher=False).recommended
    assert not verdict(of(0.06, 0.02, 0.1, "fnr"), pooled, -0.03, higher=False).recommended


def estimates(seed, n=200):
    """AUROC of two models on the same patients."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(float)
    columns = {name: y + rng.normal(0, 1.5, n) for name in "ab"}
    patient = np.arange(n)
    zero = np.zeros(n, dtype=np.int64)
    sample = Sample(y, columns, patient, patient, zero, zero)
    draws = Draws.make([f"p{i:03}" for i in range(n)], 0, 0)
    found = estimate(sample, [("auroc", "a"), ("auroc", "b")], draws)
    return found["auroc", "a"], found["auroc", "b"]


def test_the_mean_over_seeds_is_paired_by_patient():
    a, b = estimates(0)
    both = over_seeds([a, b])
    assert both.mean.value == pytest.approx((a.value + b.value) / 2)
    assert both.spread == pytest.approx(abs(a.value - b.value) / math.sqrt(2))
    assert over_seeds([a, a]).mean.se == pytest.approx(a.se)
    assert both.mean.se < (a.se + b.se) / 2


def test_a_difference_over_one_seed_is_that_of_the_patients():
    from clinmm import comparisons

    a, b = estimates(0)
    assert difference(over_seeds([a]), over_seeds([b])) == comparisons.difference(a, b)
    assert math.isnan(over_seeds([a]).spread)


def test_the_chance_of_training_again_widens_the_interval():
    # patients: se .01, 99 df; differences over seeds .01, .02, .03: sd .01, se .01 / sqrt(3)
    seen = Difference("auroc", 0.02, 0.02 - 0.0198, 0.02 + 0.0198, 0.05, 100, 0.01)
    wide = with_seeds(seen, np.array([0.01, 0.02, 0.03]), 99)
    variance = 1e-4 + 1e-4 / 3
    degrees = variance**2 / (1e-8 / 99 + (1e-4 / 3) ** 2 / 2)
    assert wide.se == pytest.approx(math.sqrt(variance))
    assert wide.high - 0.02 == pytest.approx(t_quantile(degrees) * math.sqrt(variance))
    assert wide.p > 0.05
    assert with_seeds(seen, np.array([0.02, 0.02]), 99) == seen


def test_a_method_that_changes_nothing_differs_by_nothing():
    a, b = estimates(1)
    same = difference(over_seeds([a, b]), OverSeeds(over_seeds([a, b]).mean, np.array([1.0, 1.0])))
    assert same.difference == 0


def rows(recommended, reason=None, method="group_dro"):
    one = dict.fromkeys(schema.MITIGATION.names)
    one |= {"group_by": "sex", "metric": "auroc", "class_name": "ill", "rule": "trade_off"}
    one |= {"n_cases": 100, "n_patients": 100, "n_seeds": 3, "status": "ok", "margin": 0.01}
    said = {"chosen": "yes", "recommended": "yes" if recommended else "no", "method": method}
    gain = {"difference": 0.06, "difference_low": 0.02, "difference_high": 0.1}
    loss = {"difference": -0.002, "difference_low": -0.01, "difference_high": 0.006}
    named = {"group": "F", "judged": "worst_group"}
    table = [
        {**one, **said, **gain, **named, "split": "test"},
        {
            **one,
            **said,
            **loss,
            "group": "all",
            "judged": "pooled",
            "reason": reason,
            "split": "test",
        },
    ]
    return schema.MITIGATION.fill(pd.DataFrame(table))


def test_the_sentence_of_a_recommendation():
    figures = "worst group sex F AUROC +.060 (+.020 to +.100), pooled -.002 (-.010 to +.006)"
    assert sentence(rows(True)) == f"group_dro is recommended: {figures}."
    said = sentence(rows(False, "a gain of the worst-served group is not shown"))
    assert said == (
        "Plain training is recommended: of group_dro, chosen on validate, a gain of the "
        f"worst-served group is not shown ({figures})."
    )
    assert sentence(rows(True).assign(n_seeds=1)).endswith(ONCE)
    needing = rows(True, method="group_calibration")
    assert NOTICE in sentence(needing)
    assert notice(needing).startswith("Predictions by group calibration need the patient's group")
    assert not notice(rows(True))


def test_what_a_table_says_is_read_without_the_training_code():
    """The dashboard and the report open with it."""
    code = "import sys, clinmm.fairness.mitigating.shown; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_numbers_are_signed():
    assert [signed(x) for x in (0.5, -0.5, 0.0004, -0.0004, -1.25)] == [
        "+.500",
        "-.500",
        ".000",
        ".000",
        "-1.250",
    ]
