"""The last table of the demo, on runs in which it is known what the audits found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinmm import schema
from clinmm.cohort.phantom.found import planted_and_found
from clinmm.cohort.phantom.picture import MARKER_CORNER
from clinmm.runs import Run

PLANTS: list[dict[str, Any]] = [
    {"name": "stated_label", "class_name": "effusion", "input": "note", "parameters": {}},
    {
        "name": "faint_group",
        "class_name": "all",
        "input": "image",
        "parameters": {"group_by": "sex", "group": "F"},
    },
    {"name": "side_marker", "class_name": "consolidation", "input": "image", "parameters": {}},
]
CASES = ["c1", "c2", "c3"]


def run_of(folder: Path, *, found: bool) -> Run:
    """A run whose audits found everything, or looked and found nothing."""
    run = Run.create(folder / "run", "study", {"n_folds": 0})
    finding: dict[str, Any] = {
        "check": "stated_label",
        "severity": "error" if found else "warning",
        "subject": "note",
        "case_ids": CASES,
        "count": 3,
        "detail": "'effusion' stands in the notes of 3 patients",
        "advice": "Mask it.",
    }
    mark = {
        **finding,
        "check": "shortcut",
        "severity": "warning" if found else "info",
        "subject": "image",
        "detail": "something small and bright goes with 'consolidation'",
    }
    run.write("intake", pd.DataFrame([finding, mark]))
    comparison: dict[str, Any] = {
        "arm": "fused",
        "rival": "complement",
        "metric": "auroc",
        "class_name": "effusion",
        "group_by": "sex",
        "group": "F",
        "pattern": "any",
        "difference": -0.2,
        "low": -0.3,
        "high": -0.1,
        "p": 0.001,
        "p_holm": 0.004,
        "n_patients": 100,
        "verdict": "worse" if found else "not_shown",
    }
    others = [{**comparison, "group": "M", "verdict": "worse"}, {**comparison, "rival": "image"}]
    run.write("comparisons", pd.DataFrame([comparison, *others]))
    rows = []
    (run.folder / "attributions").mkdir()
    for case in CASES:
        mass = np.full((100, 100), 0.01, np.float16)
        if found:
            top, left, bottom, right = (round(100 * edge) for edge in MARKER_CORNER)
            mass[top:bottom, left:right] = -2.0
        np.savez(run.folder / f"attributions/{case}.npz", **{"image/map": mass})
        rows.append(
            {
                "arm": "fused",
                "case_id": case,
                "class_name": "consolidation",
                "method": "integrated_gradients",
                "input": "image",
                "status": "pass",
                "file": f"attributions/{case}.npz",
            }
        )
    run.write("explanations", pd.DataFrame(rows))
    return run


def truth(folder: Path, plants: list[dict[str, Any]]) -> Path:
    planted = [{**plant, "case_ids": CASES} for plant in plants]
    (folder / "truth.json").write_text(json.dumps({"planted": planted}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("found", [True, False])
def test_each_plant_is_found_exactly_where_its_audit_found_it(tmp_path: Path, found: bool) -> None:
    table = planted_and_found(run_of(tmp_path, found=found), truth(tmp_path, PLANTS))
    assert list(zip(table["planted"], table["audit"], strict=True)) == [
        ("stated_label", "intake: stated label"),
        ("faint_group", "audit: gap v. everybody else"),
        ("side_marker", "intake: shortcut"),
        ("side_marker", "explain: where the map dwells"),
    ]
    assert table["found"].tolist() == ["yes" if found else "no"] * 4
    assert table["concerns"].tolist()[0] == "effusion, 3 cases"
    assert "-0.200 (-0.300 to -0.100)" in table["evidence"][1]
    share = "100%" if found else "1%"
    assert share in table["evidence"][3] or found


@pytest.mark.parametrize("found", [True, False])
def test_the_evidence_of_the_faint_group_is_of_a_trained_arm_where_one_has_it(
    tmp_path: Path, found: bool
) -> None:
    run = run_of(tmp_path, found=found)
    ours = run.read("comparisons").iloc[:1]
    plain = ours.assign(arm="baseline:image", p_holm=0.0001, p=0.0001)
    run.write("comparisons", pd.concat([plain, ours], ignore_index=True))
    faint = [plant for plant in PLANTS if plant["name"] == "faint_group"]
    (row,) = planted_and_found(run, truth(tmp_path, faint)).to_dict("records")
    assert row["evidence"].startswith("fused effusion")
    run.write("comparisons", plain)
    (row,) = planted_and_found(run, truth(tmp_path, faint)).to_dict("records")
    assert row["evidence"].startswith("baseline:image effusion")


def test_nothing_planted_is_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    table = planted_and_found(run_of(tmp_path, found=True), truth(tmp_path, []))
    assert list(table.columns) == ["planted", "concerns", "audit", "found", "evidence"]
    assert table.empty


@pytest.mark.parametrize("verdict", ["fail", "pass"])
def test_the_audit_of_explanations_says_whether_the_marker_was_found(
    tmp_path: Path, verdict: str
) -> None:
    run = run_of(tmp_path, found=verdict == "pass")  # the corner's own share says the opposite
    row = {
        "arm": "fused",
        "method": "grad_cam",
        "input": "image",
        "class_name": "consolidation",
        "group_by": "all",
        "group": "all",
        "test": "shortcut_mass_upper_right",
        "value": 0.14,
        "low": 0.1,
        "high": 0.18,
        "n_cases": 30,
        "n_patients": 30,
        "verdict": verdict,
    }
    others = [
        {**row, "method": "integrated_gradients", "verdict": "weak"},
        {**row, "test": "shortcut_mass_border", "verdict": "fail"},
        {**row, "class_name": "effusion", "verdict": "fail"},
        {**row, "group_by": "sex", "verdict": "fail"},
    ]
    run.write("explanation_audit", pd.DataFrame([row, *others]))
    found = planted_and_found(run, truth(tmp_path, PLANTS)).iloc[-1]
    assert found["found"] == ("yes" if verdict == "fail" else "no")
    said = f"shortcut mass upper right: {verdict}, .14 (.1 to .18)"
    assert found["evidence"].startswith(said)
    assert "the marker's corner, " in found["evidence"]
    run.write("explanation_audit", schema.EXPLANATION_AUDIT.empty())
    found = planted_and_found(run, truth(tmp_path, PLANTS)).iloc[-1]
    assert found["found"] == ("no" if verdict == "fail" else "yes"), "no audit: the share decides"


def test_audits_that_could_not_look_say_so(tmp_path: Path) -> None:
    run = run_of(tmp_path, found=True)
    for name in ("intake", "comparisons", "explanations"):
        run.write(name, schema.TABLES[name].empty())
    table = planted_and_found(run, truth(tmp_path, PLANTS))
    assert table["found"].tolist() == ["no"] * 4
    assert table["evidence"].tolist() == [
        "no finding about effusion",
        "no comparison of F could be made",
        "no finding about consolidation",
        "no explained case has the marker",
    ]
