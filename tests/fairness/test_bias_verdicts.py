"""Verdicts: what is shown, what could have been, in which words, with which cases."""

import numpy as np
import pandas as pd
import pytest
from scored_rows import groups_of, invented, rows_of, thresholds_at

from clinmm import schema
from clinmm.errors import InputError
from clinmm.fairness import any_group as any_group_file
from clinmm.fairness.audit import audit
from clinmm.fairness.group_tests import GroupTest
from clinmm.fairness.sentences import cause
from clinmm.fairness.verdicts import bias_verdicts, confirmed


def verdicts_of(rows, groups, *, primary=("auroc", "fnr"), threshold=0.5, **settings):
    thresholds = thresholds_at(rows, threshold)
    compared = audit(rows, groups, thresholds, primary=primary, n_bootstrap=0).comparisons
    settings = {"permutations": 200, "primary": primary, **settings}
    return bias_verdicts(rows, thresholds, groups, compared, **settings)


@pytest.fixture(scope="module")
def gap():
    """Rows, groups and verdicts of 400 patients, the scores of women noisier."""
    rows, groups = invented(n_patients=400, worse=2.5)
    return rows, groups, verdicts_of(rows, groups)


@pytest.fixture(scope="module")
def no_gap():
    rows, groups = invented(n_patients=400)
    return rows, groups, verdicts_of(rows, groups)


def test_planted_gap_is_shown_with_group_interval_and_words(gap):
    rows, groups, table = gap
    schema.BIAS_VERDICTS.validate(table)
    row = table.set_index("metric").loc["auroc"]
    assert (row["verdict"], row["group"], row["n_groups"]) == ("gap_shown", "F", 3)
    assert (row["p"], row["p_holm"]) == (1 / 201, 2 / 201)
    compared = audit(rows, groups, thresholds_at(rows), n_bootstrap=0).comparisons
    same = compared.query("metric == 'auroc' and group == 'F' and rival == 'complement'").iloc[0]
    assert row[["difference", "low", "high"]].tolist() == pytest.approx(
        same[["difference", "low", "high"]].tolist()
    )
    assert row["sentence"].startswith(
        'Gap between groups shown: in sex F the model tells "ill" from the rest less well than in '
        f"everybody else (AUROC lower by {-row['difference']:.3f}, "
    )
    assert row["cause"] == "cause not identified"
    assert row["n_patients"] == rows["patient_id"].nunique()


def test_no_gap_shown_says_what_could_have_been_seen(no_gap):
    table = no_gap[2]
    assert set(table["verdict"]) == {"no_gap_shown"}
    assert table[["cause", "case_ids"]].isna().all(axis=None)
    for row in table.itertuples():
        assert "does not show that there is none" in row.sentence
        assert f" to {row.detectable:.3f} (in not recorded) four times in five" in row.sentence


def test_small_samples_show_large_gaps_only(no_gap):
    rows, groups, table = no_gap
    few = rows["patient_id"] < "p0200"
    half = verdicts_of(rows[few], groups.loc[rows.loc[few, "case_id"]])
    assert (half["detectable"].to_numpy() > table["detectable"].to_numpy()).all()


def test_a_gap_that_no_data_of_this_size_could_show_cannot_be_told():
    rows, groups = invented(n_patients=44, seed=4)
    groups = groups.fillna("F")
    row = verdicts_of(rows, groups, primary=("fnr",)).iloc[0]
    assert (row["verdict"], row["n_groups"]) == ("cannot_tell", 2)
    assert row["detectable"] > 0.3
    assert f"only a gap of {row['detectable']:.3f} or more would be shown" in row["sentence"]


def test_one_group_cannot_be_told_from_others_that_are_too_small():
    rows, groups = invented()
    groups["sex"] = ["F"] * 6 + ["M"] * 154
    table = verdicts_of(rows, groups)
    assert set(table["verdict"]) == {"cannot_tell"}
    assert (table["n_suppressed"] == 2).all()
    assert table[["p", "p_holm", "detectable", "difference"]].isna().all(axis=None)
    assert (
        table["sentence"]
        .str.endswith("Too few patients in them, or beside them, to be judged: F, M.")
        .all()
    )


def test_holm_runs_over_attributes_and_metrics_of_the_arm():
    rows, groups = invented(n_patients=100)
    rng = np.random.default_rng(0)
    groups = groups.assign(**{name: rng.choice(["x", "y"], len(groups)) for name in "bcd"})
    table = verdicts_of(rows, groups)
    assert len(table) == 8
    assert table["p_holm"].min() == pytest.approx(min(1, 8 * table["p"].min()))
    many = verdicts_of(rows, groups, permutations=5)
    assert (many["p"] * (1 + 8 * 40) % 1).round(6).isin([0, 1]).all()  # 40 for each test


