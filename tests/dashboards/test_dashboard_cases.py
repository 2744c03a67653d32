"""The case page: nothing of the model before the opinion is locked; every word kept at once."""

import re
from collections.abc import Callable

import pandas as pd
import pytest
import yaml
from made_explanations import with_explanations
from made_rules import outliers, with_rules
from made_run import CLASSES, COHORT, WITHHELD
from reading_room import (
    a_study,
    button,
    coloured,
    finish,
    group,
    labels,
    open_case,
    press,
    rate,
    raw,
    room_of,
    sit,
    text,
)
from streamlit.testing.v1 import AppTest

from clinmm.review.answers import Draft
from clinmm.runs import Run
from dashboards import words

Screen = Callable[[Run, str], AppTest]
SECRETS = ("such patients", "class='score'", 'class="score"', "Shares of the inputs", "Withheld")
"""What betrays the model's output in a page's HTML."""


@pytest.fixture
def page(own_run: Run, screen: Screen) -> AppTest:
    return screen(own_run, "cases")


@pytest.fixture
def explained(own_run: Run) -> Run:
    """With sets, deferral, outliers, explanations and what-ifs."""
    return with_explanations(with_rules(own_run))


def read_as(app: AppTest, reader: str, case_id: str) -> AppTest:
    return open_case(sit(app, reader), case_id)


def lock(app: AppTest, said: str = "probably") -> AppTest:
    return press(rate(app, said), "Lock my opinion")


def hidden(app: AppTest) -> bool:
    picks = [box.label for box in app.selectbox]
    return not any(secret in raw(app) for secret in SECRETS) and "Method" not in picks


def test_nothing_of_the_model_is_shown_before_the_opinion(page: AppTest) -> None:
    assert "Begin to read" in labels(page)
    assert hidden(read_as(page, "AB", "case_000"))
    assert "1 Your opinion" in text(page)
    assert hidden(rate(page))
    assert not hidden(press(page, "Lock my opinion"))


def test_the_locked_opinion_reveals_the_risks_on_file(page: AppTest, own_run: Run) -> None:
    lock(read_as(page, "AB", "case_000"))
    said, predictions = text(page), own_run.read("predictions")
    asked = predictions.query("case_id == 'case_000' and arm == 'fused'")
    for row in asked.itertuples():
        sentence = words.risk(row.probability, "patient")
        assert f"{row.class_name.capitalize()} {sentence} you: probably" in said


def test_digits_answer_the_question_in_hand_and_move_on(page: AppTest, own_run: Run) -> None:
    read_as(page, "AB", "case_000")
    shortcuts = {b.label: b.proto.shortcut for b in page.button}
    assert [shortcuts[one] for one in ("definitely not", "cannot say", "definitely")] == [*"135"]
    keys = {"Previous": "p", "Next": "n", "Next unread": "u", "Worklist": "w"}
    keys |= {"Lock my opinion": "l", "Other question": "q"}
    assert {label: shortcuts[label] for label in keys} == keys
    said = ["definitely not", "probably not", "cannot say", "definitely"]
    for name, one in zip(CLASSES, said, strict=True):
        assert f"{name.capitalize()}?" in text(page)
        press(page, one)
    assert "How confident are you?" in text(page)
    press(page, "very high")
    assert "All is answered" in text(page)
    kept = room_of(own_run).desk("AB").state("case_000").draft
    assert kept.ratings == dict(zip(CLASSES, [1, 2, 3, 5], strict=True))
    assert kept.confidence == 4
    press(page, "Other question")
    assert "Cardiomegaly?" in text(page)
    press(page, "definitely")
    assert room_of(own_run).desk("AB").state("case_000").draft.ratings["cardiomegaly"] == 5


def test_a_click_answers_and_a_second_one_takes_back(page: AppTest, own_run: Run) -> None:
    read_as(page, "AB", "case_000")
    group(page, "Effusion").set_value(2).run()
    desk = room_of(own_run).desk("AB")
    assert desk.state("case_000").draft.ratings == {"effusion": 2}
    group(page, "Effusion").set_value(None).run()
    assert desk.state("case_000").draft.ratings == {}


def test_an_unanswered_class_keeps_the_opinion_open(page: AppTest) -> None:
    read_as(page, "AB", "case_000")
    group(page, "Nodule").set_value(2).run()
    press(page, "Lock my opinion")
    assert "Still to answer: cardiomegaly, effusion, consolidation, confidence." in text(page)
    assert hidden(page)


