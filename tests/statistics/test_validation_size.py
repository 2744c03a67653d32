"""How many cases a validation needs: the papers' own figures, and what a predictions table has."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, special, stats

from clinmm import sample_size, schema
from clinmm.errors import InputError
from clinmm.validation_size import statement, validation_size

U = (np.arange(400_000) + 0.5) / 400_000
PAPER_SE = 0.051
"""The paper rounds the standard error of an interval 0.2 wide, 0.05102, to this."""


@pytest.mark.parametrize(
    ("prevalence", "se", "published"),
    [(0.5, 0.051, 384.5), (0.1, 0.051, 3460), (0.1, 0.175, 293.9)],
)
def test_observed_expected_needs_what_riley_publishes(prevalence, se, published):
    width = math.exp(1.96 * se) - math.exp(-1.96 * se)
    needed = sample_size.cases_for_observed_expected(prevalence, width)
    assert needed == pytest.approx(published, abs=0.5)


@pytest.mark.parametrize(
    ("auroc", "prevalence", "published"),
    [(0.7, 0.1, 1154), (0.8, 0.5, 302), (0.8, 0.018, 4252), (0.75, 0.018, 5125)],
)
def test_auroc_needs_what_riley_publishes(auroc, prevalence, published):
    needed = sample_size.cases_for_auroc(auroc, prevalence)
    assert math.ceil(needed) == published

    def width(n):  # Newcombe's standard error, as printed
        terms = (1 - auroc) / (2 - auroc) + auroc / (1 + auroc)
        top = auroc * (1 - auroc) * (1 + (n / 2 - 1) * terms)
        return 2 * 1.96 * math.sqrt(top / (n * n * prevalence * (1 - prevalence)))

    assert width(needed) == pytest.approx(0.1, rel=1e-12)


def test_slope_needs_what_riley_publishes_for_vein_thrombosis():
    logits = stats.norm.ppf(U) * 1.47 - 1.75
    needed = sample_size.cases_for_slope(logits, width=2 * 1.96 * PAPER_SE)
    assert needed == pytest.approx(2407, abs=1)


def test_slope_needs_what_riley_publishes_for_heart_valves():
    """Mean -5.8, variance 5, skewness -0.5, kurtosis 4, drawn there from a generalised lambda
    distribution: 9835 by simulation."""

    def moments(shape):
        raw = [
            sum(
                special.comb(k, j)
                * (-1) ** j
                * special.beta((k - j) * shape[0] + 1, j * shape[1] + 1)
                for j in range(k + 1)
            )
            for k in range(5)
        ]
        mean, var = raw[1], raw[2] - raw[1] ** 2
        third = raw[3] - 3 * raw[1] * raw[2] + 2 * raw[1] ** 3
        fourth = raw[4] - 4 * raw[1] * raw[3] + 6 * raw[1] ** 2 * raw[2] - 3 * raw[1] ** 4
        return mean, var, third / var**1.5, fourth / var**2

    shape = optimize.fsolve(lambda s: np.array(moments(s)[2:]) - (0.5, 4.0), (0.06, 0.09))
    mean, var, *_ = moments(shape)
    standard = -(U ** shape[0] - (1 - U) ** shape[1] - mean) / math.sqrt(var)
    logits = -5.8 + math.sqrt(5) * standard
    needed = sample_size.cases_for_slope(logits, width=2 * 1.96 * PAPER_SE)
    assert needed == pytest.approx(9835, rel=0.005)


def test_slope_is_the_inverse_of_the_information_matrix():
    def mean_of(power):
        def value(z):
            logit = 2.5 * z - 5
            risk = 1 / (1 + math.exp(-logit))
            return logit**power * risk * (1 - risk) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        return integrate.quad(value, -12, 12)[0]

    matrix = np.array([[mean_of(0), mean_of(1)], [mean_of(1), mean_of(2)]])
    by_hand = np.linalg.inv(matrix)[1, 1] / (0.2 / 3.92) ** 2
    ours = sample_size.cases_for_slope(stats.norm.ppf(U) * 2.5 - 5)
    assert ours == pytest.approx(by_hand, rel=1e-3)
    # pmvalsampsize, from a million draws, prints 4544
    assert ours == pytest.approx(4544, rel=0.005)


def test_equal_risks_never_show_a_slope():
    assert sample_size.cases_for_slope(np.full(50, -1.2)) == math.inf


def test_net_benefit_needs_what_riley_publishes():
    width = 2 * 1.96 * PAPER_SE
    needed = sample_size.cases_for_net_benefit(0.6, 0.88, 0.72, 0.8, width)
    assert needed == pytest.approx(545.5, abs=0.1)


def test_net_benefit_formula_is_its_variance():
    rng = np.random.default_rng(0)
    sensitivity, specificity, prevalence, threshold, n = 0.7, 0.8, 0.3, 0.25, 2000
    positive = rng.binomial(n, prevalence, 20_000)
    true = rng.binomial(positive, sensitivity)
    false = rng.binomial(n - positive, 1 - specificity)
    standardised = (true - threshold / (1 - threshold) * false) / positive
    width = 2 * 1.96 * standardised.std()
    needed = sample_size.cases_for_net_benefit(
        sensitivity, specificity, prevalence, threshold, width
    )
    assert needed == pytest.approx(n, rel=0.05)


def test_effective_cases_are_patients_not_pictures():
    rng = np.random.default_rng(1)
    residual = rng.normal(size=60)
    each = [f"p{i}" for i in range(60)]
    assert sample_size.effective_cases(residual, each) == 60
    copies = sample_size.effective_cases(np.repeat(residual, 5), list(np.repeat(each, 5)))
    assert copies == 60
    # one patient with most of the cases, all alike: worth little more than one
    alone = sample_size.effective_cases(np.r_[np.full(300, 0.5), residual], [*["p"] * 300, *each])
    assert alone < 3


def table(n_patients=60, per_patient=2, share=0.3, classes=("flu",), seed=0):
    rng = np.random.default_rng(seed)
    n = n_patients * per_patient
    rows = []
    for name in classes:
        target = np.repeat((np.arange(n_patients) < share * n_patients) * 1.0, per_patient)
        risk = np.clip(0.3 + 0.3 * (target - 0.5) + rng.normal(0, 0.15, n), 0.01, 0.99)
        rows.append(
            pd.DataFrame(
                {
                    "arm": "fused",
                    "repeat": 0,
                    "fold": 0,
                    "case_id": [f"c{i}" for i in range(n)],
                    "patient_id": [f"p{i // per_patient}" for i in range(n)],
                    "split": "test",
                    "class_name": name,
                    "target": target,
                    "probability_raw": risk,
                    "probability": risk,
                    "pattern": "any",
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def metrics(classes=("flu",), auroc=0.8, status="ok"):
    rows = [
        (metric, name, point, value)
        for name in classes
        for metric, point, value in (
            ("auroc", None, auroc),
            ("sensitivity", "youden", 0.7),
            ("specificity", "youden", 0.8),
        )
    ]
    return pd.DataFrame(rows, columns=["metric", "class_name", "operating_point", "value"]).assign(
        arm="fused", split="test", group_by="all", pattern="any", repeat="all", status=status,
        probability="calibrated",
    )  # fmt: skip


POINTS = pd.DataFrame(
    {
        "arm": "fused",
        "repeat": 0,
        "fold": [0, 1],
        "class_name": "flu",
        "operating_point": "youden",
        "threshold": [0.2, 0.4],
    }
)


def test_rows_hold_what_is_there_and_what_is_needed():
    predictions = table()
    found = validation_size(predictions, metrics(), POINTS)
    schema.VALIDATION_SIZE.validate(found)
    by = found.set_index("criterion")
    assert by.loc["events", ["needed", "available", "met"]].tolist() == [100, 18, "no"]
    assert by.loc["non-events", "available"] == 42
    assert "18 patients had the event; 100 are wanted" in by.loc["events", "detail"]
    auroc = by.loc["AUROC: interval 0.1 wide"]
    assert auroc["needed"] == math.ceil(sample_size.cases_for_auroc(0.8, 0.3))
    assert auroc["available"] == 60  # patients, of 120 cases
    benefit = by.loc["net benefit at youden: interval 0.2 wide"]
    expected = sample_size.cases_for_net_benefit(0.7, 0.8, 0.3, 0.3)  # mean threshold
    assert benefit["needed"] == math.ceil(expected)
    assert set(found["source"]) == {"Collins 2016, Vergouwe 2005", "Riley 2021"}


def test_only_known_targets_of_the_headline_arms_test_patients_count():
    predictions = table()
    other = predictions.assign(arm="image")
    train = predictions.assign(split="train", case_id=predictions["case_id"] + "t")
    again = predictions.assign(repeat=1, probability=0.5)
    unknown = predictions.head(1).assign(case_id="u", patient_id="u", target=np.nan)
    more = pd.concat([other, predictions, train, again, unknown], ignore_index=True)
    pd.testing.assert_frame_equal(
        validation_size(more, metrics(), POINTS), validation_size(predictions, metrics(), POINTS)
    )


def test_what_was_not_measured_cannot_be_told():
    found = validation_size(table(), metrics(status="suppressed"), POINTS).set_index("criterion")
    assert found.loc["AUROC: interval 0.1 wide", "met"] == "cannot_tell"
    assert math.isnan(found.loc["net benefit at youden: interval 0.2 wide", "needed"])
    one_sided = validation_size(table(share=1.0), metrics(), None).set_index("criterion")
    assert one_sided.loc["non-events", "available"] == 0
    assert one_sided.loc["calibration slope: interval 0.2 wide", "met"] == "cannot_tell"


def test_statement_says_what_the_rows_say():
    few = statement(validation_size(table(), metrics()))
    assert few.startswith("18 patients had flu and 42 did not; 100 of each are wanted")
    some = validation_size(table(n_patients=600), metrics())
    said = statement(some, unit="lesion")
    assert said.startswith("180 lesions had flu and 420 did not: enough for a first validation")
    short = some[some["met"] == "no"].iloc[-1]
    assert f"(needs {short['needed']:.0f}, has 600)" in said
    enough = statement(some.assign(met="yes"))
    assert enough == "180 patients had flu and 420 did not: enough to validate the predictions."


def test_statement_counts_classes():
    both = pd.concat([table(classes=("rare",)), table(600, classes=("flu",))], ignore_index=True)
    said = statement(validation_size(both, metrics(("flu", "rare"))))
    assert said.startswith("1 of 2 classes have 100 patients with and 100 without")
    assert said.endswith("These data cannot validate rare (18).")


def test_table_without_outcomes_is_refused():
    with pytest.raises(InputError, match="nothing to validate on"):
        validation_size(table().assign(target=np.nan), metrics())