def test_missed_cases_illustrate_a_gap_in_the_miss_rate():
    # F misses 20 of 40, M 4 of 40; of the missed of F the least probable come first
    missed = np.concatenate([np.arange(40) < 20, np.arange(40) < 4])
    lower = 0.01 + 0.01 * np.concatenate([np.arange(40), np.arange(40)])
    p = np.concatenate([np.where(missed, lower, 0.9), np.full(80, 0.1)])
    rows = rows_of(np.repeat([1.0, 0.0], 80), p, range(160))
    groups = groups_of(["F"] * 40 + ["M"] * 40 + ["F", "M"] * 40)
    row = verdicts_of(rows, groups, primary=("fnr",)).iloc[0]
    assert (row["verdict"], row["group"]) == ("gap_shown", "F")
    assert row["case_ids"].split("\n") == [f"c{i:04d}" for i in range(6)]
    # where every case is missed, as in a class that is never called, so too
    never = rows.assign(probability=np.where(groups["sex"] == "F", 0.5, 1) * rows["probability"])
    row = verdicts_of(never, groups, primary=("sensitivity",)).iloc[0]
    assert (row["verdict"], row["group"]) == ("gap_shown", "F")
    assert row["case_ids"].split("\n") == [f"c{i:04d}" for i in range(6)]
    # two cases of a patient: he comes once
    rows["patient_id"] = ["p0000"] * 2 + rows["patient_id"].tolist()[2:]
    row = verdicts_of(rows, groups, primary=("fnr",)).iloc[0]
    assert row["case_ids"].split("\n") == [f"c{i:04d}" for i in (0, 2, 3, 4, 5, 6)]


def test_misranked_cases_of_both_outcomes_illustrate_a_gap_in_the_auroc(gap):
    rows, groups, table = gap
    cases = table.set_index("metric").loc["auroc", "case_ids"].split()
    shown = rows.set_index("case_id").loc[cases]
    assert shown["target"].tolist() == [1, 0, 1, 0, 1, 0]
    assert (groups.loc[cases, "sex"] == "F").all()
    of_f = rows[groups["sex"].reindex(rows["case_id"]).eq("F").to_numpy()]
    lowest = of_f.query("target == 1")["probability"].min()
    highest = of_f.query("target == 0")["probability"].max()
    assert shown["probability"].iloc[:2].tolist() == [lowest, highest]


def test_who_is_there_comes_first_and_causes_are_named(gap):
    rows, groups, _ = gap
    there = {"part": "test", "measure": "present", "of": "image", "group_by": "sex", "group": "F"}
    there |= {"value": 0.6, "difference": -0.2, "difference_low": -0.3, "difference_high": -0.1}
    who = pd.DataFrame([there | {"verdict": "gap"}, there | {"of": "note", "verdict": "not_shown"}])
    source = {"arm": "fused", "group_by": "sex", "group": "F", "class_name": None, "of": "image"}
    source |= {"measure": "auroc_cost", "value": 0.1, "low": 0.05, "high": 0.15}
    sources = pd.DataFrame(
        [
            {**source, "source": "missing_inputs", "verdict": "yes", "sentence": "Images lack."},
            {**source, "source": "arm", "verdict": "not_shown", "sentence": "No."},
            {**source, "source": "revealed", "verdict": "yes", "sentence": "No cause."},
            {**source, "source": "arm", "group": "M", "verdict": "yes", "sentence": "Not of F."},
            {
                **source,
                "source": "label_noise",
                "group_by": "age",
                "verdict": "yes",
                "sentence": "-",
            },
        ]
    )
    row = verdicts_of(rows, groups, primary=("auroc",), who=who, sources=sources).iloc[0]
    assert row["sentence"].startswith("First, who is there: sex: F has the input image in 60.0 of ")
    assert "note" not in row["sentence"]
    assert row["sentence"].index("image") < row["sentence"].index("Gap between groups shown")
    assert row["cause"] == "Images lack."


def test_several_classes_are_judged_by_their_mean():
    rows, groups = invented(n_patients=300, classes=("a", "b"), worse=2.0)
    row = verdicts_of(rows, groups, primary=("auroc",)).iloc[0]
    assert (row["class_name"], row["verdict"], row["group"]) == ("macro", "gap_shown", "F")
    assert (
        "a class, in the mean over those that can be judged, from the rest less well"
        in row["sentence"]
    )
    assert len(row["case_ids"].split()) == 6


def test_without_permutations_the_group_comparisons_decide(gap):
    rows, groups, permuted = gap
    table = verdicts_of(rows, groups, permutations=0)
    assert table["p"].isna().all()
    assert table["statistic"].tolist() == pytest.approx(permuted["statistic"].tolist())
    compared = audit(rows, groups, thresholds_at(rows), n_bootstrap=0).comparisons
    same = compared.query("metric == 'auroc' and group == 'F' and rival == 'complement'").iloc[0]
    row = table.set_index("metric").loc["auroc"]
    assert (row["verdict"], row["p_holm"]) == ("gap_shown", pytest.approx(same["p_holm"]))


def test_a_metric_that_moves_with_prevalence_is_judged_by_the_comparisons(gap):
    rows, groups, _ = gap
    table = verdicts_of(rows, groups, primary=("auroc", "ppv")).set_index("metric")
    assert np.isnan(table.loc["ppv", "p"])
    assert np.isfinite(table.loc[["auroc", "ppv"], "p_holm"]).all()