def test_a_draft_is_there_again_in_a_new_session(
    page: AppTest, own_run: Run, screen: Screen
) -> None:
    read_as(page, "AB", "case_001")
    press(page, "probably not")
    page.multiselect[0].select("image_quality").run()
    page.text_area[0].input("a fold of skin").run()
    again = read_as(screen(own_run, "cases"), "AB", "case_001")
    assert again.text_area[0].value == "a fold of skin"
    assert again.multiselect[0].value == ["image_quality"]
    assert group(again, "Cardiomegaly").value == 2
    assert "Effusion?" in text(again)


def test_the_final_opinion_begins_with_the_first_and_needs_a_reason_to_differ(
    page: AppTest, own_run: Run
) -> None:
    lock(read_as(page, "AB", "case_000"))
    assert "All is answered" in text(page)
    group(page, "Nodule").set_value(1).run()
    press(page, "Lock my final opinion")
    assert "Choose at least one reason for the change" in text(page)
    page.multiselect[0].select("model_plausible").run()
    press(page, "Lock my final opinion")
    state = room_of(own_run).desk("AB").state("case_000")
    assert state.phase == "done"
    assert state.opinion is not None
    assert state.final is not None
    assert (state.opinion.ratings["nodule"], state.final.ratings["nodule"]) == (4, 1)
    assert "nodule probably definitely not" in text(page)
    assert "The model's estimate is plausible" in text(page)


def test_a_finished_reading_is_corrected_with_a_reason(page: AppTest, own_run: Run) -> None:
    press(lock(read_as(page, "AB", "case_000")), "Lock my final opinion")
    press(page, "Correct")
    group(page, "Nodule").set_value(2).run()
    press(page, "Save the correction")
    assert "at least one reason" in text(page)
    page.multiselect[0].select("overlooked").run()
    press(page, "Save the correction")
    state = room_of(own_run).desk("AB").state("case_000")
    assert state.corrections == 1
    assert state.final is not None
    assert state.final.ratings["nodule"] == 2
    assert "Corrected; what was locked before stays on record." in text(page)


@pytest.mark.parametrize("keep", [True, False])
def test_two_windows_never_overwrite_each_other(page: AppTest, own_run: Run, keep: bool) -> None:
    read_as(page, "AB", "case_000")
    press(page, "probably")
    desk = room_of(own_run).desk("AB")
    theirs = Draft(ratings={"nodule": 5}, comment="from the other window")
    desk.save_draft("case_000", 1, theirs, desk.state("case_000").version)
    press(page, "definitely")  # effusion, in this window
    assert "changed in another window" in text(page)
    assert "Lock my opinion" not in labels(page)
    assert desk.state("case_000").draft.ratings == {"nodule": 5}
    press(page, "Keep mine" if keep else "Look at what is kept")
    kept = desk.state("case_000").draft
    if keep:
        assert kept.ratings == {"cardiomegaly": 4, "effusion": 5}
    else:
        assert kept.ratings == {"nodule": 5}
        assert page.text_area[0].value == "from the other window"
        assert group(page, "Nodule").value == 5
    press(page, "definitely not")
    assert "changed in another window" not in text(page)


def test_what_was_typed_is_not_lost_when_another_window_has_finished(
    page: AppTest, own_run: Run
) -> None:
    read_as(page, "AB", "case_000")
    desk = room_of(own_run).desk("AB")
    finish(desk, "case_000", 2)
    press(page, "definitely")
    press(page, "Keep mine")
    assert "Save the correction" in labels(page)
    assert group(page, "Cardiomegaly").value == 5
    assert desk.state("case_000").corrections == 0


