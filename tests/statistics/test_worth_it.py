"""Is fusion worth it: two populations, one family, one sentence."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from clinmm import schema
from clinmm.comparisons import holm
from clinmm.errors import InputError
from clinmm.evaluation import evaluate
from clinmm.worth_it import rows_of, training_prevalence, with_the_same_verdict, worth_it

HALF = pd.DataFrame({"repeat": [0], "fold": [0], "class_name": ["died"], "prevalence": [0.5]})


def frame(arm, risks, *, patterns=None, classes=("died",), fold=0):
    """Test rows of one arm: the first half positive; None where the arm has no input."""
    n = len(risks)
    kept = [i for i, risk in enumerate(risks) if risk is not None]
    return pd.DataFrame(
        [
            {
                "arm": arm,
                "repeat": 0,
                "fold": fold,
                "case_id": f"c{fold}{i:03d}",
                "patient_id": f"p{fold}{i:03d}",
                "split": "test",
                "class_name": name,
                "target": float(i < n / 2),
                "probability_raw": risks[i],
                "probability": risks[i],
                "pattern": patterns[i] if patterns else "image",
            }
            for i in kept
            for name in classes
        ]
    )


def pick(table, **where):
    where = {"metric": "auroc", "pattern": "any"} | where
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


@pytest.fixture
def twelve():
    """Six who died and six who did not; the image of one of either is missing."""
    has = ["image+note"] * 5 + ["note", "note"] + ["image+note"] * 5
    fused = [0.9, 0.8, 0.7, 0.6, 0.35, 0.5, 0.45, 0.4, 0.3, 0.2, 0.15, 0.1]
    image = [0.9, 0.8, 0.7, 0.4, 0.1, None, None, 0.6, 0.5, 0.3, 0.2, 0.15]
    return pd.concat([frame("fused", fused, patterns=has), frame("image", image)])


def test_twelve_cases_solved_by_hand(twelve):
    table = rows_of(twelve, HALF, "image")
    schema.WORTH_IT.validate(table)
    # who has an image: 5 x 5 pairs. fused loses (.35, .4); image loses .4 to two, .1 to all five
    own = pick(table, population="have_rival", arm="image")
    assert own["value"] == pytest.approx(18 / 25)
    assert pick(table, population="have_rival", arm="fused")["value"] == pytest.approx(24 / 25)
    assert own["difference"] == pytest.approx(6 / 25)
    assert (own["n_cases"], own["n_patients"], own["n_compared"]) == (10, 10, 10)
    # everyone: 6 x 6. fused: .35 loses to .4 and .45. image: both get .5; among them a tie (1/2);
    # .5 against the other five negatives: below .6, ties .5, above three = 3.5;
    # the five positives against .5: three above
    whole = pick(table, population="everyone", arm="image")
    assert whole["value"] == pytest.approx((18 + 0.5 + 3.5 + 3) / 36)
    assert pick(table, population="everyone", arm="fused")["value"] == pytest.approx(34 / 36)
    loss = pick(table, population="everyone", arm="image", metric="log_loss")["value"]
    y = [1] * 6 + [0] * 6
    image = [0.9, 0.8, 0.7, 0.4, 0.1, 0.5, 0.5, 0.6, 0.5, 0.3, 0.2, 0.15]
    assert loss == pytest.approx(log_loss(y, image))
    assert whole["value"] == pytest.approx(roc_auc_score(y, image))
    assert (whole["n_cases"], whole["role"]) == (12, "rival")


def test_another_arm_is_compared_on_the_cases_that_it_answers_too(predictions_table):
    rows = predictions_table(n_cases=160)
    gone = (rows["arm"] == "note") & rows["case_id"].str[-1].isin(list("124"))
    row = pick(rows_of(rows[~gone], HALF, "image"), population="have_rival", arm="note")
    test = rows[(rows["split"] == "test") & ~rows["case_id"].str[-1].isin(list("124"))]
    auroc = {
        arm: roc_auc_score(part["target"], part["probability"]) for arm, part in test.groupby("arm")
    }
    assert row["difference"] == pytest.approx(auroc["fused"] - auroc["note"])
    assert row["n_compared"] == test["patient_id"].nunique()


def test_the_pair_of_comparisons_is_one_family(twelve):
    table = rows_of(twelve, HALF, "image")
    pair = [pick(table, population=of, arm="image") for of in ("have_rival", "everyone")]
    assert [row["p_holm"] for row in pair] == pytest.approx(holm([row["p"] for row in pair]))
    assert {row["verdict"] for row in pair} <= {"better", "worse", "not_shown"}
    others = table[(table["role"] != "rival") | (table["metric"] != "auroc")]
    assert others["p_holm"].isna().all()
    assert set(others["verdict"].dropna()) == {"exploratory"}
    assert table.loc[table["role"] == "fused", "verdict"].isna().all()


def test_nobody_lacks_anything_so_the_populations_are_one(predictions_table):
    rows = predictions_table(n_cases=200)
    table = rows_of(rows, HALF, "image")
    one, other = (
        table[table["population"] == of].drop(columns="population").reset_index(drop=True)
        for of in ("have_rival", "everyone")
    )
    pd.testing.assert_frame_equal(one, other)
    judged = pick(table, population="everyone", arm="image")
    assert judged["p_holm"] == judged["p"]  # one comparison, counted once
    assert "everyone" not in worth_it(table, "image")


def test_differences_are_those_of_the_comparisons(predictions_table):
    rows = predictions_table(n_cases=240, classes=("a", "b"), repeats=2, folds=3)
    prevalence = pd.DataFrame(
        [(r, f, c, 0.3) for r in range(2) for f in range(3) for c in "ab"],
        columns=["repeat", "fold", "class_name", "prevalence"],
    )
    rows = rows[(rows["arm"] != "note") | (rows["pattern"] == "image+note")]
    table = rows_of(rows, prevalence, "image")
    compared = evaluate(rows, n_bootstrap=0, rival="image", metrics=["auroc", "brier"]).comparisons
    for metric in ("auroc", "brier"):
        for arm in ("image", "note"):
            for name in ("a", "b", "macro"):
                where = {"metric": metric, "class_name": name}
                here = pick(table, population="have_rival", arm=arm, **where)
                there = pick(compared, arm="fused", rival=arm, **where)
                for column in ("difference", "p", "detectable"):
                    assert here[column] == pytest.approx(there[column], rel=1e-12)
                assert here["difference_low"] == pytest.approx(there["low"], rel=1e-12)


def test_the_comparisons_table_gives_the_same_verdict(predictions_table):
    rows = predictions_table(n_cases=240)
    gone = (rows["arm"] == "image") & (rows["pattern"] == "image")
    table = rows_of(rows[~gone], HALF, "image")
    compared = evaluate(rows[~gone], n_bootstrap=0, rival="image").comparisons
    judged = table["population"].eq("have_rival") & table["p_holm"].notna()
    table.loc[judged, ["p_holm", "verdict"]] = [0.031, "better"]  # as if adjusted for the other
    row = pick(with_the_same_verdict(compared, table), rival="image")
    assert (row["p_holm"], row["verdict"]) == (0.031, "better")
    kept = pick(with_the_same_verdict(compared, table), rival="note")
    assert kept["verdict"] == "exploratory"


def test_interval_is_that_of_a_bootstrap_over_patients(predictions_table):
    rows = predictions_table(n_cases=400, arms=("fused", "image"), skill=(1.6, 1.2))
    gone = (rows["arm"] == "image") & (rows["pattern"] == "image")
    row = pick(rows_of(rows[~gone], HALF, "image"), population="everyone", arm="image")
    test = rows[rows["split"] == "test"]
    wide = test.pivot(index="case_id", columns="arm", values="probability")
    one = test.drop_duplicates("case_id").set_index("case_id").loc[wide.index]
    image = wide["image"].where(one["pattern"] != "image", 0.5)
    by_patient = list(one.reset_index().groupby("patient_id").indices.values())
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        pick_of = np.concatenate(
            [by_patient[i] for i in rng.integers(0, len(by_patient), len(by_patient))]
        )
        y = one["target"].to_numpy()[pick_of]
        drawn.append(
            roc_auc_score(y, wide["fused"].to_numpy()[pick_of])
            - roc_auc_score(y, image.to_numpy()[pick_of])
        )
    half = (row["difference_high"] - row["difference_low"]) / 2
    assert half == pytest.approx(1.96 * np.std(drawn), rel=0.12)


def test_order_of_rows_does_not_matter(twelve):
    one = rows_of(twelve, HALF, "image")
    other = rows_of(twelve.sample(frac=1, random_state=3), HALF, "image")
    pd.testing.assert_frame_equal(one, other)


def test_prevalence_is_that_of_the_folds_own_training_cases():
    splits = pd.DataFrame(
        {
            "repeat": 0,
            "fold": [0] * 4 + [1] * 4,
            "case_id": list("abcd") * 2,
            "patient_id": list("abcd") * 2,
            "split": ["train", "train", "train", "test", "validate", "test", "train", "train"],
            "member": -1,
        }
    )
    targets = pd.DataFrame({"x": [1, 0, np.nan, 1], "y": [0, 0, 0, 1.0]}, index=list("abcd"))
    found = training_prevalence(splits, targets).set_index(["fold", "class_name"])["prevalence"]
    assert found.to_dict() == {(0, "x"): 0.5, (0, "y"): 0.0, (1, "x"): 1.0, (1, "y"): 0.5}


def test_prevalences_of_folds_are_never_ranked_against_each_other():
    has = ["image"] * 6 + ["note"] * 6 + ["image"] * 6 + ["note"] * 6
    risks = np.linspace(0.9, 0.1, 24).tolist()
    image = [risk if "image" in p else None for risk, p in zip(risks, has, strict=True)]
    rows = pd.concat(
        [
            frame(arm, of, patterns=has, fold=fold)
            for fold in (0, 1)
            for arm, of in (("fused", risks), ("image", image))
        ]
    )
    two = pd.concat([HALF.assign(prevalence=0.9), HALF.assign(fold=1, prevalence=0.1)])
    row = pick(rows_of(rows, two, "image"), population="everyone", arm="image", pattern="note")
    assert row["value"] == 0.5
    assert row["n_cases"] == 24


def test_by_pattern_there_are_the_fused_arm_the_rival_and_single_inputs(predictions_table):
    names = ("fused", "image", "note", "image+note", "baseline:note", "baseline:stacked")
    rows = predictions_table(n_cases=200, arms=names, skill=(1.5, 1, 1, 1, 1, 1))
    table = rows_of(rows, HALF, "baseline:stacked")
    within = table[table["pattern"] != "any"]
    assert set(within["pattern"]) == {"image", "image+note"}
    assert set(within["arm"]) == {"fused", "image", "note", "baseline:stacked"}
    assert set(table["arm"]) == set(names)


def test_a_case_with_no_input_at_all_is_not_among_those_who_have_the_rival(twelve):
    nothing = pd.concat([frame("fused", [0.5] * 2), frame("baseline:stacked", [0.5] * 2)])
    nothing = nothing.assign(pattern="none", case_id="z" + nothing["case_id"])
    stacked = twelve[twelve["arm"] == "fused"].assign(arm="baseline:stacked")
    table = rows_of(pd.concat([twelve, stacked, nothing]), HALF, "baseline:stacked")
    sizes = {
        of: pick(table, population=of, arm="fused")["n_cases"] for of in ("have_rival", "everyone")
    }
    assert sizes == {"have_rival": 12, "everyone": 14}


def test_a_rival_without_an_input_in_any_test_case_answers_the_prevalence(twelve):
    elsewhere = frame("note", [0.9, 0.1]).assign(split="validate")
    table = rows_of(pd.concat([twelve, elsewhere]), HALF, "note")
    assert set(table["population"]) == {"everyone"}
    note = pick(table, population="everyone", arm="note")
    assert (note["value"], note["n_cases"], note["role"]) == (0.5, 12, "rival")
    said = worth_it(table, "note")
    assert (said["verdict"], said["n_cases"]) == ("cannot_tell", 0)
    assert said["everyone"]["value"] == pytest.approx(34 / 36)
    assert "Of everyone (12 cases of 12 patients), the other answering" in said["sentence"]


def test_below_ten_patients_nothing_is_given(twelve):
    table = rows_of(twelve[twelve["case_id"] != "c0000"], HALF, "image")
    own = pick(table, population="have_rival", arm="image")
    assert own["status"] == "suppressed"
    assert np.isnan(own["value"])
    assert own["verdict"] == "cannot_tell"
    assert pick(table, population="everyone", arm="image")["status"] == "ok"
    said = worth_it(table, "image")
    assert said["sentence"].startswith(
        "Cannot tell whether fusion is worth it: too few patients (9) to compare it with the best "
        "other (image). Of everyone (11 cases of 11 patients)"
    )
    assert said["difference"] is None


@pytest.mark.parametrize(
    ("skill", "verdict", "begins"),
    [
        ((2.0, 0.8), "better", "Fusion is worth it: AUROC 0.9"),
        ((0.8, 2.0), "worse", "Fusion is worse: AUROC 0."),
        ((1.2, 1.2), "not_shown", "Not shown that fusion is worth it: AUROC 0."),
    ],
)
def test_what_was_planted_is_said(predictions_table, skill, verdict, begins):
    rows = predictions_table(n_cases=500, arms=("fused", "note"), skill=skill)
    said = worth_it(rows_of(rows, HALF, "note"), "note", unit="child")
    assert said["verdict"] == verdict
    assert said["sentence"].startswith(begins)
    size = f"{abs(said['difference']):.3f} ("
    if verdict == "not_shown":
        assert f"these data could have shown {said['detectable']:.3f}." in said["sentence"]
        figures = f"difference {said['difference']:+.3f} ({said['low']:+.3f} to"
        assert figures.replace("-", "−") in said["sentence"]
    else:
        assert (
            f"{verdict} than the best other (note, {said['rival_value']:.3f}) by {size}"
            in (said["sentence"])
        )
    assert f"{said['n_cases']} cases of {said['n_patients']} childs" in said["sentence"]
    assert said["value"] - said["rival_value"] == pytest.approx(said["difference"])


def test_an_interval_without_zero_that_holm_does_not_let_pass_is_explained(twelve):
    table = rows_of(twelve, HALF, "image")
    judged = table["p_holm"].notna()
    table.loc[judged, ["difference_low", "p_holm", "verdict"]] = [0.001, 0.06, "not_shown"]
    assert "p 0.060 after Holm, 10 cases" in worth_it(table, "image")["sentence"]


def test_a_claim_is_taken_back_where_another_arm_is_ahead(predictions_table):
    rows = predictions_table(n_cases=500, arms=("fused", "note", "image"), skill=(1.5, 0.5, 2.0))
    table = rows_of(rows, HALF, "note")
    said = worth_it(table, "note")
    assert said["verdict"] == "not_shown"
    assert said["ahead"]["arm"] == "image"
    assert said["ahead"]["difference"] < 0
    assert "better than the best other on validate (note" in said["sentence"]
    assert "but image is ahead on the " in said["sentence"]
    behind = predictions_table(n_cases=500, arms=("fused", "note", "image"), skill=(2.0, 0.5, 1.0))
    assert worth_it(rows_of(behind, HALF, "note"), "note")["verdict"] == "better"


def test_beside_a_late_fusion_stands_the_best_single_input(predictions_table):
    arms = ("fused", "baseline:stacked", "note")
    rows = predictions_table(n_cases=500, arms=arms, skill=(2.0, 2.0, 0.5))
    table = rows_of(rows, HALF, "baseline:stacked")
    said = worth_it(table, "baseline:stacked", best_single="note")["sentence"]
    gap = pick(
        table, population="have_rival", arm="note", metric="auroc", class_name="died", pattern="any"
    )["difference"]
    assert (
        "That other is a late fusion of plain models; against the best single input (note" in said
    )
    assert f"the difference is {gap:+.3f} (" in said
    assert "late fusion" not in worth_it(table, "baseline:stacked")["sentence"]


def test_with_one_input_the_model_is_judged_and_not_fusion(predictions_table):
    rows = predictions_table(n_cases=100, arms=("fused", "baseline:note"), skill=(1.0, 1.1))
    table = rows_of(rows, HALF, "baseline:note")
    said = worth_it(table, "baseline:note", what="the model")["sentence"]
    assert said.startswith("Not shown that the model is worth it: AUROC 0.")
    assert "usion" not in said


def test_what_fusion_fell_back_on_is_said_last(predictions_table):
    rows = predictions_table(n_cases=100, arms=("note",), skill=(1.0,))
    rows = pd.concat([rows, rows.assign(arm="fused")])
    said = worth_it(rows_of(rows, HALF, "note"), "note", fell_back="note alone in 3 of 3 folds.")
    assert said["verdict"] == "not_shown"
    assert said["sentence"].startswith("Fusion changes nothing: AUROC 0.")
    assert said["sentence"].endswith(" patients. note alone in 3 of 3 folds.")


def test_a_value_is_judged_by_its_mean_absolute_error(predictions_table):
    rows = predictions_table(n_cases=120, arms=("fused", "note"), skill=(1, 1))
    rng = np.random.default_rng(0)
    rows["target"] = rows.groupby("case_id")["target"].transform("first") * 10
    spread = rows["arm"].map({"fused": 1.0, "note": 3.0})
    rows["value_raw"] = rows["value"] = rows["target"] + spread * rng.normal(size=len(rows))
    rows["probability"] = rows["probability_raw"] = np.nan
    gone = (rows["arm"] == "note") & (rows["pattern"] == "image")
    table = rows_of(rows[~gone], HALF.assign(prevalence=5.0), "note", continuous=True)
    assert set(table["metric"]) == {"mae", "concordance"}
    note = pick(table, population="everyone", arm="note", metric="mae", pattern="image")
    assert note["value"] == pytest.approx(5.0)  # 5 from 0 and from 10
    said = worth_it(table, "note")
    assert said["verdict"] == "better"
    assert said["difference"] < 0
    assert said["sentence"].startswith("Fusion is worth it: mean absolute error 0.")
    assert f"better than the best other (note, {said['rival_value']:.3f}) by" in said["sentence"]
    assert "the other answering the training mean where it has no input" in said["sentence"]


def test_several_classes_are_judged_by_their_mean(predictions_table):
    rows = predictions_table(
        n_cases=400, classes=("a", "b"), arms=("fused", "note"), skill=(2, 0.8)
    )
    both = pd.concat([HALF.assign(class_name="a"), HALF.assign(class_name="b")])
    said = worth_it(rows_of(rows, both, "note"), "note")
    assert (said["class_name"], said["verdict"]) == ("macro", "better")
    assert said["sentence"].startswith("Fusion is worth it: mean AUROC ")


@pytest.mark.parametrize(("arms", "rival", "message"), [
    (("image", "note"), "note", "no arm 'fused'"),
    (("fused", "note"), "notes", "no arm 'notes'. Did you mean 'note'"),
])  # fmt: skip
def test_an_arm_that_is_not_there_is_refused(predictions_table, arms, rival, message):
    rows = predictions_table(n_cases=40, arms=arms, skill=(1, 1))
    with pytest.raises(InputError, match=message):
        rows_of(rows, HALF, rival)
