"""Does it transfer? The rule, the interval behind it, and what the sentence says."""

import math

import numpy as np
import pandas as pd
import pytest

from clinmm.errors import InputError
from clinmm.transfer import COLUMNS, transfer

GOOD = {
    "auroc": (0.82, 0.80, 0.84),
    "observed_expected": (1.02, 0.90, 1.15),
    "calibration_slope": (0.98, 0.85, 1.12),
    "log_loss": (0.40, 0.37, 0.43),
}


def metrics(classes=("flu",), status="ok", **changed):
    rows = [
        (metric, name, *numbers)
        for name in classes
        for metric, numbers in {**GOOD, **changed}.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "class_name", "value", "low", "high"]).assign(
        arm="fused", split="test", group_by="all", pattern="any", repeat="all", status=status,
        probability="calibrated", n_patients=210, n_positive=44,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "transfers"),
        # surely lower, but by less than the margin
        ({"auroc": (0.795, 0.785, 0.805)}, "transfers"),
        ({"observed_expected": (0.62, 0.50, 0.77)}, "transfers after recalibration"),
        ({"calibration_slope": (1.60, 1.30, 1.90)}, "transfers after recalibration"),
        # excludes 1 within the range: near enough
        ({"observed_expected": (0.90, 0.83, 0.97)}, "transfers"),
        ({"observed_expected": (1.0, 0.6, 1.6)}, "cannot tell"),
        ({"auroc": (0.80, 0.70, 0.88)}, "cannot tell"),
        ({"auroc": (0.70, 0.64, 0.76)}, "does not transfer"),
        # lost ranking is not mended by recalibration
        (
            {"auroc": (0.70, 0.64, 0.76), "observed_expected": (0.6, 0.5, 0.7)},
            "does not transfer",
        ),
        # much lower, yet it may be chance
        ({"auroc": (0.74, 0.60, 0.86)}, "cannot tell"),
        # wide where 1 is excluded: that alone asks for recalibration
        ({"observed_expected": (3.0, 1.5, 6.0)}, "transfers after recalibration"),
    ],
)
def test_verdict_of_one_class(changed, verdict):
    found = transfer(metrics(), metrics(**changed))
    assert found.verdict == verdict
    assert set(found.rows["verdict"]) == {verdict}


def test_suppressed_numbers_cannot_tell():
    for pair in (
        (metrics(status="suppressed"), metrics()),
        (metrics(), metrics(status="withheld")),
    ):
        assert transfer(*pair).verdict == "cannot tell"
    nothing = transfer(metrics(), metrics(status="suppressed"))
    assert "too few patients in the new place" in nothing.sentence
    assert nothing.rows.empty
    assert list(nothing.rows.columns) == list(COLUMNS)


def test_difference_is_recovered_from_the_two_intervals():
    found = transfer(metrics(auroc=(0.82, 0.77, 0.85)), metrics(auroc=(0.75, 0.66, 0.82)))
    row = found.rows.set_index("metric").loc["auroc"]
    assert row["difference"] == pytest.approx(-0.07)
    assert row["low"] == pytest.approx(-0.07 - math.hypot(0.75 - 0.66, 0.85 - 0.82))
    assert row["high"] == pytest.approx(-0.07 + math.hypot(0.82 - 0.75, 0.82 - 0.77))


def test_symmetric_intervals_give_the_normal_interval():
    before, after = (0.80, 0.76, 0.84), (0.78, 0.75, 0.81)
    row = transfer(metrics(auroc=before), metrics(auroc=after)).rows.iloc[0]
    half = 1.96 * math.sqrt((0.04 / 1.96) ** 2 + (0.03 / 1.96) ** 2)
    assert row["high"] - row["difference"] == pytest.approx(half)