def test_underdiagnosis_is_judged_over_all_classes():
    rows, groups = invented(n_patients=300, classes=("a", "b"), worse=2.0)
    table = verdicts_of(rows, groups, primary=("auroc", "underdiagnosis"))
    row = table.set_index("metric").loc["underdiagnosis"]
    assert (row["class_name"], row["operating_point"]) == ("all", "half")
    assert np.isfinite(row["p_holm"])
    assert np.isnan(row["p"])


def test_permuted_critical_value_moves_what_could_have_been_seen(no_gap, monkeypatch):
    plain = no_gap[2]["detectable"]
    monkeypatch.setattr(GroupTest, "critical", lambda test, n: 4.0, raising=True)
    assert (verdicts_of(*no_gap[:2])["detectable"] > plain).all()


def test_what_is_missing_is_said():
    rows, groups = invented()
    thresholds = thresholds_at(rows)
    compared = audit(rows, groups, thresholds, primary=("auroc",), n_bootstrap=0).comparisons
    with pytest.raises(InputError, match=r"no group is compared .* in sensitivity"):
        bias_verdicts(rows, thresholds, groups, compared, primary=("auroc", "sensitivity"))
    with pytest.raises(InputError, match="no grouping column 'race'"):
        bias_verdicts(rows, thresholds, groups, compared, group_by=["race"])
    uncalled = bias_verdicts(rows, None, groups, compared, permutations=50)
    assert uncalled["metric"].tolist() == ["auroc", "fnr"][: len(uncalled)]
    assert bias_verdicts(rows, None, groups[[]], compared).empty


def test_a_group_is_said_to_be_worse_only_where_all_groups_together_show_a_gap() -> None:
    def row(metric: str, rival: str, verdict: str) -> dict[str, object]:
        of = {"arm": "fused", "group_by": "sex", "class_name": "x"}
        return {**of, "metric": metric, "rival": rival, "verdict": verdict}

    comparisons = pd.DataFrame(
        [
            row("auroc", "complement", "worse"),
            row("fnr", "complement", "worse"),
            row("fnr", "complement", "better"),
            row("fnr", "image", "worse"),
            row("ece", "complement", "exploratory"),
        ]
    )
    verdicts = pd.DataFrame([row("auroc", "", "gap_shown"), row("fnr", "", "no_gap_shown")])
    said = confirmed(comparisons, verdicts)["verdict"].tolist()
    assert said == ["worse", "not_shown", "not_shown", "worse", "exploratory"]


def test_the_strongest_cause_of_each_source_is_told_and_gaps_only_in_the_same_metric():
    def found(source, measure, sentence, value, half):
        row = {"arm": "fused", "group_by": "sex", "group": "F", "class_name": None, "of": "image"}
        row |= {"source": source, "measure": measure, "sentence": sentence, "verdict": "yes"}
        return row | {"value": value, "low": value - half, "high": value + half}

    nan = float("nan")
    sources = pd.DataFrame(
        [
            found("training_share", "share", "Few.", 0.05, nan),
            found("missing_inputs", "missing_rate_difference", "Missing.", 0.3, 0.01),
            found("missing_inputs", "auroc_cost", "Costs.", 0.1, 0.05),
            found("arm", "fnr_difference", "Misses.", 0.3, 0.01),
            found("arm", "auroc_difference", "Weak.", -0.1, 0.09),
            found("arm", "auroc_gap_difference", "Strong.", -0.1, 0.02),
            found("image_quality", "standardised_difference", "Dark.", -1.0, 0.1),
        ]
    )
    of = ("fused", "sex", "F", "ill")
    assert cause(sources, *of, "auroc") == "Dark. Strong. Costs."
    assert cause(sources, *of, "fnr") == "Misses. Dark. Costs."
    assert cause(sources.iloc[1:2], *of, "fnr") == "Missing."
    assert cause(sources.iloc[3:4], *of, "auroc") == "cause not identified"


def test_the_bar_moves_within_a_test_and_ends_at_all_of_them(monkeypatch):
    monkeypatch.setattr(any_group_file, "AT_ONCE", 160 * 100)
    rows, groups = invented()
    heard = []
    verdicts_of(rows, groups, tell=lambda what, done, total, note="": heard.append((done, total)))
    assert heard == [(done, 2) for done in (0.0, 0.5, 1, 1.0, 1.5, 2)]


def test_intersections_read_as_words_and_many_groups_are_not_all_listed():
    rows, groups = invented(n_patients=300, worse=3.0)
    rng = np.random.default_rng(0)
    many = groups.assign(age=rng.choice(["[0, 40)", "[40, 65)"], len(groups)))
    table = verdicts_of(rows, many, group_by=["sex*age"], primary=("auroc",))
    assert "F × [" in table["sentence"].iloc[0]
    assert "*" not in table["sentence"].iloc[0]
    each = groups.assign(sex=[f"g{i // 4:03d}" for i in range(len(groups))])
    assert (
        "g000, g001, g002, g003, g004, g005, g006, g007 and 67 more."
        in (verdicts_of(rows, each, primary=("auroc",))["sentence"].iloc[0])
    )
