"""The case page: nothing of the model before the opinion is locked, all of it after."""

import re
from collections.abc import Callable

import pandas as pd
import pytest
import yaml
from made_run import CLASSES, WITHHELD
from streamlit.testing.v1 import AppTest

from clinmm.review.store import ReviewStore, default_url, run_id
from clinmm.runs import Run
from dashboards import words

Screen = Callable[[Run, str], AppTest]
SECRETS = ("such patients", "class='score'", 'class="score"', 'class="word', "Shares of the inputs")
"""What betrays the model's output in a page's HTML."""


def raw(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [e.body for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "error"):
        parts += [e.value for e in app.get(kind)]
    return " ".join(parts)


def text(app: AppTest) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", raw(app)))


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def group(app: AppTest, key: str) -> "AppTest":
    return next(g for g in app.get("button_group") if g.key == key)


def read_as(app: AppTest, reader: str, case_id: str) -> AppTest:
    app.text_input[0].input(reader).run()
    return app.selectbox(key="open_case").select(case_id).run()


def lock(app: AppTest, case_id: str, rating: int = 4) -> AppTest:
    for name in CLASSES:
        group(app, f"rating {case_id} {name} AB").set_value(rating)
    group(app, f"confidence {case_id} AB").set_value(3)
    return press(app, "Lock my opinion")


@pytest.fixture
def page(own_run: Run, screen: Screen) -> AppTest:
    return screen(own_run, "cases")


def test_nothing_of_the_model_is_shown_before_the_opinion(page: AppTest, own_run: Run) -> None:
    assert not any(secret in raw(page) for secret in SECRETS)
    read_as(page, "AB", "case_000")
    assert not any(secret in raw(page) for secret in SECRETS)
    assert "Your opinion first" in text(page)
    assert not any(b.label == "Save verdict" for b in page.button)


def test_the_locked_opinion_reveals_the_risks_on_file(page: AppTest, own_run: Run) -> None:
    lock(read_as(page, "AB", "case_000"), "case_000")
    said, predictions = text(page), own_run.read("predictions")
    asked = predictions.query("case_id == 'case_000' and arm == 'fused'")
    for row in asked.itertuples():
        sentence = words.risk(row.probability, "patient")
        assert f"{row.class_name.capitalize()} {sentence} you: probably" in said


def test_an_unanswered_class_keeps_the_opinion_open(page: AppTest, own_run: Run) -> None:
    read_as(page, "AB", "case_000")
    group(page, "rating case_000 nodule AB").set_value(2)
    press(page, "Lock my opinion")
    assert "Still to answer: cardiomegaly, effusion, consolidation, confidence." in text(page)
    assert not any(secret in raw(page) for secret in SECRETS)


def test_the_reading_is_there_again_in_a_new_session(
    page: AppTest, own_run: Run, screen: Screen
) -> None:
    lock(read_as(page, "AB", "case_001"), "case_001", rating=2)
    group(page, "verdict case_001 AB").set_value("disagree")
    page.selectbox(key="reason case_001 AB").select("false_alarm")
    page.text_area(key="comment case_001 AB").input("a fold of skin")
    press(page, "Save verdict")
    store = ReviewStore(default_url(own_run.folder), run_id(own_run.facts))
    saved = store.reading("AB", "case_001")
    assert saved is not None
    assert saved.verdict is not None
    assert saved.verdict.reason == "false_alarm"

    again = read_as(screen(own_run, "cases"), "AB", "case_001")
    assert again.text_area(key="comment case_001 AB").value == "a fold of skin"
    assert "you: probably not" in text(again)
    assert "such patients" in text(again)


def test_another_reader_is_still_blind(page: AppTest) -> None:
    lock(read_as(page, "AB", "case_000"), "case_000")
    assert "such patients" in text(page)
    page.text_input[0].input("CD").run()
    assert "such patients" not in text(page)


def test_a_disagreement_without_a_reason_is_not_saved(page: AppTest, own_run: Run) -> None:
    lock(read_as(page, "AB", "case_000"), "case_000")
    group(page, "verdict case_000 AB").set_value("disagree")
    press(page, "Save verdict")
    assert "'disagree' needs a reason" in text(page)
    store = ReviewStore(default_url(own_run.folder), run_id(own_run.facts))
    assert store.readings()["verdict"].isna().all()


def test_a_withheld_map_shows_its_reason_and_no_map(page: AppTest) -> None:
    lock(read_as(page, "AB", WITHHELD), WITHHELD)
    group(page, f"explain {WITHHELD}").set_value("effusion").run()
    assert "withheld: the map did not change when the model was randomised" in text(page)
    group(page, f"explain {WITHHELD}").set_value("nodule").run()
    assert "withheld" not in text(page)


def test_repeats_are_averaged_and_the_page_says_so(own_run: Run, screen: Screen) -> None:
    first = own_run.read("predictions")
    own_run.write("predictions", pd.concat([first, first.assign(repeat=1, probability=0.5)]))
    page = screen(own_run, "cases")
    lock(read_as(page, "AB", "case_000"), "case_000")
    risk = first.query("case_id == 'case_000' and arm == 'fused' and class_name == 'nodule'")
    mean = (float(risk["probability"].iloc[0]) + 0.5) / 2
    assert f"Nodule {words.risk(mean, 'patient')}" in text(page)
    assert "Mean of 2 estimates" in text(page)


def test_what_the_cohort_records_is_shown_only_after_the_verdict(page: AppTest) -> None:
    lock(read_as(page, "AB", "case_000"), "case_000")
    assert not page.expander
    group(page, "verdict case_000 AB").set_value("agree")
    press(page, "Save verdict")
    assert "cardiomegaly yes effusion no" in text(page)


def test_the_case_and_the_reader_are_kept_when_another_page_was_open(page: AppTest) -> None:
    read_as(page, "AB", "case_004")
    page.switch_page("screens/intake.py").run()
    page.switch_page("screens/cases.py").run()
    assert page.selectbox(key="open_case").value == "case_004"
    assert page.text_input[0].value == "AB"


def test_only_held_out_cases_are_offered(page: AppTest) -> None:
    assert page.selectbox(key="open_case").options[-1] == "case_029"


def test_a_multiclass_task_asks_for_one_choice(own_run: Run, screen: Screen) -> None:
    own_run.add_facts(target={"name": "finding", "kind": "multiclass", "classes": CLASSES})
    page = read_as(screen(own_run, "cases"), "AB", "case_000")
    page.radio[0].set_value("nodule")
    group(page, "confidence case_000 AB").set_value(1)
    press(page, "Lock my opinion")
    assert re.search(r"Nodule \w.{0,40} patients you: chosen", text(page))


def test_next_and_previous_stop_at_the_ends(page: AppTest) -> None:
    assert next(b for b in page.button if b.label == "Previous").disabled
    press(page, "Next")
    assert page.selectbox(key="open_case").value == "case_001"
    press(page, "Previous")
    assert page.selectbox(key="open_case").value == "case_000"


def test_the_image_that_is_there_is_shown_and_the_absent_one_named(
    own_run: Run, screen: Screen
) -> None:
    cohort = yaml.safe_load((own_run.folder / "cohort.yaml").read_text())
    cohort["inputs"] = {"xr": dict(cohort["inputs"]["image"]), **cohort["inputs"]}
    (own_run.folder / "cohort.yaml").write_text(yaml.safe_dump(cohort, sort_keys=False))
    own_run.write("cases", own_run.read("cases").assign(xr_display=pd.NA))
    app = screen(own_run, "cases")
    assert "No xr for this case." in text(app)
    assert "No image for this case." not in text(app)
    assert any("window and level" in one.value for one in app.caption)
