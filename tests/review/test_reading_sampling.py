"""The strata of a run, the draw from them, and the weights that undo it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_for_reading import rows, run_of

from clinmm.errors import InputError, NotMadeYet
from clinmm.review.protocol import Cases, Protocol
from clinmm.review.sampling import sample, strata
from clinmm.runs import Run

RISKS = [0.5, 0.1, 0.9, 0.02, 0.99, 0.45]
DIED = [1.0, 0.0, 1.0, 0.0, np.nan, 0.0]


def asking(*by: str, **cases: object) -> Protocol:
    n = {} if not by else {"n": 6}
    return Protocol.model_validate(
        {"name": "s", "readers": ["a"], "cases": {"by": by, **n, **cases}}
    )


def found(run: Run, kind: str, **cases: object) -> dict[str, str]:
    table = strata(run, asking(kind, **cases))
    assert list(table.columns) == ["case_id", "patient_id", kind, "stratum"]
    assert table["stratum"].tolist() == [f"{kind}: {value}" for value in table[kind]]
    return dict(zip(table["case_id"], table[kind], strict=True))


@pytest.fixture
def binary(tmp_path: Path) -> Run:
    other = [0.5, 0.3, 0.1, 0.02, 0.9, 0.15]
    return run_of(tmp_path / "run", rows({"fused": RISKS, "image": other}, DIED))


def test_class_is_what_the_cohort_records(binary: Run) -> None:
    died = found(binary, "class")
    assert [died[f"c0{i}"] for i in range(6)] == [
        "died",
        "not died",
        "died",
        "not died",
        "not recorded",
        "not died",
    ]


def test_class_of_several_findings_is_the_rarest(tmp_path: Path) -> None:
    p = [0.5] * 5
    many = [
        rows({"fused": p}, [1, 1, 1, 0, 0], "scar"),
        rows({"fused": p}, [0, 1, 0, 1, 0], "nodule"),
        rows({"fused": p}, [1, 0, 0, 0, 0], "mass"),
    ]
    run = run_of(tmp_path / "run", pd.concat(many), "multilabel")
    assert list(found(run, "class").values()) == ["mass", "nodule", "scar", "nodule", "none"]


def test_class_of_exclusive_classes_is_the_one(tmp_path: Path) -> None:
    p = [0.5] * 3
    many = [rows({"fused": p}, np.eye(3)[i], name) for i, name in enumerate("abc")]
    run = run_of(tmp_path / "run", pd.concat(many), "multiclass")
    assert list(found(run, "class").values()) == ["a", "b", "c"]


def test_class_of_a_value_is_its_third(tmp_path: Path) -> None:
    values = rows({"fused": [1.0] * 6}, [5, 1, 3, 2, 4, 6], "score", "value")
    run = run_of(tmp_path / "run", values, "continuous")
    assert list(found(run, "class").values()) == ["high", "low", "middle", "low", "middle", "high"]


def test_group_is_every_sensitive_column(binary: Run) -> None:
    groups = found(binary, "group")
    assert groups["c00"] == "sex F, age [0, 50)"
    assert groups["c05"] == "sex not recorded, age [50, 100)"


def test_uncertainty_is_the_third_by_entropy(binary: Run) -> None:
    # nearest to one half: .5 and .45; then .1 and .9, of one entropy; then .02 and .99
    thirds = found(binary, "uncertainty")
    assert list(thirds.values()) == ["high", "middle", "middle", "low", "low", "high"]


def test_uncertainty_counts_both_answers(tmp_path: Path) -> None:
    # entropies .67, .61, .13, .06
    run = run_of(tmp_path / "run", rows({"fused": [0.6, 0.3, 0.97, 0.01]}, [0, 0, 1, 1]))
    assert list(found(run, "uncertainty", n=4).values()) == ["high", "high", "middle", "low"]


def test_uncertainty_is_of_the_mean_risk_over_repeats(tmp_path: Path) -> None:
    # of c00 both repeats are sure, of different things: in the mean nothing is known
    first = rows({"fused": [0.01, 0.2, 0.05]}, [0, 0, 0])
    second = rows({"fused": [0.99, 0.2, 0.05]}, [0, 0, 0], repeat=1)
    run = run_of(tmp_path / "run", pd.concat([first, second]))
    assert list(found(run, "uncertainty", n=3).values()) == ["high", "middle", "low"]


def test_uncertainty_of_exclusive_classes_is_their_entropy(tmp_path: Path) -> None:
    risks = np.array([[0.98, 0.01, 0.01], [0.5, 0.5, 0.0], [0.34, 0.33, 0.33]])
    many = [rows({"fused": risks[:, i]}, [0, 0, 0], name) for i, name in enumerate("abc")]
    run = run_of(tmp_path / "run", pd.concat(many), "multiclass")
    assert list(found(run, "uncertainty", n=3).values()) == ["low", "middle", "high"]


def test_disagreement_is_the_widest_spread_between_arms(tmp_path: Path) -> None:
    first = rows(
        {"fused": [0.5, 0.5, 0.5], "image": [0.5, 0.6, 0.1], "baseline:image": [0.0, 1.0, 0.5]},
        [0, 0, 0],
        "mass",
    )
    second = rows({"fused": [0.5, 0.5, 0.5], "image": [0.9, 0.5, 0.5]}, [0, 0, 0], "nodule")
    run = run_of(tmp_path / "run", pd.concat([first, second]), "multilabel")
    # spreads: .4 (nodule), .1, .4 (mass); ties share a third
    assert list(found(run, "disagreement", n=3).values()) == ["high", "low", "high"]


def test_a_case_of_one_arm_has_no_disagreement(tmp_path: Path) -> None:
    made = rows({"fused": RISKS, "image": [0.5] * 6}, DIED)
    made = made[(made["arm"] == "fused") | (made["case_id"] != "c05")]
    assert found(run_of(tmp_path / "run", made), "disagreement")["c05"] == "not recorded"


def test_rows_of_models_that_learned_from_a_case_do_not_count(tmp_path: Path) -> None:
    test = rows({"fused": RISKS}, DIED)
    learned = rows({"fused": [0.01, 0.9, 0.9, 0.5, 0.5, 0.5]}, DIED, fold=1, split="train")
    run = run_of(tmp_path / "run", pd.concat([learned, test]))
    kept = strata(run, asking("uncertainty", split="any"))
    assert kept["uncertainty"].tolist() == ["high", "middle", "middle", "low", "low", "high"]


def test_any_takes_cases_that_were_never_tested(tmp_path: Path) -> None:
    made = rows({"fused": RISKS}, DIED)
    made.loc[made["case_id"] > "c03", "split"] = "train"
    run = run_of(tmp_path / "run", made)
    assert strata(run, asking())["case_id"].tolist() == ["c00", "c01", "c02", "c03"]
    assert len(strata(run, asking(split="any"))) == 6


def test_strata_join_what_is_asked_for(binary: Run) -> None:
    table = strata(binary, asking("class", "uncertainty"))
    assert table["stratum"][0] == "class: died; uncertainty: high"
    assert set(strata(binary, asking())["stratum"]) == {"all"}


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path, binary: Run) -> None:
    made = binary.read("predictions")
    shuffled = run_of(tmp_path / "other", made.sample(frac=1, random_state=3))
    for kind in ("class", "uncertainty", "disagreement"):
        one, other = (strata(run, asking(kind, n=4)) for run in (binary, shuffled))
        pd.testing.assert_frame_equal(one, other)
        drawn = [sample(table, Cases(n=4), seed=5) for table in (one, other.sample(frac=1))]
        pd.testing.assert_frame_equal(*drawn)


def test_every_stratum_that_a_run_cannot_give_is_refused_at_once(tmp_path: Path) -> None:
    made = rows({"fused": [1.0, 2.0]}, [np.nan, np.nan], "score", "value")
    run = run_of(tmp_path / "run", made, "continuous", sensitive={})
    with pytest.raises(InputError) as refused:
        strata(run, asking("class", "group", "uncertainty", "disagreement", n=2))
    assert [line.split(". ")[0] for line in refused.value.problems] == [
        "cases.by: class: no case has a recorded target",
        "cases.by: group: the cohort names no sensitive column",
        "cases.by: uncertainty: one model's intervals of a value are as wide for every case",
        "cases.by: disagreement: the run has one arm, which agrees with itself",
    ]


def test_risks_that_are_not_calibrated_are_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", rows({"fused": [0.1, 0.2]}, [0, 1], column="probability_raw"))
    with pytest.raises(InputError, match="uncertainty: the run has no calibrated output"):
        strata(run, asking("uncertainty", n=2))


def test_a_run_without_predictions_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotMadeYet, match="clinmm train"):
        strata(run_of(tmp_path / "run", None), asking())


def test_a_run_without_test_cases_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", rows({"fused": [0.1]}, [0], split="train"))
    with pytest.raises(InputError, match=r"no test case\. Write any"):
        strata(run, asking("class"))


# The draw


def pool(**sizes: int) -> pd.DataFrame:
    names = [name for name, n in sizes.items() for _ in range(n)]
    ids = [f"case-{i:04d}" for i in range(len(names))]
    return pd.DataFrame({"case_id": ids, "stratum": names})


def taken(strata: pd.DataFrame, **cases: object) -> dict[str, int]:
    drawn = sample(strata, Cases.model_validate(cases), seed=1)
    assert drawn["case_id"].is_unique
    assert drawn["case_id"].is_monotonic_increasing
    assert drawn["weight"].sum() == pytest.approx(len(strata))
    return dict(drawn["stratum"].value_counts().sort_index())


def test_a_balanced_draw_takes_as_many_from_each_as_it_has() -> None:
    assert taken(pool(a=100, b=3, c=20), n=20, by=["class"]) == {"a": 9, "b": 3, "c": 8}
    assert taken(pool(a=100, b=3, c=20), n=123, by=["class"]) == {"a": 100, "b": 3, "c": 20}


def test_a_proportional_draw_goes_by_largest_remainder() -> None:
    # quotas of 10: 4.72, 3.17, 2.11
    assert taken(pool(a=47, b=32, c=21), n=10, balanced=False) == {"a": 5, "b": 3, "c": 2}


def test_a_proportional_draw_leaves_no_stratum_out() -> None:
    assert taken(pool(a=95, b=4, c=1), n=10, balanced=False) == {"a": 8, "b": 1, "c": 1}


@pytest.mark.parametrize("balanced", [True, False])
def test_any_sizes_and_numbers_can_be_drawn(balanced: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        sizes = {f"s{i}": int(n) for i, n in enumerate(rng.integers(1, 30, rng.integers(1, 7)))}
        n = int(rng.integers(len(sizes), sum(sizes.values()) + 1))
        got = taken(pool(**sizes), n=n, balanced=balanced)
        assert sum(got.values()) == n
        assert all(1 <= got[name] <= size for name, size in sizes.items())


def test_weights_undo_the_draw_and_without_them_the_rate_is_off() -> None:
    there = pool(sick=12, well=188)
    ill = there.set_index("case_id")["stratum"].eq("sick") & (np.arange(200) % 2 == 0)
    truth = ill.mean()
    weighted, plain = [], []
    n_draws = 120
    for seed in range(n_draws):
        drawn = sample(there, Cases(n=20, by=("class",)), seed)
        hit = drawn["case_id"].map(ill)
        weighted.append(np.average(hit, weights=drawn["weight"]))
        plain.append(hit.mean())
    error = np.std(weighted) / np.sqrt(n_draws)
    assert abs(np.mean(weighted) - truth) < 4 * error
    assert np.mean(plain) > 5 * truth


def test_every_case_is_as_likely_as_another_of_its_stratum() -> None:
    there = pool(a=4, b=8)
    counts = pd.Series(0, index=there["case_id"])
    for seed in range(100):
        counts[sample(there, Cases(n=4, by=("class",)), seed)["case_id"]] += 1
    share = counts / 100
    assert share[:4].to_numpy() == pytest.approx(0.5, abs=0.17)
    assert share[4:].to_numpy() == pytest.approx(0.25, abs=0.17)


def test_the_seed_decides_the_draw() -> None:
    draws = [sample(pool(a=50), Cases(n=10), seed)["case_id"].tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_what_a_blind_reader_is_told_is_the_same_for_every_case(binary: Run) -> None:
    for cases in (
        {"n": 4, "by": ["class", "uncertainty", "group", "disagreement"][:1]},
        {"ids": ["c01", "c03"]},
        {},
    ):
        protocol = Protocol.model_validate({"name": "s", "readers": ["a"], "cases": cases})
        drawn = sample(strata(binary, protocol), protocol.cases, 0)
        (why,) = set(drawn["why"])
        for word in ("died", "class", "uncertain", "strat", "balanced", "sex"):
            assert word not in why
    assert why == "all 6 test cases are read"


def test_named_cases_stand_for_themselves() -> None:
    drawn = sample(pool(a=3, b=3), Cases(ids=("case-0004", "case-0001")), 0)
    assert drawn["case_id"].tolist() == ["case-0001", "case-0004"]
    assert drawn["weight"].tolist() == [1.0, 1.0]
    assert set(drawn["why"]) == {"named in the protocol"}


def test_cases_that_are_not_there_are_named_at_once() -> None:
    with pytest.raises(InputError) as refused:
        sample(pool(a=3), Cases(ids=("x", "case-0001", "y")), 0)
    assert refused.value.problems == [
        "cases.ids: 2 of 3 are not among the 3 test cases of the run: x, y. "
        "Take them out, or write split: any."
    ]


def test_more_cases_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match=r"asked for 4, there are 3 test cases\. Leave n out"):
        sample(pool(a=3), Cases(n=4), 0)


def test_fewer_cases_than_strata_is_refused() -> None:
    with pytest.raises(InputError, match="2 cases cannot hold one of each of the 3 strata"):
        sample(pool(a=3, b=3, c=3), Cases(n=2, by=("class",)), 0)
