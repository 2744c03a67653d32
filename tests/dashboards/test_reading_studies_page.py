"""The page of those who run reading studies: the form that makes one, progress, and results."""

import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from made_readings import CHIEF, READERS, STUDY, with_readings
from made_run import CLASSES
from streamlit.testing.v1 import AppTest

from clinmm.errors import InputError
from clinmm.review.database import default_url
from clinmm.review.progress import progress, waiting
from clinmm.review.protocol import load_protocol
from clinmm.review.refusals import NotAllowed
from clinmm.review.results import study_results
from clinmm.review.results.agreement_rows import agreement_rows
from clinmm.review.results.result_rows import result_rows
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from dashboards import reading_told, words
from dashboards.reading_making import drawn, loads, protocol_of, settings_of

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
LEFT = 4


@pytest.fixture(scope="module")
def read(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a reading study; the last reader has left four readings."""
    folder = tmp_path_factory.mktemp("read") / "made"
    run = Run(Path(shutil.copytree(finished.folder, folder)))
    at = {"arm": "fused", "repeat": 0, "fold": 0, "operating_point": "youden", "threshold": 0.5}
    run.write("thresholds", pd.DataFrame([{**at, "class_name": name} for name in CLASSES]))
    return with_readings(run, leave=LEFT)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, str], AppTest]:
    """The page as a person sees it who says who they are: `page(run, "Dee")`."""
    for name in ("CLINMM_DATABASE", "CLINMM_PEOPLE"):
        monkeypatch.delenv(name, raising=False)

    def open_page(run: Run, person: str) -> AppTest:
        monkeypatch.setenv("CLINMM_RUN", str(run.folder))
        app = AppTest.from_file(str(APP), default_timeout=120)
        app.session_state["seat person"] = person
        return app.run().switch_page("screens/reading_studies.py").run()

    return open_page


def room_of(run: Run) -> ReadingRoom:
    return ReadingRoom(default_url(run.folder), run_id(run.facts))


def shown(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [e.body for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "error", "title", "header"):
        parts += [e.value for e in app.get(kind)]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", " ".join(parts))))


# Progress


def test_progress_counts_what_each_reader_has_done(read: Run) -> None:
    room = room_of(read)
    table = progress(room, room.desk(CHIEF, STUDY)).set_index("reader")
    assert table["assigned"].tolist() == [20, 20, 20]
    assert table["done"].tolist() == [20, 20, 20 - LEFT]
    assert table["begun"].tolist() == [0, 0, 0]
    kept = room.desk("Ann", STUDY).readings()
    spent = kept.assign(s=[a["seconds"] for a in kept["answer"]]).groupby("case_id")["s"].sum()
    assert table.loc["Ann", "seconds"] == pytest.approx(spent.median())
    room.close()


def test_a_reading_that_was_opened_is_begun_and_not_done(own_run: Run) -> None:
    with_readings(own_run, leave=LEFT)
    room = room_of(own_run)
    desk = room.desk("Cy", STUDY)
    left = desk.worklist().query("status == 'new'")["case_id"].iloc[0]
    desk.open(left)
    table = progress(room, room.desk(CHIEF, STUDY)).set_index("reader")
    assert table.loc["Cy", ["begun", "done"]].tolist() == [1, 20 - LEFT]
    room.close()


def test_cases_wait_for_the_adjudicator_until_one_decides(own_run: Run) -> None:
    with_readings(own_run)
    room = room_of(own_run)
    chief, judge = room.desk(CHIEF, STUDY), room.desk("Eve", STUDY)
    disputes = judge.disputes()
    assert waiting(room, chief) == len(disputes) > 0
    case_id = next(iter(disputes))
    judge.adjudicate(case_id, judge.others(case_id)[0][1].final, 0)
    assert waiting(room, chief) == len(disputes) - 1
    room.close()


def test_progress_is_for_administrators(read: Run) -> None:
    room = room_of(read)
    for person in ("Ann", "Eve"):
        for asked in (progress, waiting):
            with pytest.raises(NotAllowed, match="administrators"):
                asked(room, room.desk(person, STUDY))
    room.close()


# Results


def test_the_page_says_the_plain_answer_first_as_the_tables_have_it(
    read: Run, page: Callable[[Run, str], AppTest]
) -> None:
    said = shown(page(read, CHIEF))
    room = room_of(read)
    results = study_results(read, room.desk(CHIEF, STUDY))["reading_results"]
    room.close()
    for sentence in reading_told.sentences(results):
        assert sentence in said
    rows = results.query("group_by == 'all' and class_name == 'effusion' and reader == 'all'")
    value = rows.query("metric == 'auroc' and step == 'alone'")["value"].iloc[0]
    helped = rows.query("metric == 'helped'")["value"].iloc[0]
    assert f"Readers alone: AUROC {value:.3f}" in said
    assert f"{helped:.0f} readings became right" in said
    assert f"{60 - LEFT} of 60 readings are done" in said
    assert all(reader in said for reader in READERS)


def test_every_plot_offers_its_table(read: Run, page: Callable[[Run, str], AppTest]) -> None:
    keys = {one.key for one in page(read, CHIEF).get("download_button")}
    wanted = ("readers", "groups", "changes", "followed", "agreement", "time")
    assert {f"download reading {name}" for name in wanted} <= keys


@pytest.mark.parametrize("person", ["Ann", "Eve"])
def test_readers_and_adjudicators_have_no_such_page(
    read: Run, page: Callable[[Run, str], AppTest], person: str
) -> None:
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        page(read, person)


def test_somebody_without_a_part_is_told_how_a_study_is_made(
    read: Run, page: Callable[[Run, str], AppTest]
) -> None:
    said = shown(page(read, "Zoe"))
    assert "You administer no reading study of this run" in said
    assert "Readers alone" not in said


def test_without_estimates_the_answer_is_that_there_are_none() -> None:
    columns = ["group_by", "arm", "status", "reader", "class_name", "step", "metric", "value"]
    assert reading_told.sentences(pd.DataFrame(columns=columns)) == [
        "Too few patients were read for an estimate yet."
    ]


# Making


def test_the_form_makes_the_study_that_it_showed(
    own_run: Run, page: Callable[[Run, str], AppTest]
) -> None:
    app = page(own_run, CHIEF)
    app.text_input(key="make name").set_value("second")
    app.number_input(key="make n").set_value(10)
    app.multiselect(key="make by").set_value(["group"])
    app.text_area(key="make readers").set_value("Ann\nBo\n\n")
    app.multiselect(key="make modes").set_value(["blind_first", "without_model"])
    app.button(key="make preview").click()
    app.run()
    strata, load = (frame.value for frame in app.dataframe[:2])
    assert strata["Drawn"].sum() == 10
    assert strata["Cases"].sum() == 30
    assert load["Readings"].tolist() == [10, 10]
    app.button(key="make it").click().run()
    assert "The study was made: second" in shown(app)
    room = room_of(own_run)
    study = room.study("second")
    assert study.created_by == CHIEF
    assert study.protocol.administrators == (CHIEF,)
    assert set(study.protocol.arms) == {"blind_first", "without_model"}
    assert len(room.desk("Ann", "second").worklist()) == 10
    room.close()


def test_everything_wrong_with_the_form_is_said_at_once(
    own_run: Run, page: Callable[[Run, str], AppTest]
) -> None:
    app = page(own_run, CHIEF)
    app.number_input(key="make reads").set_value(3)
    app.text_area(key="make readers").set_value(f"Ann\nAnn\n{CHIEF}")
    app.button(key="make preview").click()
    app.run()
    said = shown(app)
    assert "give the study a name" in said
    assert "named twice: Ann" in said
    assert "also adjudicates or administers" in said
    assert "Make this study" not in [one.label for one in app.button]


def test_a_name_that_is_taken_is_refused(read: Run, page: Callable[[Run, str], AppTest]) -> None:
    app = page(read, CHIEF)
    app.text_input(key="make name").set_value(STUDY)
    app.text_area(key="make readers").set_value("Ann")
    app.button(key="make preview").click()
    app.run()
    app.button(key="make it").click().run()
    assert f"has a reading study '{STUDY}' already" in shown(app)


def test_the_downloaded_protocol_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    settings = settings_of(
        {
            "name": " trial ",
            "split": "test",
            "n": 20,
            "by": ["class"],
            "balanced": False,
            "readers": "Änn\nBo",
            "administrators": CHIEF,
            "modes": ["blind_first", "model_first"],
            "assign": "reader",
            "repeats": 25,
            "washout": 7.0,
            "when": "all",
            "seed": 5,
        }
    )
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), "utf-8")
    protocol = load_protocol(file)
    assert protocol == protocol_of(settings)
    assert protocol.readers == ("Änn", "Bo")
    assert protocol.cases.balanced is False
    assert protocol.repeats.share == 0.25
    assert protocol.assign == "reader"
    assert protocol.seed == 5


def test_a_protocol_without_name_and_readers_is_refused_in_one_go() -> None:
    with pytest.raises(InputError) as refused:
        protocol_of(settings_of({"modes": []}))
    assert len(refused.value.problems) == 2
    assert "give the study a name" in str(refused.value)
    assert "readers: name at least one" in str(refused.value)


def test_strata_and_loads_by_hand() -> None:
    cases = pd.DataFrame(
        {"case_id": list("abc"), "stratum": ["x", "x", "y"], "weight": [5.0, 5.0, 2.0]}
    )
    assert drawn(cases).to_numpy().tolist() == [["x", 10, 2, 5.0], ["y", 2, 1, 2.0]]
    assigned = pd.DataFrame({"reader": ["A", "A", "B"], "arm": ["p", "q", "q"]})
    assert loads(assigned).to_numpy().tolist() == [["A", 2, 1, 1], ["B", 1, 0, 1]]


# Several findings, several arms


def section_of(folder: str) -> None:
    """The results alone, of two tables in a folder."""
    import pandas as pd

    from dashboards import reading_results

    results, agreement = (
        pd.read_parquet(f"{folder}/{name}.parquet") for name in ("results", "agreement")
    )
    reading_results.section(results, agreement)


def answered(classes: tuple[str, ...], arms: tuple[str, ...], n: int = 60) -> pd.DataFrame:
    """The table `readings`: three readers, every case in one of the arms of each reader."""
    rng = np.random.default_rng(4)
    rows = []
    for class_name in classes:
        target = (np.arange(n) % 2).astype(float)
        for reader in READERS:
            arm = rng.permuted(np.arange(n) % len(arms))
            for step in ("alone", "with_model"):
                frame = pd.DataFrame({"case_id": [f"c{i:02d}" for i in range(n)]})
                seen = target - 0.5 + rng.normal(0, 0.7 if step == "alone" else 0.5, n)
                frame = frame.assign(
                    study="trial",
                    reader=reader,
                    patient_id=frame["case_id"],
                    reading=1,
                    arm=[arms[i] for i in arm],
                    step=step,
                    class_name=class_name,
                    answer=np.digitize(seen, [-0.6, -0.1, 0.1, 0.6]) + 1.0,
                    confidence=3.0,
                    seconds=10.0,
                    target=target,
                    risk=0.2 + 0.5 * target,
                    model_call=target,
                    weight=1.0,
                )
                rows.append(frame[(frame["arm"] != "without_model") | (step == "alone")])
    return pd.concat(rows, ignore_index=True)


def drawn_section(
    folder: Path, classes: tuple[str, ...], arms: tuple[str, ...]
) -> tuple[AppTest, pd.DataFrame]:
    said = answered(classes, arms)
    sex = ["F", "F", "M", "M"] * 14 + ["X"] * 4
    groups = pd.DataFrame({"sex": sex}, index=sorted(set(said["case_id"])))
    results = result_rows("trial", said, "multilabel", groups)
    results.to_parquet(folder / "results.parquet")
    agreement_rows("trial", said, "multilabel").to_parquet(folder / "agreement.parquet")
    app = AppTest.from_function(section_of, args=(str(folder),), default_timeout=60)
    return app.run(), results


def test_arms_of_a_trial_say_that_they_compare_other_cases(tmp_path: Path) -> None:
    app, results = drawn_section(tmp_path, ("effusion",), ("blind_first", "without_model"))
    said = shown(app)
    row = results.query("step == 'arms' and metric == 'auroc'").iloc[0]
    assert f"blind first less without model: AUROC {words.number(row['value'])}" in said
    assert said.count("the same readers, on other cases") == 2  # the answer, and below the bars
    assert f"blind first less without model (p {row['p']:.3f})" in said
    assert "Too few patients for any estimate: sex: X." in said
    exact = results.query("metric == 'helped_less_harmed' and reader == 'all' and arm == 'all'")
    exact = exact[exact["group_by"] == "all"].iloc[0]
    assert f"all readers (exact p {exact['p']:.3f})" in said


def test_several_findings_are_answered_in_mean_and_listed_one_by_one(tmp_path: Path) -> None:
    app, results = drawn_section(tmp_path, ("effusion", "nodule"), ("blind_first",))
    said = shown(app)
    whole = results.query("reader == 'all' and arm == 'all' and group_by == 'all'")
    mean = whole.query("class_name == 'macro' and metric == 'auroc' and step == 'alone'").iloc[0]
    assert f"In mean over the findings: {reading_told.sentences(results)[0][27:]}" in said
    assert f"Readers alone: AUROC {mean['value']:.3f}" in said
    helped = whole[whole["metric"] == "helped"].set_index("class_name")["value"]
    assert f"{helped.sum():.0f} answers about a finding became right" in said
    table = next(e.body for e in app.get("html") if "record changes" in e.body)
    assert "effusion" in table
    assert "nodule" in table
    assert "Ann" not in table


def test_nothing_is_claimed_that_adjustment_does_not_bear() -> None:
    gain = {"reader": "all", "arm": "all", "step": "gain", "group_by": "all", "group": "all"}
    gain |= {"metric": "auroc", "class_name": "effusion", "status": "ok", "test": "t"}
    gain |= {"value": 0.05, "low": 0.01, "high": 0.09, "p": 0.02, "family": "gain: auroc, 3 tests"}

    def said(**other: object) -> str:
        return reading_told.sentences(pd.DataFrame([{**gain, **other}]))[0]

    assert said(p_holm=0.06).startswith("No difference is shown.")
    assert "p 0.020, 0.060 adjusted for 3 tests" in said(p_holm=0.06)
    assert said(p_holm=0.04).startswith("Readers are better with the model.")
    worse = said(p_holm=0.04, value=-0.05, low=-0.09, high=-0.01)
    assert worse.startswith("Readers are worse with the model.")
    exploratory = said(p_holm=float("nan"), family=None, metric="sensitivity")
    assert exploratory.startswith("With the model less alone")
    assert "exploratory" in exploratory
    old = pd.DataFrame([gain]).drop(columns=["p", "family", "test"])
    assert reading_told.sentences(old)[0].startswith("Readers are better with the model.")
