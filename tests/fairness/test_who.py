"""Who is there: shares, prevalence and inputs of each group, and gaps in them."""

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.comparisons import holm
from clinmm.errors import InputError
from clinmm.fairness.who import who_is_there
from clinmm.runs import Run
from clinmm.study import audited_groups
from clinmm.subgroups import intersections


def people(n=400, seed=0, ill=(0.3, 0.3), image=(0.7, 0.7)):
    """n patients of one case each; ill and image: shares among women and men."""
    rng = np.random.default_rng(seed)
    female = rng.random(n) < 0.5
    ids = [f"c{i:04d}" for i in range(n)]
    has_image = rng.random(n) < np.where(female, *image)
    cases = pd.DataFrame(
        {
            "case_id": ids,
            "patient_id": [f"p{i:04d}" for i in range(n)],
            "pattern": np.where(has_image, "image+note", "note"),
        }
    )
    index = pd.Index(ids, name="case_id")
    targets = pd.DataFrame({"ill": (rng.random(n) < np.where(female, *ill)).astype(float)}, index)
    groups = pd.DataFrame({"sex": np.where(female, "F", "M")}, index=index)
    return cases, targets, groups


def asked(made, **where):
    for column, value in where.items():
        made = made[made[column] == value]
    return made


def test_values_are_the_counted_ones():
    cases, targets, groups = people()
    targets.iloc[:30] = np.nan
    made = who_is_there(
        cases, targets, groups, {"cohort": cases["case_id"]}, inputs=["image", "note"]
    )
    schema.GROUPS.validate(made)
    women = groups["sex"] == "F"
    (share,) = asked(made, measure="share", group="F").to_dict("records")
    assert (share["value"], share["n_cases"]) == (pytest.approx(women.mean()), women.sum())
    (ill,) = asked(made, measure="prevalence", group="F").to_dict("records")
    known = women & targets["ill"].notna()
    assert (ill["value"], ill["n_cases"]) == (
        pytest.approx(targets.loc[known, "ill"].mean()),
        known.sum(),
    )
    men = ~women & targets["ill"].notna()
    gap = targets.loc[known, "ill"].mean() - targets.loc[men, "ill"].mean()
    assert ill["difference"] == pytest.approx(gap)
    has = (cases["pattern"] == "image+note").to_numpy()[women]
    for of, measure in (("image", "present"), ("image+note", "pattern")):
        (row,) = asked(made, measure=measure, of=of, group="F").to_dict("records")
        assert row["value"] == pytest.approx(has.mean())


def test_what_everybody_has_is_told_and_not_tested():
    cases, targets, groups = people()
    made = who_is_there(cases, targets, groups, {"test": cases["case_id"]}, inputs=["note"])
    rows = asked(made, measure="present")
    assert rows["value"].tolist() == [1.0, 1.0]
    assert rows[["p", "p_holm", "difference"]].isna().all(axis=None)
    assert rows["verdict"].isna().all()


def test_planted_gaps_are_found_and_absent_ones_are_not():
    cases, targets, groups = people(ill=(0.2, 0.5), image=(0.9, 0.5))
    parts = {"cohort": cases["case_id"]}
    made = who_is_there(cases, targets, groups, parts, inputs=["image", "note"])
    tested = made[made["p"].notna()]
    assert set(tested["verdict"]) == {"gap"}
    assert asked(made, measure="prevalence", group="F")["difference"].iloc[0] < -0.2
    found = 0
    for seed in range(40):
        cases, targets, groups = people(n=150, seed=seed)
        made = who_is_there(cases, targets, groups, {"test": cases["case_id"]})
        found += "gap" in set(made["verdict"])
    assert found <= 6, "5 % of 40; more than 6 has a chance of .003"


