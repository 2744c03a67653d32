"""The gap of each single input's model beside the fused one's."""

import numpy as np
import pandas as pd
import pytest

from clinmm.fairness.audit import audit
from clinmm.fairness.sources import arm
from clinmm.fairness.sources.row import Row

N = 600
Key = tuple[str, str, str]


def invented(
    *, classes: tuple[str, ...] = ("ill",), lacking: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Predictions of arms whose image is useless in F, thresholds, groups."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], N)
    has_note = rng.random(N) >= lacking
    parts = []
    for name in classes:
        y = (rng.random(N) < 0.4).astype(float)
        image = np.where(sex == "M", 2.0, 0.2) * (y - 0.5) + rng.normal(size=N)
        note = 1.5 * (y - 0.5) + rng.normal(size=N)
        for of, z, keep in (
            ("image", image, np.ones(N, dtype=bool)),
            ("note", note, has_note),
            ("fused", image + note, np.ones(N, dtype=bool)),
        ):
            part = pd.DataFrame(
                {
                    "arm": of,
                    "repeat": 0,
                    "fold": np.arange(N) % 2,
                    "case_id": [f"c{i:04d}" for i in range(N)],
                    "patient_id": [f"p{i // 2:04d}" for i in range(N)],
                    "split": "test",
                    "class_name": name,
                    "target": y,
                    "probability_raw": 1 / (1 + np.exp(-z)),
                    "probability": 1 / (1 + np.exp(-z)),
                    "pattern": "any",
                }
            )
            parts.append(part[keep])
    predictions = pd.concat(parts, ignore_index=True)
    keys = ["arm", "repeat", "fold", "class_name"]
    thresholds = predictions[keys].drop_duplicates(ignore_index=True)
    groups = pd.DataFrame({"sex": sex}, index=pd.Index([f"c{i:04d}" for i in range(N)]))
    return predictions, thresholds.assign(operating_point="half", threshold=0.5), groups


def measured(
    predictions: pd.DataFrame, thresholds: pd.DataFrame, groups: pd.DataFrame
) -> dict[Key, Row]:
    rows = arm.measure(predictions, thresholds, groups, seed=0)
    return {(row["group"], row["of"], row["measure"]): row for row in rows}


@pytest.mark.parametrize("classes", [("ill",), ("ill", "odd")])
def test_gaps_are_those_of_the_audit(classes: tuple[str, ...]) -> None:
    predictions, thresholds, groups = invented(classes=classes, lacking=0.3)
    found = measured(predictions, thresholds, groups)
    compared = audit(predictions, groups, thresholds, n_bootstrap=20).comparisons
    compared = compared[compared["rival"] == "complement"]
    judged = "macro" if len(classes) > 1 else "ill"
    theirs = compared[(compared["class_name"] == judged) & (compared["group"] == "F")]
    for single in ("image", "note", "fused"):
        for metric in ("auroc", "fnr"):
            ours = found["F", single, f"{metric}_difference"]
            of = (theirs["arm"] == single) & (theirs["metric"] == metric)
            row = theirs[of].iloc[0]
            assert ours["class_name"] == judged
            expected = row["difference"], row["low"], row["high"]
            assert (ours["value"], ours["low"], ours["high"]) == pytest.approx(expected)


def test_a_rare_class_leaves_the_gap_of_the_others_as_in_the_verdict() -> None:
    predictions, thresholds, groups = invented(classes=("a", "b", "rare"))
    well = predictions["class_name"].eq("rare") & predictions["case_id"].map(groups["sex"]).eq("F")
    predictions.loc[well, "target"] = 0.0
    found = measured(predictions, thresholds, groups)
    both = measured(predictions[predictions["class_name"] != "rare"], thresholds, groups)
    compared = audit(predictions, groups, thresholds, n_bootstrap=20).comparisons
    theirs = compared.query("rival == 'complement' and class_name == 'macro' and group == 'F'")
    gap_of = theirs[theirs["metric"] == "auroc"].set_index("arm")["difference"]
    for of in ("fused", "image", "note"):
        assert found["F", of, "auroc_difference"]["value"] == pytest.approx(gap_of[of])
        for measure in ("auroc_difference", "auroc_gap_difference")[: 1 + (of != "fused")]:
            ours, alone = found["F", of, measure], both["F", of, measure]
            assert ours["class_name"] == "macro"
            assert [ours[n] for n in ("value", "low", "high")] == [
                alone[n] for n in ("value", "low", "high")
            ]


def test_two_gaps_are_compared_over_the_same_classes() -> None:
    predictions, thresholds, groups = invented(classes=("a", "b", "c"))
    in_f = predictions["case_id"].map(groups["sex"]).eq("F")
    ill = predictions["class_name"].eq("c") & in_f & predictions["target"].eq(1)
    # no patient of F whose note is there has c, which can be judged in all cases together
    found = measured(predictions[~(ill & predictions["arm"].eq("note"))], thresholds, groups)
    two = measured(predictions[predictions["class_name"] != "c"], thresholds, groups)
    three = measured(predictions, thresholds, groups)
    for measure in ("auroc_difference", "auroc_gap_difference"):
        assert found["F", "note", measure]["value"] == two["F", "note", measure]["value"]
        assert found["F", "image", measure]["value"] == three["F", "image", measure]["value"]
    whole = found["F", "fused", "auroc_difference"]["value"]
    assert whole == three["F", "fused", "auroc_difference"]["value"]
    assert whole != two["F", "fused", "auroc_difference"]["value"]


def test_the_input_that_is_useless_in_a_group_carries_its_gap() -> None:
    found = measured(*invented())
    image, note = (found["F", of, "auroc_difference"] for of in ("image", "note"))
    assert image["verdict"] == "yes"
    assert image["high"] < -0.1
    assert note["verdict"] == "not_shown"
    assert found["F", "fused", "auroc_difference"]["verdict"] is None
    assert found["M", "image", "auroc_difference"]["value"] == pytest.approx(-image["value"])


def test_gaps_are_compared_on_the_cases_that_the_input_has() -> None:
    predictions, thresholds, groups = invented(lacking=0.4)
    found = measured(predictions, thresholds, groups)
    have = set(predictions.loc[predictions["arm"] == "note", "case_id"])
    same = measured(predictions[predictions["case_id"].isin(have)], thresholds, groups)
    more = found["F", "note", "auroc_gap_difference"]
    gaps = [same["F", of, "auroc_difference"]["value"] for of in ("fused", "note")]
    assert more["value"] == pytest.approx(gaps[0] - gaps[1])
    assert more["n_cases"] == len(have & set(groups.index[groups["sex"] == "F"]))


def test_the_comparison_of_gaps_is_paired_by_patient() -> None:
    predictions, thresholds, groups = invented()
    fused = predictions[predictions["arm"] == "fused"]
    copy = pd.concat([fused, fused.assign(arm="image")], ignore_index=True)
    more = measured(copy, thresholds, groups)["F", "image", "auroc_gap_difference"]
    assert (more["value"], more["low"], more["high"]) == (0, 0, 0)
    assert more["verdict"] == "not_shown"


def test_beside_an_arm_that_knows_nothing_the_fused_gap_is_all_there_is() -> None:
    predictions, thresholds, groups = invented()
    predictions.loc[predictions["arm"] == "note", ["probability", "probability_raw"]] = 0.5
    found = measured(predictions, thresholds, groups)
    whole, more = (
        found["F", *of] for of in (("fused", "auroc_difference"), ("note", "auroc_gap_difference"))
    )
    for name in ("value", "low", "high"):
        assert more[name] == pytest.approx(whole[name])


def test_a_gap_on_the_other_side_explains_nothing() -> None:
    predictions, thresholds, groups = invented()
    in_f = predictions["case_id"].map(groups["sex"]) == "F"
    sure = (predictions["arm"] == "fused") & in_f  # the fused model now serves F better
    for column in ("probability", "probability_raw"):
        predictions.loc[sure, column] = predictions.loc[sure, "target"] * 0.8 + 0.1
    found = measured(predictions, thresholds, groups)
    assert found["F", "fused", "auroc_difference"]["value"] > 0
    row = found["F", "image", "auroc_difference"]
    assert row["high"] < 0
    assert row["verdict"] == "not_shown"


def test_small_groups_are_suppressed_and_without_single_inputs_there_is_nothing() -> None:
    predictions, thresholds, groups = invented()
    groups["sex"] = np.where(np.arange(N) < 8, "F", "M")
    found = measured(predictions, thresholds, groups)
    verdicts = {row["verdict"] for key, row in found.items() if key[1] != "fused"}
    assert verdicts == {"cannot_tell"}
    alone = predictions[predictions["arm"] == "fused"]
    assert arm.measure(alone, thresholds, groups, seed=0) == []


def test_a_primary_metric_that_is_of_no_class_is_left_out() -> None:
    primary = ("auroc", "underdiagnosis")
    rows = arm.measure(*invented(), primary=primary, seed=0)
    assert {row["measure"] for row in rows} == {"auroc_difference", "auroc_gap_difference"}
