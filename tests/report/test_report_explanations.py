"""The sections on explanations, against the tables they are read from."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from clinmm.report.explained import MOST_EFFECTS, explanations_hold, main_reason, what_moves
from clinmm.report.material import Material
from clinmm.report.page import page
from clinmm.runs import Run

WHY = "deletion: .1 (-.1 to .3), wanted above 0; stability: .2 <b>, wanted above .5"


def judged(name: str, verdict: str | None, **changed: Any) -> dict[str, Any]:
    row = {
        "arm": "fused", "method": "integrated_gradients", "input": name, "class_name": "effusion",
        "group_by": "all", "group": "all", "test": "overall", "value": None, "low": None,
        "high": None, "n_cases": 490, "n_patients": 480, "bound": None, "needed": None,
        "verdict": verdict, "reason": None if verdict == "pass" else WHY,
    }  # fmt: skip
    return row | changed


def measured(name: str, test: str, n: int, **changed: Any) -> dict[str, Any]:
    numbers = {"test": test, "value": 0.62, "low": 0.51, "high": 0.73, "bound": 0.5}
    return judged(name, "pass", **numbers, needed="yes", n_patients=n, **changed)


def effect(kind: str, part: str, value: float, **changed: Any) -> dict[str, Any]:
    row = {
        "arm": "fused", "class_name": "effusion", "input": "record", "part": part, "kind": kind,
        "value": value, "low": value - 0.1, "high": value + 0.1, "n_cases": 50, "n_patients": 40,
        "size": abs(value),
    }  # fmt: skip
    return row | changed


@pytest.fixture
def audited(own_run: Run) -> Run:
    rows = [
        judged("image", "pass"),
        judged("note", "fail"),
        judged("image", "weak", class_name="nodule", method="grad_cam"),
        measured("image", "stability", 36),
        measured("image", "deletion", 24),
        judged("image", "fail", group_by="sex", group="F"),
        judged("image", "fail", arm="image"),
    ]
    own_run.write("explanation_audit", pd.DataFrame(rows))
    return own_run


def test_the_sentence_counts_what_may_be_drawn(audited: Run) -> None:
    found = explanations_hold(Material.of(audited))
    assert found.said == (
        "1 of 3 explanations (method, input and class) passed the audit and may be drawn; 1 weak "
        "and 1 failed ones are withheld. Nothing is drawn for nodule."
    )
    rows = audited.read("explanation_audit")
    audited.write("explanation_audit", rows[rows["verdict"] == "fail"])
    none = explanations_hold(Material.of(audited))
    assert none.said.startswith("None of 1 explanation (method, input and class) passed the audit")


def test_each_method_input_and_class_has_its_verdict_and_main_reason(audited: Run) -> None:
    found = explanations_hold(Material.of(audited))
    (verdicts, cases), (tests,) = found.sheets, found.folded
    reason = "deletion: .1 (-.1 to .3), wanted above 0 (and 1 more)"
    assert verdicts.rows == [
        ["integrated gradients", "image", "effusion", "passed", "24", ""],
        ["integrated gradients", "note", "effusion", "failed", "480", reason],
        ["Grad-CAM", "image", "nodule", "weak", "480", reason],
    ]
    assert [row[3] for row in tests.rows] == ["stability", "deletion"]
    assert tests.rows[0][4:] == ["0.620 (0.510 to 0.730)", "0.500", "passed", "36"]
    explained = audited.read("explanations")
    image = explained[explained["input"] == "image"]
    (drawn,) = (row for row in cases.rows if row[1] == "image")
    assert drawn[2] == f"{len(image) - 1} of {len(image)}"
    assert drawn[3] == "the map did not change when the model was randomised"


def test_a_study_without_an_audit_names_the_command(own_run: Run) -> None:
    found = explanations_hold(Material.of(own_run))
    assert "clinmm explain" in found.absent
    assert "clinmm explain" in what_moves(Material.of(own_run)).absent


def test_new_cases_stand_under_the_verdicts_of_their_study(own_run: Run) -> None:
    own_run.add_facts(kind="prediction")
    found = explanations_hold(Material.of(own_run))
    assert [sheet.caption for sheet in found.sheets] == [
        "Explanations of single cases that are drawn"
    ]
    assert "report of that study" in what_moves(Material.of(own_run)).absent


def test_effects_are_drawn_largest_first_with_their_intervals(own_run: Run) -> None:
    rows = [effect("recorded", f"c{i}", 0.05 * i) for i in range(12)]
    rows += [
        effect("word", "fever", -2.0, input="note"),
        effect("not_recorded", "crp", 1.5),
        effect("word", "rare", float("nan"), input="note"),
        effect("input", "note", 0.7, input="note"),
        effect("input", "record", 0.3),
    ]
    own_run.write("effects", pd.DataFrame(rows))
    found = what_moves(Material.of(own_run))
    assert found.said == "The model leans most on note: 70 % of what moved its answers."
    shares, effects = found.forests
    assert [mark.line.label for mark in shares.marks] == ["effusion", "note", "record"]
    labels = [mark.line.label for mark in effects.marks]
    assert len(labels) == MOST_EFFECTS
    assert (labels[0], labels[-1]) == ("record: crp, not recorded", "note: “fever”")
    assert "record: c1" not in labels
    assert effects.marks[-1].line.said == "−2.000 (−2.100 to −1.900)"
    assert effects.marks[-1].line.strong


def test_the_page_holds_both_sections_escaped(audited: Run, read: Callable[[str], Any]) -> None:
    html = page(audited)
    found = read(html)
    assert "Do the explanations hold?" in found.text
    assert "What moves the answers" in found.text
    caption = "Verdict by method, input and class, with the main reason"
    assert ["Grad-CAM"] in found.tables[caption]
    assert "Every test: the numbers behind the verdicts" in found.text


def test_an_example_is_drawn_by_one_method_and_never_against_a_rival(own_run: Run) -> None:
    from clinmm.report.examples import examples

    before, _ = examples(Material.of(own_run))
    table = own_run.read("explanations")
    others = [
        table.assign(method="input_shapley", share=0.99, file="attributions/none.npz"),
        table.assign(rather_than="nodule", share=0.98),
    ]
    own_run.write("explanations", pd.concat([table, *others], ignore_index=True))
    after, _ = examples(Material.of(own_run))
    assert [one.shares for one in after] == [one.shares for one in before]
    assert [one.pictures for one in after] == [one.pictures for one in before]


def test_the_main_reason_is_the_first() -> None:
    assert main_reason(WHY) == "deletion: .1 (-.1 to .3), wanted above 0 (and 1 more)"
    assert main_reason("misses the change.") == "misses the change"
    assert main_reason(None) == ""
