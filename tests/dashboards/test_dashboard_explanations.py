"""Explanations on the case page and the page of their audit: what passed is drawn, the rest is
told."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_explanations import NO_ATTENTION, WORSE, with_explanations
from made_run import CLASSES
from reading_room import coloured, group, raw, text
from streamlit.testing.v1 import AppTest
from test_dashboard_cases import lock, read_as
from test_dashboard_pages import shown

from clinmm import registry
from clinmm.explain.audit.parts.rules import Rule
from clinmm.explain.figures.maps import AGAINST, FOR
from clinmm.runs import Run
from dashboards import (
    audit_panels,
    audit_rows,
    charts,
    explained,
    note,
    panels,
    viewer,
    words_explained,
)
from dashboards.audit_panels import Judged
from dashboards.case_data import Picture, RecordRow
from dashboards.explained import Explanation

Screen = Callable[[Run, str], AppTest]
CASE = "case_000"


@pytest.fixture(scope="session")
def explained_run(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The made run with several methods; nobody may change it."""
    folder = tmp_path_factory.mktemp("explained") / "made"
    return with_explanations(Run(shutil.copytree(finished.folder, folder)))


@pytest.fixture
def page(
    explained_run: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> AppTest:
    """The case page of a locked opinion on CASE, the finding effusion on show."""
    opened = screen(explained_run, "cases")
    monkeypatch.setenv("CLINMM_DATABASE", f"sqlite:///{tmp_path}/review.sqlite")
    lock(read_as(opened, "AB", CASE))
    return choose(opened, "effusion")


def choose(app: AppTest, class_name: str) -> AppTest:
    return group(app, "Show what spoke for and against").set_value(class_name).run()


def methods(app: AppTest) -> Any:
    return next(box for box in app.selectbox if box.label == "Method")


def method(app: AppTest, name: str) -> AppTest:
    return methods(app).select(name).run()


def rows(run: Run, class_name: str, method_name: str) -> pd.DataFrame:
    table = run.read("explanations").query("case_id == @CASE and class_name == @class_name")
    return table[table["method"] == method_name].set_index("input")


def test_what_passed_is_drawn_and_what_did_not_is_replaced_by_its_reason(page: AppTest) -> None:
    labels = methods(page).options
    assert labels == [
        "Integrated gradients",
        "Occlusion (2 withheld)",
        "Shapley values of whole inputs",
        "Grad-CAM (withheld)",
    ]
    told = next(
        one
        for one in page.get("popover")
        if "Withheld for this class: 3" in one.proto.popover.label
    )
    body = " ".join(one.body for one in told.get("html"))
    assert "Grad-CAM" in body
    assert f"“{words_explained.test('weight_randomisation')}” .81" in body
    assert coloured(page)

    method(page, "occlusion")
    assert "Colours of the note withheld" in text(page)
    assert not coloured(page)
    assert 'class="score"' in raw(page)

    method(page, "grad_cam")
    said = text(page)
    assert "Map of the image withheld: did not pass the audit (fail): “Changes when" in said
    assert "This method says nothing of the note." in said
    assert not coloured(page)
    assert 'class="score"' not in raw(page)
    assert "Shares of the inputs" not in said

    choose(page, "nodule")
    assert methods(page).value == "grad_cam"
    assert "Integrated gradients (1 withheld)" in methods(page).options
    choose(page, "effusion")

    method(page, "input_shapley")
    assert "This method tells no parts of the image apart." in text(page)
    assert "Shares of the inputs" in text(page)


def test_shares_differences_and_what_if_are_those_on_file(
    page: AppTest, explained_run: Run
) -> None:
    said = text(page)
    own = rows(explained_run, "effusion", "integrated_gradients")
    for name, row in own.iterrows():
        ends = f"{row['share_low']:.2f} to {row['share_high']:.2f}"
        assert f"{name} {row['share']:.2f} {ends}" in said
    assert "in the cohort 0.20 0.15 to 0.25" in said
    assert "7 % of what moved the estimate through the note" in said
    assert words_explained.MARKED in said
    what_if_is_on_file(page, explained_run)

    page.selectbox(key=f"rather than {CASE} effusion").select("cardiomegaly").run()
    other = rows(explained_run, "cardiomegaly", "integrated_gradients")["attribution"]
    change = (own["attribution"] - other).abs()
    said = text(page)
    for name, share in (change / change.sum()).items():
        assert f"{name} {share:.2f}" in said
    assert "in the estimate for effusion rather than cardiomegaly" in said
    assert "in the cohort" not in said
    assert words_explained.of_difference(adds_up=True, stable=False) in said

    page.selectbox(key=f"rather than {CASE} effusion").select("nodule").run()
    assert "Map of the image withheld: nodule: did not pass the audit (weak)" in text(page)


def what_if_is_on_file(page: AppTest, run: Run) -> None:
    said = text(page)
    assert "What if: effusion" in [one.value for one in page.header]
    assert "image about 40 of 100 note about 60 of 100" in said
    assert "Without it about 31 of 100 instead of about 50 of 100. Of 2 sentences" in said
    marked = re.search(r"<mark>(.*?)</mark>", raw(page))
    note_text = run.read("cases").set_index("case_id").loc[CASE, "note"]
    assert marked is not None
    assert marked.group(1) == note_text[len(note_text) // 2 :]
    picker = next(box for box in page.selectbox if box.label.startswith("Value to change"))
    assert picker.options == ["temperature", "sex"]
    assert "The case: 36.4, about 50 of 100. Over the range: about 20 of 100 to about 80" in said
    assert "Not measured: about 45 of 100." in said
    assert "The case: M" in text(picker.select("sex").run())


def test_nothing_of_it_is_shown_before_the_opinion(explained_run: Run, screen: Screen) -> None:
    app = read_as(screen(explained_run, "cases"), "nobody yet", CASE)
    said = raw(app)
    for secret in ("What if", "Withheld", " withheld: ", '"colour-key', '"denied'):
        assert secret not in said
    assert not coloured(app)
    assert not [box for box in app.selectbox if box.label in ("Method", "Rather than")]


def test_the_audit_page_opens_with_what_may_be_drawn(explained_run: Run, screen: Screen) -> None:
    app = screen(explained_run, "explanations")
    said = shown(app)
    # integrated gradients 11, occlusion 4, Shapley 12, of 4 x (3 + 1 + 3 + 3)
    assert "27 of 40 explanations passed and may be drawn; 13 are withheld." in said
    assert "Integrated gradients: image (3 of 4 findings), note and record" in said
    assert "Not passed most often: changes when the model loses its weights (13)." in said
    assert "✓ 3 pass ~ 1 weak" in said
    assert "✗ 4 fail does not read it does not read it" in said
    assert f"Attention does not explain this model: {NO_ATTENTION}" in said
    matrix = next(g for g in app.get("button_group") if g.key == "matrix of")
    assert "Integrated gradients ~ weak ✓ pass ✓ pass" in shown(matrix.set_value("nodule").run())


def test_a_cell_shows_every_test_with_its_bound_and_what_it_asks_and_the_groups(
    explained_run: Run, screen: Screen
) -> None:
    app = screen(explained_run, "explanations")
    stable = "stable under noise and small shifts"
    assert f"sex F, Integrated gradients, image, {stable}: {WORSE}" in app.warning[0].value
    app.selectbox(key="method of cell").select("grad_cam").run()
    said = shown(app)
    assert "✗ fail Grad-CAM, image, cardiomegaly Withheld: “Changes when the model loses" in said
    assert "60 0.81 0.72 to 0.90 below 0.50 ✗ fail" in said
    assert "60 0.83 0.78 to 0.88 above 0.50 ✓ pass" in said
    assert "above 0.00 told only ~ weak" in said
    assert "Adds up to the change" in said
    assert words_explained.asks("stability") in said
    assert "1 more measure without a bound" in {one.label for one in app.expander}
    assert "sex M 29 0.77 0.72 to 0.82" in said
    assert "sex not recorded 4 4 patients, too few to tell" in said
    assert "crp 28 0.41 0.36 to 0.46" in said
    assert "crp, not recorded 28 −0.12" in said
    assert "record 28 0.50 0.45 to 0.55" in said
    said = shown(app.selectbox(key="effects in").select("note").run())
    assert "swollen 28 0.33" in said
    assert "rare 3 too few to tell" in said


def test_the_first_page_says_whether_explanations_hold(
    explained_run: Run, finished: Run, screen: Screen
) -> None:
    said = shown(screen(explained_run, "overview"))
    assert "Do explanations hold? 27 of 40 explanations passed" in said
    assert "Not tested in this run, so none is drawn." in shown(screen(finished, "overview"))
    assert f"clinmm explain {finished.folder}" in shown(screen(finished, "explanations"))


# --- what the pages are made of -----------------------------------------------------------


def made(
    arrays: dict[str, Any],
    attribution: float,
    reason: str | None = None,
    change: float | None = None,
) -> Explanation:
    """change: what the attribution is to add up to; itself, if left out."""
    row = {"input": "x", "attribution": attribution, "share": 1.0, "reason": reason}
    row |= {"logit_change": attribution if change is None else change, "stability": 0.9}
    row["class_name"] = f"class of {attribution:g}"
    row |= {"share_low": 0.9, "share_high": 1.0, "special": 0.1}
    row["status"] = "pass" if reason is None else "withheld"
    return Explanation(pd.DataFrame([row]), {f"x/{key}": v for key, v in arrays.items()})


def test_the_difference_of_two_explanations_by_hand() -> None:
    half = np.array([[0.5, 1.0]], np.float16)
    found = explained.difference(made({"map": half}, 1.5), made({"map": 3 * half}, 4.5))
    np.testing.assert_array_equal(found.arrays["x/map"], [[-1.0, -2.0]])
    assert found.rows["attribution"].tolist() == [-3.0]
    one = {"start": np.array([0, 5]), "end": np.array([3, 9]), "score": np.array([0.5, 0.25])}
    other = {"start": np.array([5, 12]), "end": np.array([9, 14]), "score": np.array([1.0, 2.0])}
    found = explained.difference(made(one, 0.75), made(other, 3.0))
    assert found.arrays["x/start"].tolist() == [0, 5, 12]
    assert found.arrays["x/score"].tolist() == [0.5, -0.75, -2.0]
    record = {"column": np.array(["b", "a"]), "score": np.array([1.0, 2.0]), "mark": np.ones(2)}
    found = explained.difference(made(record, 3.0), made(record, 3.0))
    assert found.by_column("x", "score") == {"a": 0.0, "b": 0.0}
    assert found.by_column("x", "mark") == {"a": 0.0, "b": 0.0}
    assert found.rows["share"].tolist() == [0.0]


@pytest.mark.parametrize("which", [0, 1])
def test_the_difference_is_withheld_where_either_is(which: int) -> None:
    half = np.array([[0.5]], np.float16)
    reasons = ["unstable" if which == i else None for i in range(2)]
    pair = [made({"map": half}, float(i), reason) for i, reason in enumerate(reasons)]
    found = explained.difference(*pair)
    assert found.withheld("x") == f"class of {which}: unstable"
    assert found.map("x") is None


def test_a_difference_that_does_not_add_up_is_withheld_though_both_classes_do() -> None:
    half = {"map": np.array([[0.5]], np.float16)}
    one, other = made(half, 3.0, change=2.8), made(half, 2.6, change=2.8)
    found = explained.difference(one, other)
    assert found.withheld("x") == "attributions miss the change by 0.40 of 0.00"
    assert found.map("x") is None
    kept = explained.difference(made(half, 3.0, change=2.8), made(half, 2.8, change=2.6))
    assert kept.withheld("x") is None, "what both miss alike is not missed by their difference"
    assert kept.rows["logit_change"].tolist() == [pytest.approx(0.2)]
    assert explained.checks(kept) == (True, False), "nobody asked how stable it is"
    losses = made(half, 3.0, change=float("nan"))
    assert explained.difference(losses, other).withheld("x") is None
    assert explained.checks(explained.difference(losses, other)) == (False, False)


def test_a_class_that_was_explained_against_another_alone_is_shown_so(
    explained_run: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = Run(shutil.copytree(explained_run.folder, tmp_path / "run"))
    table = run.read("explanations")
    own = (table["case_id"] == CASE) & (table["class_name"] == "effusion")
    own &= table["method"] == "integrated_gradients"
    run.write("explanations", table[own].assign(rather_than="nodule", stability=0.9))
    monkeypatch.setenv("CLINMM_DATABASE", f"sqlite:///{tmp_path}/review.sqlite")
    app = screen(run, "cases")
    lock(read_as(app, "AB", CASE))
    rival = next(box for box in app.selectbox if box.label == "Rather than")
    assert rival.options == ["nodule"]
    assert methods(app).options == ["Integrated gradients"]
    assert coloured(app)
    said = text(app)
    assert "in the estimate for effusion rather than nodule" in said
    assert words_explained.of_difference(adds_up=True, stable=True) in said


def test_what_a_class_can_be_set_against() -> None:
    rows = [("a", None), ("b", None), ("c", "a"), ("c", "d"), ("b", "e")]
    table = pd.DataFrame(rows, columns=["class_name", "rather_than"])
    table = table.assign(case_id="c1", arm="fused")
    found = {name: explained.rivals(table, "c1", name, "fused") for name in "abc"}
    assert found == {"a": ["", "b"], "b": ["", "a", "e"], "c": ["a", "d"]}


def test_relative_maps_are_drawn_as_they_are() -> None:
    values = np.random.default_rng(0).random((48, 48)).astype(np.float16)
    own = Explanation(made({}, 1.0).rows, {"x/map": values}, logits=False)
    np.testing.assert_array_equal(own.map("x"), values.astype(np.float32))
    assert own.scale == pytest.approx(float(values.max()))


def test_denied_words_are_underlined_and_keep_their_colour() -> None:
    at = (np.array([3]), np.array([8]), np.array([0.5]))
    out = note.coloured("no fever or cough", *at, 1.0, [(3, 17)])
    assert '<span class="word for denied" title="for 0.500, denied"' in out
    assert '<span class="denied" title="denied"> or cough</span>' in out


@pytest.mark.parametrize("colour", [FOR, AGAINST])
def test_the_darkest_word_is_readable(colour: tuple[int, int, int]) -> None:
    def luminance(rgb: Any) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (value / 255 for value in rgb)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    behind = [0.6 * value + 0.4 * 255 for value in colour]
    ink = luminance((0x16, 0x22, 0x2B))
    # WCAG 2.2, 1.4.3: at least 4.5 : 1
    assert (luminance(behind) + 0.05) / (ink + 0.05) > 4.5


def test_a_record_bar_is_cut_into_value_and_mark() -> None:
    out = panels.record([RecordRow("crp", "", "mg/L", 0.3, 0.4)], scale=0.8)
    assert '<i class="against value" style="right:50%;width:6.3%"></i>' in out
    assert '<i class="for mark" style="left:50%;width:25.0%"></i>' in out
    assert "not measured" in out
    assert "mark" not in panels.record([RecordRow("crp", "1", "mg/L", 0.3)])


def test_the_browser_gets_the_profile_of_a_volume() -> None:
    from clinmm.readers.stack import Stack

    stack = Stack(np.zeros((3, 4, 4), np.uint16), 3, "HU", 0)
    values = np.zeros((3, 2, 2), np.float32)
    values[1, 0, 0], values[1, 1, 1], values[2, 0, 1] = 2.0, -0.5, 1.0
    picture = Picture(stack.pixels, stack)
    sent = viewer.payload(picture, "i", "l", values, 1.0, "m", "logits per patch")
    assert sent["map"]["profile"] == [[0.0, 0.0], [2.0, 0.5], [1.0, 0.0]]
    assert (sent["map"]["unit"], sent["map"]["positive"]) == ("logits per patch", False)


def test_a_test_has_its_own_scale_and_its_good_side_shaded() -> None:
    line = Judged("stability", 60, 0.8, 0.7, 0.9, 0.5, "above", True, "pass", "")
    out = audit_panels.tests([line])
    places = dict(re.findall(r'class="(good|reference|bar|dot)" style="left:([\d.]+)%', out))
    places = {key: float(value) for key, value in places.items()}
    assert places["good"] == places["reference"] < places["bar"] < places["dot"]
    below = audit_panels.tests([Judged("x", 60, 0.1, 0.0, 0.2, 0.5, "below", False, "pass", "")])
    assert 'class="good" style="left:0.00%' in below
    assert "told only" in below


@pytest.mark.parametrize(
    ("row", "side"),
    [
        ({"test": "stability", "bound": 0.5, "value": 0.9, "verdict": "pass"}, "above"),
        ({"test": "weight_randomisation", "bound": 0.5, "value": 0.9, "verdict": "fail"}, "below"),
        ({"test": "auroc_gate", "bound": 0.5, "value": 0.4, "verdict": "fail"}, "above"),
        ({"test": "of_mine", "bound": 0.5, "value": 0.9, "verdict": "weak"}, "above"),
        ({"test": "of_mine", "bound": 0.5, "value": 0.9, "verdict": "fail"}, "below"),
        ({"test": "of_mine", "bound": float("nan"), "value": 0.9, "verdict": None}, ""),
    ],
)
def test_the_good_side_of_a_bound(row: dict[str, Any], side: str) -> None:
    assert audit_rows.good_side(row, audit_rows.rules_of({})) == side


def test_the_runs_own_rules_replace_the_defaults() -> None:
    own = {"explain": {"audit": {"rules": {"stability": {"below": 0.2}}}}}
    rules = audit_rows.rules_of(own)
    assert rules["stability"] == Rule(below=0.2)
    assert "completeness_error" in rules


def test_what_a_method_and_a_test_say_of_themselves_is_read_from_their_files() -> None:
    found = registry.constants("attributions")
    assert found["integrated_gradients"]["ADDS_UP"] is True
    assert "add up" in words_explained.meaning("integrated_gradients")
    assert words_explained.in_logits("occlusion")
    assert not words_explained.in_logits("grad_cam")
    assert words_explained.asks("stability")
    assert words_explained.asks("of_mine") == ""


def test_the_curve_marks_the_case_and_orders_numbers() -> None:
    own = pd.DataFrame({"x": ["10", "9", "100"], "probability": [0.3, 0.2, 0.6]})
    figure = charts.what_if(own, "9.5", 0.25, "crp", True)
    assert list(figure.data[0].x) == [9, 10, 100]
    assert (list(figure.data[1].x), list(figure.data[1].y)) == ([9.5], [0.25])
    words = pd.DataFrame({"x": ["F", "M"], "probability": [0.3, 0.2]})
    assert charts.what_if(words, "", 0.25, "sex", True).layout.xaxis.type == "category"
    assert len(charts.what_if(words, "", 0.25, "sex", True).data) == 1


def test_no_verdict_is_no_explanation() -> None:
    table = pd.DataFrame(
        [
            {
                "arm": "fused",
                "group_by": "all",
                "test": "overall",
                "input": "x",
                "method": "m",
                "class_name": name,
                "verdict": verdict,
                "reason": "deletion: cannot tell: 2 cases; stability: cannot tell: 2 cases",
            }
            for name, verdict in zip(CLASSES, ["pass", "fail", "fail", "weak"], strict=True)
        ]
    )
    assert audit_rows.judged(table)["shown_as"].tolist() == ["pass", "fail", "fail", "unknown"]
    assert "? 1 cannot tell" in audit_panels.matrix(audit_rows.judged(table), ["x"], {})
    assert "1 of 4 explanations passed" in audit_rows.sentence(table)
    assert "None of 3" in audit_rows.sentence(table[table["verdict"] != "pass"])
    assert "All 1 explanations" in audit_rows.sentence(table.head(1))
    assert "none may be drawn" in audit_rows.sentence(table.head(0))


def test_numbers_that_do_not_compare_inputs_are_parts_of_the_strongest(tmp_path: Path) -> None:
    looked = {"image/map": np.full((4, 4), 1e-4), "note/score": np.array([0.5, 0.25])}
    np.savez(tmp_path / "a.npz", **looked)  # type: ignore[arg-type]
    row = {"case_id": "c1", "class_name": "x", "arm": "fused", "rather_than": None}
    row |= {"method": "attention", "status": "pass", "reason": None, "file": "a.npz"}
    table = pd.DataFrame([row | {"input": name} for name in ("image", "note")])
    found = explained.explanation(tmp_path, table, "c1", "x", "attention")
    assert found is not None
    words, drawn = found.array("note", "score"), found.map("image")
    assert words is not None
    assert drawn is not None
    assert words.tolist() == [1.0, 0.5]
    assert drawn.max() == found.scale == 1
