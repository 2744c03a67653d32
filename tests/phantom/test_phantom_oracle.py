"""The oracle: a posterior solved by hand, and against what the generator really draws."""

import numpy as np
import pytest

from clinmm.cohort.phantom import facts, latents, lesions, oracle, records
from clinmm.cohort.phantom.facts import FACTS
from clinmm.cohort.phantom.findings import COMBINATIONS, FINDINGS
from clinmm.cohort.phantom.latents import INPUTS, Case, draw_cases, prevalence
from clinmm.cohort.phantom.records import LABS


def case_with(**changes) -> Case:
    case = draw_cases(0, 1)[0]
    for name, value in changes.items():
        setattr(case, name, value)
    return case


def test_image_alone_is_the_binormal_posterior_solved_by_hand():
    # At 60 years the log odds of effusion are its intercept; x adds mu x - mu^2 / 2. The only
    # case of the cohort is 60 years old, so the unknown age is 60 as well.
    mu = lesions.separations()
    case = case_with(age=60, image_evidence=np.array([0.0, 1.7, 0.0, 0.0]), separation=mu)
    p = oracle.posterior([case], [["image"]])[0]
    intercept = latents.PREVALENCE["effusion"][0]
    by_hand = 1 / (1 + np.exp(-(intercept + mu[1] * 1.7 - mu[1] ** 2 / 2)))
    assert p[1] == pytest.approx(by_hand, rel=1e-12)


def test_nothing_given_is_the_prevalence_at_the_mean_of_ages():
    cases = [case_with(age=age) for age in (30, 60, 90)]
    p = oracle.posterior(cases, [[]] * 3)
    np.testing.assert_allclose(p, np.tile(prevalence(np.array([30, 60, 90])).mean(0), (3, 1)))


def test_all_inputs_agree_with_a_slow_loop_over_the_combinations():
    cases = draw_cases(5, 12)
    fast = oracle.posterior(cases, [INPUTS] * len(cases))
    for case, row in zip(cases, fast, strict=True):
        total, each = 0.0, np.zeros(4)
        for y in COMBINATIONS:
            p = 1.0
            for k in range(4):
                prior = prevalence(np.array([case.age]))[0, k]
                p *= prior if y[k] else 1 - prior
                p *= np.exp(-0.5 * (case.image_evidence[k] - case.separation[k] * y[k]) ** 2)
            for name, fact in FACTS.items():
                affirmed, denied, silent = fact.p_states(y)
                p *= {"affirmed": affirmed, "denied": denied, "silent": silent}[case.facts[name]]
            for name, lab in LABS.items():
                if case.measured[name]:
                    z = lab.latent(case.record[name])
                    mean = lab.intercept + sum(
                        lab.shifts.get(f, 0) * y[k] for k, f in enumerate(FINDINGS)
                    )
                    p *= np.exp(-0.5 * ((z - mean) / lab.spread) ** 2)
            total += p
            each += p * y
        np.testing.assert_allclose(row, each / total, rtol=1e-9)


def test_bnp_not_measured_speaks_against_dyspnoea_only_while_the_note_is_unknown():
    quiet = dict.fromkeys(LABS, False)
    p_dyspnoea = np.linspace(0, 1, 16)
    said = records.log_likelihood_of_ordering(quiet, p_dyspnoea)
    assert (np.diff(said) < 0).all()
    # by hand: only BNP's chance of being missing differs, .40 without and .15 with dyspnoea
    assert said[-1] - said[0] == pytest.approx(np.log(0.15 / 0.40))


def test_record_alone_counts_what_was_ordered_and_with_the_note_it_does_not():
    case = draw_cases(3, 1)[0]
    prior = oracle.log_prior(np.array([case.age]))[0]
    values = records.log_likelihood(case.record, case.measured)
    ordered = records.log_likelihood_of_ordering(case.measured, facts.p_affirmed("dyspnoea"))
    said = facts.log_likelihood(case.facts)
    for given, total in (
        (["record"], prior + values + ordered),
        (["note", "record"], prior + values + said),
    ):
        joint = np.exp(total)
        by_hand = joint @ COMBINATIONS / joint.sum()
        np.testing.assert_allclose(oracle.posterior([case], [given])[0], by_hand)


def test_a_case_that_would_have_nothing_keeps_its_record():
    class Unlucky:
        def random(self, n: int) -> np.ndarray:
            return np.zeros(n)

    here = latents.draw_presence(Unlucky(), "A", 50)  # type: ignore[arg-type]
    assert here == {"image": False, "note": False, "record": True}


def test_posterior_is_calibrated_on_what_the_generator_draws():
    cases = draw_cases(11, 900)
    labels = np.array([case.labels for case in cases])
    p = oracle.posterior(cases, [INPUTS] * len(cases))
    for k in range(4):
        for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1.01)):
            inside = (p[:, k] >= low) & (p[:, k] < high)
            gap = labels[inside, k].mean() - p[inside, k].mean()
            assert abs(gap) < 4.5 * np.sqrt(p[inside, k].mean() / inside.sum()) * 1.3


def test_more_inputs_rank_better_and_no_single_one_does_all():
    cases = draw_cases(2, 800)
    table = oracle.oracle_table(cases)
    macro = {name: row["macro"] for name, row in table.items()}
    assert 0.93 < macro["image+note+record"] < 0.97
    for name in ("image", "note", "record"):
        assert macro[name] < macro["image+note+record"] - 0.04
    for pair in ("image+note", "image+record", "note+record"):
        assert macro[pair] < macro["image+note+record"]
        assert macro[pair] > max(macro[name] for name in pair.split("+"))
    assert macro["as_present"] < macro["image+note+record"]
    # binormal: AUROC of one finding from the image alone is near Phi(mu / sqrt 2)
    assert table["image"]["effusion"] == pytest.approx(0.940, abs=0.02)


def test_auroc_counts_ties_half_and_needs_both_classes():
    y = np.array([0, 1, 0, 1, 1])
    score = np.array([0.2, 0.2, 0.7, 0.9, 0.1])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[y == 1] for b in score[y == 0]]
    assert oracle.auroc(y, score) == pytest.approx(np.mean(pairs))
    assert oracle.auroc(np.zeros(3), np.arange(3.0)) is None


def test_truth_file_holds_the_table_of_the_cohort(clean):
    table = oracle.oracle_table(draw_cases(1, 30))
    assert clean.truth["oracle_auroc"] == table
    for finding in FINDINGS:
        labels = np.array([case["labels"][finding] for case in clean.truth["cases"]])
        p = np.array([case["oracle_as_present"][finding] for case in clean.truth["cases"]])
        assert oracle.auroc(labels, p) == pytest.approx(table["as_present"][finding], abs=1e-3)
    assert set(table) == {
        "image", "note", "record", "image+note", "image+record", "note+record",
        "image+note+record", "as_present",
    }  # fmt: skip
