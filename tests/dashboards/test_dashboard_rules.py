"""Pages on sets, deferral, decisions and flags: with the tables, and in a run made without them."""

from collections.abc import Callable

import pandas as pd
import pytest
from made_rules import OFF, REFUSED, not_exchangeable, outliers, with_rules
from streamlit.testing.v1 import AppTest
from test_dashboard_cases import lock, read_as
from test_dashboard_cases import text as case_text
from test_dashboard_pages import PAGES, shown

from clinmm.runs import Run
from dashboards import charts

Screen = Callable[[Run, str], AppTest]


@pytest.fixture
def ruled(own_run: Run) -> Run:
    return with_rules(own_run)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_renders_with_the_new_tables(ruled: Run, screen: Screen, page: str) -> None:
    assert shown(screen(ruled, page))


def test_sets_show_coverage_against_the_promise_and_who_has_none(
    ruled: Run, screen: Screen
) -> None:
    app = screen(ruled, "sets")
    said = shown(app)
    assert "the truth for 90 of 100 patients" in said
    assert "everyone 260 0.913 0.883 to 0.943" in said
    assert "class: nodule, below the promise 260 0.801" in said
    assert "inputs: note, record 260 0.887" in said
    assert "sex: not recorded 6 suppressed: 6 patients, needs 10" in said
    assert f"sex: not stated 2 of 2 models {REFUSED}" in said
    measure = next(g for g in app.get("button_group") if "Measure" in g.label)
    assert "everyone 260 1.734" in shown(measure.set_value("set_size").run())


def test_sets_are_not_shown_where_the_promise_fails(ruled: Run, screen: Screen) -> None:
    not_exchangeable(ruled)
    app = screen(ruled, "sets")
    assert "The new scores are higher." in app.warning[0].value
    assert "0.913" not in shown(app)


def test_deferral_says_in_how_many_models_and_why(ruled: Run, screen: Screen) -> None:
    said = shown(screen(ruled, "sets"))
    assert "On in 1 of 3 models." in said
    assert f"off 2 of 3 models {OFF}" in said
    assert "Wrong among the kept 260 0.164 0.134 to 0.194" in said
    assert "Handed back 260 197 185 to 209" in said


def test_the_slider_reads_stored_points_only(ruled: Run, screen: Screen) -> None:
    app = screen(ruled, "sets")
    assert "190 of 1,000 kept calls (95 % 170 to 210; 120 calls kept)" in shown(app)
    assert len(app.select_slider[0].options) == 10
    app.select_slider[0].set_value(0.5).run()
    assert "130 of 1,000 kept calls (95 % 110 to 150; 90 calls kept)" in shown(app)
    who = next(box for box in app.selectbox if box.label == "Who")
    assert "210 of 1,000 kept calls" in shown(who.select("sex: F").run())


def test_decisions_read_net_benefit_beside_treating_all_and_none(
    ruled: Run, screen: Screen
) -> None:
    app = screen(ruled, "decisions")
    said = shown(app)
    assert "At a threshold of 20 % the net benefit is 0.090 (95 % 0.070 to 0.110)" in said
    assert "as if 9.0 of 100 patients were found with no false alarm" in said
    assert "calling everybody −0.040" in said
    assert "calling nobody 0.000" in said
    app.select_slider[0].set_value(0.6).run()
    assert "worse than calling nobody" in shown(app)


def test_calibration_puts_flags_first_and_measures_beside_chance(
    ruled: Run, screen: Screen
) -> None:
    app = screen(ruled, "calibration")
    flag = "effusion, age: [65, 120): Observed : expected 0.71 (95 % 0.55 to 0.87)"
    assert f"risks too high, {flag}" in app.warning[0].value
    finding = next(box for box in app.selectbox if box.label == "Finding")
    said = shown(finding.select("cardiomegaly").run())
    assert "ECE, debiased 0.015 95 % 0.005 to 0.025" in said
    assert "ECE if calibrated 0.032" in said
    assert "every finding beta the one model beta lowers the cross-fitted log loss" in said
    assert "note, record 810" in shown(finding.select("effusion").run())


def test_performance_says_what_could_have_been_seen(ruled: Run, screen: Screen) -> None:
    said = shown(screen(ruled, "performance"))
    assert "These data cannot validate cardiomegaly (84)" in said
    assert "no difference shown (detectable: 0.043), as good at a margin of 0.025" in said


def test_a_case_tells_its_set_only_once_the_opinion_is_locked(ruled: Run, screen: Screen) -> None:
    outliers(ruled, "case_000")
    app = read_as(screen(ruled, "cases"), "AB", "case_000")
    secrets = ("Cannot be ruled out", "Handed back", "darker than the others", "How sure")
    assert not any(secret in case_text(app) for secret in secrets)
    said = case_text(lock(app))
    assert "Cannot be ruled out: effusion, nodule." in said
    assert "Handed back to people: nodule." in said
    assert "Unlike the cases of the study, image: darker than the others" in said


def test_a_case_has_no_set_where_the_promise_fails(ruled: Run, screen: Screen) -> None:
    not_exchangeable(ruled)
    said = case_text(lock(read_as(screen(ruled, "cases"), "AB", "case_000")))
    assert "No prediction set: the promise does not hold for these cases." in said
    assert "Cannot be ruled out" not in said


def test_an_older_run_says_how_to_make_what_it_lacks(own_run: Run, screen: Screen) -> None:
    for table, columns in (
        ("metrics", ["flag"]),
        ("comparisons", ["detectable", "margin", "non_inferior"]),
        ("predictions", ["prediction_set", "deferred"]),
    ):
        path = own_run.folder / f"{table}.parquet"
        pd.read_parquet(path).drop(columns=columns).to_parquet(path)
    for page in PAGES:
        assert shown(screen(own_run, page))
    said = shown(screen(own_run, "sets"))
    assert said.count(f"run: clinmm calibrate {own_run.folder}") == 2
    assert f"run: clinmm evaluate {own_run.folder}" in said
    assert "No decision curve in this run" in shown(screen(own_run, "decisions"))


def test_a_curve_far_below_zero_does_not_press_the_others_flat() -> None:
    rows = pd.DataFrame({"x": [0.1, 0.9], "y": [0.1, -20.0], "low": [0.0, -21.0], "high": [0.2, 0]})
    axis = charts.bands({"a": rows}, ("x", "y"), 0.1).layout.yaxis
    assert axis.range == pytest.approx((-0.21, 0.21))