def test_pauses_count_as_two_minutes(
    page: AppTest, own_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.reading import work

    clock = [1000.0]
    monkeypatch.setattr(work.time, "monotonic", lambda: clock[0])
    read_as(page, "AB", "case_000")
    desk = room_of(own_run).desk("AB")
    for wait, total in ((30, 30), (3600, 150), (10, 160)):
        clock[0] += wait
        press(page, "probably")
        assert desk.state("case_000").draft.seconds == pytest.approx(total)


def test_another_reader_is_still_blind(page: AppTest) -> None:
    lock(read_as(page, "AB", "case_000"))
    assert "such patients" in text(page)
    press(page, "Somebody else reads")
    assert "such patients" not in text(page)
    assert hidden(read_as(page, "CD", "case_000"))


def test_a_withheld_map_shows_its_reason_and_no_map(page: AppTest) -> None:
    lock(read_as(page, "AB", WITHHELD))
    group(page, "Show what spoke for and against").set_value("effusion").run()
    assert "withheld: the map did not change when the model was randomised" in text(page)
    group(page, "Show what spoke for and against").set_value("nodule").run()
    assert "withheld" not in text(page)


def test_repeats_are_averaged_and_the_page_says_so(own_run: Run, screen: Screen) -> None:
    first = own_run.read("predictions")
    own_run.write("predictions", pd.concat([first, first.assign(repeat=1, probability=0.5)]))
    page = lock(read_as(screen(own_run, "cases"), "AB", "case_000"))
    risk = first.query("case_id == 'case_000' and arm == 'fused' and class_name == 'nodule'")
    mean = (float(risk["probability"].iloc[0]) + 0.5) / 2
    assert f"Nodule {words.risk(mean, 'patient')}" in text(page)
    assert "Mean of 2 estimates" in text(page)


def test_what_the_cohort_records_is_shown_only_when_all_is_said(page: AppTest) -> None:
    lock(read_as(page, "AB", "case_000"))
    assert not page.expander
    press(page, "Lock my final opinion")
    assert "cardiomegaly yes effusion no" in text(page)


def test_the_case_and_the_reader_are_kept_when_another_page_was_open(page: AppTest) -> None:
    read_as(page, "AB", "case_004")
    page.switch_page("screens/intake.py").run()
    page.switch_page("screens/cases.py").run()
    assert "Case case_004" in text(page)


def test_a_multiclass_task_asks_for_one_choice(own_run: Run, screen: Screen) -> None:
    own_run.add_facts(target={"name": "finding", "kind": "multiclass", "classes": CLASSES})
    page = read_as(screen(own_run, "cases"), "AB", "case_000")
    press(page, "nodule")
    press(page, "low")
    press(page, "Lock my opinion")
    assert re.search(r"Nodule \w.{0,40} patients you: chosen", text(page))


def test_next_and_previous_stop_at_the_ends_and_unread_skips_what_is_done(
    page: AppTest, own_run: Run
) -> None:
    desk = room_of(own_run).desk("AB")
    finish(desk, "case_001")
    read_as(page, "AB", "case_000")
    assert button(page, "Previous").disabled
    press(page, "Next")
    assert "Case case_001 2 of 30" in text(page)
    press(page, "Previous")
    press(page, "Next unread")
    assert "Case case_002 3 of 30" in text(page)
    assert not open_case(page, "case_035").exception  # not held out: the case before stays
    assert "Case case_002" in text(page)


def test_the_image_that_is_there_is_shown_and_the_absent_one_named(
    own_run: Run, screen: Screen
) -> None:
    cohort = yaml.safe_load((own_run.folder / "cohort.yaml").read_text())
    cohort["inputs"] = {"xr": dict(cohort["inputs"]["image"]), **cohort["inputs"]}
    (own_run.folder / "cohort.yaml").write_text(yaml.safe_dump(cohort, sort_keys=False))
    own_run.write("cases", own_run.read("cases").assign(xr_display=pd.NA))
    app = read_as(screen(own_run, "cases"), "AB", "case_000")
    assert "No xr for this case." in text(app)
    assert "No image for this case." not in text(app)
    assert any("window and level" in one.value for one in app.caption)


# --- in a study ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("blind_first", (), ("risk", "explanations")),
        ("without_explanation", (), ("risk",)),
        ("model_first", ("risk", "explanations"), ("risk", "explanations")),
        ("without_model", (), ()),
    ],
)
def test_each_mode_shows_what_its_arm_allows(
    own_run: Run, screen: Screen, mode: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    a_study(own_run, mode)
    page = screen(own_run, "worklist")
    sit(page, "Ana").switch_page("screens/cases.py").run()

    def seen() -> tuple[str, ...]:
        risk = ("risk",) * ("such patients" in text(page))
        picks = [box.label for box in page.selectbox]
        return risk + ("explanations",) * ("Method" in picks)

    assert seen() == before
    first = "Lock my opinion" if mode in ("blind_first", "without_explanation") else None
    if first:
        press(rate(page), first)
        assert seen() == after
    else:
        rate(page)
    press(page, "Lock my final opinion" if first else "Lock my opinion")
    assert seen() == after
    assert "What the cohort records" not in str([e.label for e in page.expander])
    assert "Correct" in labels(page)


@pytest.mark.parametrize("show", ["explanations", "risk"])
def test_each_kind_of_output_is_shown_where_it_alone_is(
    explained: Run, screen: Screen, show: str
) -> None:
    """The curve of a changed case tells the risk, and the set more than it."""
    outliers(explained, "case_000")
    a_study(explained, "part", arm={"mode": "model_first", "show": [show]})
    page = screen(explained, "worklist")
    sit(page, "Ana").switch_page("screens/cases.py").run()
    said, risk = text(page), show == "risk"
    assert ("such patients" in said) == risk
    assert ("darker than the others" in said) == risk
    assert ("Method" in [box.label for box in page.selectbox]) == (not risk)
    assert ("Shares of the inputs" in said) == (not risk)
    assert coloured(page) == (not risk)
    for secret in ("Cannot be ruled out", "Handed back", "What if", "of 100"):
        assert secret not in said or (secret == "of 100" and risk), secret


def test_what_was_on_the_screen_is_recorded_once_a_phase(own_run: Run, screen: Screen) -> None:
    a_study(own_run)
    page = screen(own_run, "worklist")
    sit(page, "Ana").switch_page("screens/cases.py").run()
    page.run()
    press(rate(page), "Lock my opinion")
    import sqlite3

    with sqlite3.connect(own_run.folder / "review.sqlite") as file:
        asked = "SELECT payload FROM events WHERE kind = 'opened' ORDER BY id"
        found = [row[0] for row in file.execute(asked)]
    assert len(found) == 2
    assert '"shown": []' in found[0]
    assert "explanations" in found[1]


@pytest.fixture
def followed(own_run: Run) -> Run:
    """case_000 and case_001 are of one patient; the second was taken a month before the first."""
    seen = ["2020-02-01", "2020-01-01"] + ["2020-03-01"] * 38
    own_run.write("cases", own_run.read("cases").assign(seen=seen))
    cohort = yaml.safe_load((own_run.folder / "cohort.yaml").read_text())
    cohort["index_time"] = {"column": "seen", "formats": ["%Y-%m-%d"]}
    own_run.write_text("cohort.yaml", yaml.safe_dump(cohort))
    return own_run


def images(app: AppTest) -> list[str]:
    """What can be put side by side."""
    found = [one.options for one in app.get("button_group") if one.label == "Images, side by side"]
    return list(found[0]) if found else []


def reader_of(run: Run, screen: Screen) -> AppTest:
    a_study(run)
    return sit(screen(run, "worklist"), "Ana").switch_page("screens/cases.py").run()


def test_in_a_study_images_from_after_the_case_are_withheld(followed: Run, screen: Screen) -> None:
    page = open_case(reader_of(followed, screen), "case_000")
    assert images(page) == ["image", "image, earlier (1)"]
    told = "Of the patient's other images only those known to be earlier may be shown"
    assert told in text(page)
    open_case(page, "case_001")
    assert images(page) == []
    assert told in text(page)


def test_in_a_study_images_without_an_order_are_withheld(own_run: Run, screen: Screen) -> None:
    page = open_case(reader_of(own_run, screen), "case_000")
    assert images(page) == []
    assert "are withheld: nothing tells earlier from later" in text(page)


def test_the_open_room_shows_images_without_an_order_and_no_later_one(
    own_run: Run, followed: Run, screen: Screen
) -> None:
    page = read_as(screen(followed, "cases"), "AB", "case_001")
    assert images(page) == []
    assert "known to be later are withheld" in text(page)
    (own_run.folder / "cohort.yaml").write_text(yaml.safe_dump(COHORT))
    page = read_as(screen(own_run, "cases"), "AB", "case_001")
    assert images(page) == ["image", "image, another (1)"]
    assert "earlier or later unknown" in text(page)


def test_who_administers_a_study_sees_later_images(followed: Run, screen: Screen) -> None:
    a_study(followed)
    page = sit(screen(followed, "worklist"), "Dee").switch_page("screens/cases.py")
    page = open_case(page, "case_001")
    assert images(page) == ["image", "image, later (1)"]
    assert "later ones too" in text(page)
