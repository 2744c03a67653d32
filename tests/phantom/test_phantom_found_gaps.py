"""Planted v. found in tables of the group audit that say what was found."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clinmm import schema
from clinmm.cohort.phantom import found_gaps
from clinmm.cohort.phantom.found import planted_and_found
from clinmm.runs import Run

FAINT = {"group_by": "sex", "group": "F"}
GONE = FAINT | {"how": {"image": ["c1"], "note": ["c2"]}}
AT_SITE = {"group_by": "site", "group": "C"}


def plant(name: str, parameters: dict[str, Any], class_name: str = "all") -> dict[str, Any]:
    return {"name": name, "class_name": class_name, "case_ids": ["c1"], "parameters": parameters}


def run_with(folder: Path, **tables: list[dict[str, Any]]) -> Run:
    """A run with these rows; what they leave out is 0, `-`, or empty where it may be."""
    run = Run.create(folder / "run", "study", {"n_folds": 0})
    for name, rows in tables.items():
        table = schema.TABLES[name]
        needed = [column for column in table.columns if not column.may_be_empty]
        blank = {column.name: 0 if column.kind == "whole" else "-" for column in needed}
        rows = [blank | row for row in rows]
        run.write(name, table.fill(pd.DataFrame(rows)) if rows else table.empty())
    return run


def verdict(group_by: str, group: str, told: str, p: float = 0.01) -> dict[str, Any]:
    return {
        "arm": "fused",
        "group_by": group_by,
        "metric": "auroc",
        "class_name": "macro",
        "verdict": told,
        "group": group,
        "p": p,
        "p_holm": p,
        "sentence": f"{group}: {told}",
    }


def test_a_verdict_counts_if_it_is_a_gap_and_the_planted_group_is_the_worst(tmp_path):
    rows = [verdict("sex", "F", "no_gap_shown", 0.001), verdict("sex", "F", "gap_shown", 0.02)]
    run = run_with(tmp_path, bias_verdicts=rows)
    look = found_gaps.verdict_by_attribute
    assert look(run, plant("faint_group", FAINT)) == (True, "fused: F: gap_shown")
    assert look(run, plant("it", FAINT | {"group": "M"})) == (False, "fused: F: no_gap_shown")
    assert look(run, plant("it", AT_SITE)) is None, "the run was not asked about the site"
    assert look(run_with(tmp_path / "other"), plant("it", FAINT)) is None


def who(measure: str, of: str, group: str, told: str, p: float = 0.01) -> dict[str, Any]:
    return {
        "part": "cohort",
        "measure": measure,
        "of": of,
        "group_by": "sex" if group in "FM" else "site",
        "group": group,
        "value": 0.5,
        "n_patients": 90,
        "difference": -0.3,
        "difference_low": -0.4,
        "difference_high": -0.2,
        "p": p,
        "verdict": told,
    }


@pytest.mark.parametrize("told", ["gap", "not_shown"])
def test_who_is_there_is_asked_about_the_planted_inputs_or_the_planted_class(tmp_path, told):
    rows = [
        who("present", "record", "F", "gap", 0.0001),  # not planted
        who("present", "note", "M", "gap"),
        who("prevalence", "nodule", "F", "gap"),
        who("present", "note", "F", told),
        who("prevalence", "effusion", "B", "gap"),
        who("prevalence", "nodule", "B", told),
        who("prevalence", "nodule", "C", told),
    ]
    run, look = run_with(tmp_path, groups=rows), found_gaps.who_is_there
    of_input = look(run, plant("missing_in_group", GONE))
    assert of_input == (
        told == "gap",
        "cohort: present of note in F 0.50, -0.30 (-0.40 to -0.20) beside the others, 90 patients",
    )
    of_class = look(run, plant("site_shortcut", {"site": "B"}, "nodule"))
    assert of_class is not None
    assert of_class[0] == (told == "gap")
    assert "prevalence of nodule in B" in of_class[1]
    any_class = look(run, plant("miscalibrated_site", AT_SITE))
    assert any_class is not None
    assert any_class[0] == (told == "gap")
    nobody = look(run, plant("missing_in_group", GONE | {"group": "X"}))
    assert nobody == (False, "nothing is told of X")


def test_calibration_is_found_where_the_interval_of_its_difference_leaves_out_0(tmp_path):
    row = {
        "arm": "fused",
        "rival": "complement",
        "metric": "ece",
        "class_name": "macro",
        "group_by": "site",
        "group": "C",
        "difference": 0.1,
        "low": 0.05,
        "high": 0.15,
        "p": 0.01,
        "n_patients": 60,
        "verdict": "exploratory",
    }
    near = row | {"group": "A", "low": -0.01}
    others = [row | {"metric": "auroc"}, row | {"rival": "image"}, row | {"group_by": "sex"}]
    look = found_gaps.calibration_apart
    apart = look(run_with(tmp_path / "a", comparisons=[near, row, *others]), plant("it", AT_SITE))
    assert apart == (
        True,
        "fused macro: ece of C less that of the others +0.100 (+0.050 to +0.150), 60 patients",
    )
    run = run_with(tmp_path / "b", comparisons=[row | {"low": -0.05}, *others])
    assert look(run, plant("it", AT_SITE))[0] is False  # type: ignore[index]
    assert look(run, plant("it", AT_SITE | {"group": "B"})) == (
        False,
        "calibration of B could not be compared",
    )
    assert look(run, plant("it", {"group_by": "age", "group": "C"})) is None


@pytest.mark.parametrize(("told", "found"), [("yes", True), ("not_shown", False)])
def test_noise_in_labels_is_found_if_the_audit_names_it_for_the_group(tmp_path, told, found):
    row = {
        "arm": "fused",
        "group_by": "sex",
        "group": "M",
        "source": "label_noise",
        "of": "readers",
        "measure": "alpha_difference",
        "verdict": told,
        "sentence": "Readers agree less.",
    }
    others = [row | {"group": "F", "verdict": "yes"}, row | {"source": "arm", "verdict": "yes"}]
    look, noisy = found_gaps.label_noise, plant("it", {"group_by": "sex", "group": "M"})
    run = run_with(tmp_path / "a", gap_sources=[row, *others])
    assert look(run, noisy) == (found, "Readers agree less.")
    nothing = run_with(tmp_path / "b", gap_sources=[row | {"group": ""}])
    assert look(nothing, noisy) is None, "nobody read a case twice"


def test_each_plant_is_looked_for_where_it_shows(tmp_path):
    names = {"faint_group": FAINT, "missing_in_group": GONE, "miscalibrated_site": AT_SITE}
    names |= {"group_shortcut": {"group_by": "age", "group": "[0, 40)"}}
    truth = [plant(name, parameters) for name, parameters in names.items()]
    (tmp_path / "truth.json").write_text(json.dumps({"planted": truth}), encoding="utf-8")
    empty: dict[str, list[dict[str, Any]]] = {"intake": [], "comparisons": []}
    told = [verdict("sex", "F", "gap_shown"), verdict("age", "[0, 40)", "gap_shown")]
    rows = [who("present", "image", "F", "gap"), who("prevalence", "nodule", "C", "gap")]
    run = run_with(tmp_path, **empty, bias_verdicts=told, groups=rows)
    table = planted_and_found(run, tmp_path)
    assert table[["planted", "audit", "found"]].to_numpy().tolist() == [
        ["faint_group", "audit: gap v. everybody else", "no"],
        ["faint_group", "audit: verdict by attribute", "yes"],
        ["missing_in_group", "audit: who is there", "yes"],
        ["miscalibrated_site", "audit: who is there", "yes"],
        ["group_shortcut", "audit: gap v. everybody else", "no"],
        ["group_shortcut", "audit: verdict by attribute", "yes"],
    ]