def test_interval_of_the_difference_covers():
    """Two independent rates, Wilson intervals: Newcombe's hybrid score interval."""
    rng = np.random.default_rng(3)
    names = [f"c{i}" for i in range(400)]

    def wilson(hits, of):
        p, z = hits / of, 1.96
        middle = (p + z * z / (2 * of)) / (1 + z * z / of)
        half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
        return p, middle - half, middle + half

    def drawn(rate, of):
        rows = metrics(names).query("metric == 'auroc'").copy()
        rows[["value", "low", "high"]] = [wilson(rng.binomial(of, rate), of) for _ in names]
        return rows

    rows = transfer(drawn(0.9, 60), drawn(0.8, 40)).rows
    assert len(rows) == 400
    inside = ((rows["low"] <= -0.1) & (rows["high"] >= -0.1)).mean()
    assert 0.925 < inside < 0.985


def test_worst_class_decides_and_is_named():
    names = ("a", "b", "c")
    lost = metrics(("b",), auroc=(0.60, 0.52, 0.67))
    there = pd.concat([metrics(("a",)), lost, metrics(("c",), observed_expected=(2.0, 1.7, 2.3))])
    found = transfer(metrics(names), there)
    assert found.verdict == "does not transfer"
    assert "1 transfers, 1 transfers after recalibration, 1 does not transfer" in found.sentence
    assert "AUROC of b 0.60 (0.52 to 0.67) in the new place against 0.82" in found.sentence


def test_many_classes_widen_the_limits_of_a_failure_only():
    names = tuple("abcdefghij")
    slightly = {"auroc": (0.72, 0.63, 0.803)}
    assert transfer(metrics(), metrics(**slightly)).verdict == "does not transfer"
    one = pd.concat([metrics(("a",), **slightly), metrics(names[1:])])
    assert transfer(metrics(names), one).verdict == "cannot tell"
    assert transfer(metrics(names), metrics(names)).verdict == "transfers"


def test_means_over_classes_are_no_class():
    means = metrics(("macro", "micro", "all"), auroc=(0.5, 0.45, 0.55))
    found = transfer(metrics(), pd.concat([metrics(), means]))
    assert found.verdict == "transfers"
    assert set(found.rows["class_name"]) == {"flu"}


def test_sentence_is_one_sentence_with_its_numbers():
    said = transfer(metrics(), metrics(observed_expected=(0.62, 0.5, 0.77)), unit="lesion").sentence
    assert said == (
        "The model transfers after recalibration: AUROC of flu 0.82 (0.80 to 0.84) in the new "
        "place against 0.82 (0.80 to 0.84) in the study, observed : expected 0.62 (0.50 to 0.77), "
        "calibration slope 0.98 (0.85 to 1.12), 210 lesions, 44 positive cases."
    )
    assert said.count(". ") == 0


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["holds", "fails"], "prediction sets are withdrawn"),
        (["holds", "holds"], "prediction sets stay"),
        (["holds", "cannot_tell"], "whether prediction sets keep their promise cannot be told"),
    ],
)
def test_sentence_says_what_becomes_of_prediction_sets(verdicts, said):
    tested = pd.DataFrame({"arm": "fused", "test": ["labels", "inputs"], "verdict": verdicts})
    other = tested.assign(arm="image", verdict="fails")  # not the headline arm
    assert said in transfer(metrics(), metrics(), pd.concat([other, tested])).sentence
    assert "prediction sets" not in transfer(metrics(), metrics(), tested.iloc[:0]).sentence


def test_groups_patterns_and_raw_numbers_do_not_count():
    extra = metrics(auroc=(0.5, 0.45, 0.55))
    there = pd.concat(
        [
            metrics(),
            extra.assign(group_by="sex"),
            extra.assign(pattern="image"),
            extra.assign(probability="raw"),
            extra.assign(arm="image"),
            extra.assign(split="train"),
            extra.assign(repeat="1"),
        ]
    )
    pd.testing.assert_frame_equal(
        transfer(metrics(), there).rows, transfer(metrics(), metrics()).rows
    )


def test_no_metrics_are_refused():
    with pytest.raises(InputError, match="Evaluate it first"):
        transfer(metrics(), metrics().iloc[:0])