def test_a_patient_with_many_cases_counts_once():
    cases, targets, groups = people(n=60)
    many = pd.concat([cases.assign(case_id=cases["case_id"] + f"_{k}") for k in range(5)])
    again = many["case_id"].str[:5]
    t, g = (of.loc[again].set_axis(many["case_id"]) for of in (targets, groups))
    once = who_is_there(cases, targets, groups, {"test": cases["case_id"]})
    five = who_is_there(many, t, g, {"test": many["case_id"]})
    for column in ("value", "low", "high", "p", "n_patients"):
        np.testing.assert_allclose(once[column], five[column], err_msg=column)
    assert (five["n_cases"] == 5 * once["n_cases"]).all()


def test_holm_is_within_the_measure_and_the_part_and_counts_two_sides_once():
    cases, targets, groups = people()
    rng = np.random.default_rng(1)
    groups["age"] = rng.choice(["young", "middle", "old"], len(groups))
    parts = {"cohort": cases["case_id"], "test": cases["case_id"][:200]}
    made = who_is_there(cases, targets, groups, parts, inputs=["image"])
    for part in parts:
        rows = asked(made, part=part, measure="prevalence")
        once = rows[rows["group"] != "M"]  # F, and the three ages
        assert len(once) == 4
        np.testing.assert_allclose(once["p_holm"], holm(once["p"].tolist()))
        sexes = rows[rows["group_by"] == "sex"]
        assert sexes["p_holm"].nunique() == 1


def test_a_small_group_keeps_its_row_without_a_value_and_not_recorded_is_one():
    cases, targets, groups = people()
    groups.iloc[:7, 0] = None
    made = who_is_there(cases, targets, groups, {"test": cases["case_id"]})
    rows = asked(made, group="not recorded")
    (share,) = asked(rows, measure="share").to_dict("records")
    assert (share["n_cases"], share["status"]) == (7, "ok")
    (ill,) = asked(rows, measure="prevalence").to_dict("records")
    assert ill["status"] == "suppressed"
    assert np.isnan(ill["value"])
    assert ill["verdict"] == "cannot_tell"
    women = asked(made, measure="prevalence", group="F")["difference"].iloc[0]
    recorded = groups["sex"].notna()
    of = targets["ill"][recorded].groupby(groups["sex"]).mean()
    assert women == pytest.approx(of["F"] - of["M"]), "against those of whom it is recorded"


def test_intersections_are_made_to_the_stated_depth():
    cases, targets, groups = people()
    groups = groups.assign(age="old", site="A")
    made = who_is_there(cases, targets, groups, {"test": cases["case_id"]}, depth=2)
    assert set(made["group_by"]) == {"sex", "age", "site", "sex*age", "sex*site", "age*site"}
    assert intersections(["sex", "age", "age*sex"], 2) == ["sex", "age", "age*sex"]


def test_bad_input_is_refused_at_once():
    cases, targets, groups = people(n=30)
    twice = pd.concat([cases, cases.iloc[:1]])
    with pytest.raises(InputError) as caught:
        who_is_there(twice, targets, groups, {"test": ["c0001", "x"], "train": ["y"]})
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="no grouping column 'sexe'"):
        who_is_there(cases, targets, groups, {}, group_by=["sexe"])


COHORT = """
name: invented
table: cases.csv
case_id: case_id
patient_id: patient_id
target: {name: died, kind: binary, column: died, positive: ["1"], negative: ["0"]}
inputs: {note: {kind: note, column: note}}
sensitive: {sex: sex}
site: place
"""


def test_the_site_is_an_attribute_and_small_sites_are_one_group(tmp_path):
    run = Run.create(tmp_path / "run", "study", {})
    run.write_text("cohort.yaml", COHORT)
    place = ["north"] * 12 + ["south"] * 12 + ["east"] * 3 + ["west"] * 4 + [None]
    n = len(place)
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "place": place})
    run.write("cases", cases.assign(patient_id=cases["case_id"], pattern="note", sex="F"))
    groups = audited_groups(run)
    assert list(groups) == ["sex", "site"]
    assert groups["site"].value_counts().to_dict() == {
        "north": 12,
        "south": 12,
        "small sites": 7,
        "not recorded": 1,
    }
    run.write_text("cohort.yaml", COHORT.replace("sex: sex}", "sex: sex, site: place}"))
    assert "small sites" not in set(audited_groups(run)["site"]), "as the cohort file says"
