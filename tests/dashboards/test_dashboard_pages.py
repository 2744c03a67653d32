"""Each page shows what the file says; a missing table names the command that makes it."""

import re
from collections.abc import Callable

import pandas as pd
import pytest
from made_run import CLASSES
from reading_room import sit
from streamlit.testing.v1 import AppTest

from clinmm.runs import Run
from dashboards import words
from dashboards.words import number

Screen = Callable[[Run, str], AppTest]
PAGES = (
    "overview",
    "cases",
    "performance",
    "calibration",
    "decisions",
    "sets",
    "fairness",
    "explanations",
    "intake",
)


def shown(app: AppTest) -> str:
    """Everything written on the page, without tags."""
    assert not app.exception, app.exception
    parts = [e.body for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "error", "title", "header"):
        parts += [e.value for e in app.get(kind)]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(parts)))


def on_file(run: Run, metric: str, **where: str) -> float:
    """The one figure of metrics.parquet that the page should show."""
    table = run.read("metrics").query("metric == @metric")
    asked = {"arm": "fused", "class_name": "macro", "group": "all", "pattern": "any"}
    for column, value in {**asked, "probability": "calibrated", **where}.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return float(table["value"].iloc[0])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_it_is_not_for_care(finished: Run, screen: Screen, page: str) -> None:
    assert words.NOT_FOR_CARE in shown(screen(finished, page))


def test_overview_says_what_for_whom_when_and_from_what(finished: Run, screen: Screen) -> None:
    said = shown(screen(finished, "overview"))
    assert "Estimates cardiomegaly, effusion, consolidation and nodule for each patient" in said
    assert "When: at the radiograph, before it is reported" in said
    assert "from image, note and record" in said
    assert "40 cases of 36 patients" in said


def test_overview_shows_the_figures_on_file(finished: Run, screen: Screen) -> None:
    said = shown(screen(finished, "overview"))
    for arm in ("fused", "image", "note", "record"):
        assert number(on_file(finished, "auroc", arm=arm)) in said
    for probability in ("raw", "calibrated"):
        assert number(on_file(finished, "log_loss", probability=probability)) in said
    assert "effusion, sex F: AUROC 0.051 lower than for everyone else" in said
    assert "better for 3 of 4, no difference shown for 1 of 4" in said
    assert "sex not recorded (6)" in said
    assert "1 error, 1 warning, 1 remark" in said


def test_overview_opens_with_whether_fusion_was_worth_it(finished: Run, screen: Screen) -> None:
    app = screen(finished, "overview")
    said = shown(app)
    assert said.index("Fusion is worth it: mean AUROC 0.871") < said.index("How good are")
    assert said.index("Dominant: image") < said.index("How good are")
    table = finished.read("worth_it").query("metric == 'auroc' and pattern == 'any'")
    for row in table[table["class_name"] == "macro"].itertuples():
        assert f"{number(row.value)} {number(row.low)} to {number(row.high)}" in said
        if row.arm != "fused":
            ends = f"{number(row.difference_low)} to {number(row.difference_high)}"
            assert f"{number(row.difference)} {ends}" in said
    assert "image alone: better 230 0.067" in said
    frames = [e.value for e in app.dataframe]
    assert [len(frame) for frame in frames[:2]] == [
        len(finished.read("worth_it").query("population == @name"))
        for name in ("have_rival", "everyone")
    ]


def test_overview_opens_where_no_test_case_has_the_inputs_of_the_rival(
    own_run: Run, screen: Screen
) -> None:
    table = own_run.read("worth_it")
    own_run.write("worth_it", table[table["population"] == "everyone"])
    said = shown(screen(own_run, "overview"))
    assert "Every test patient" in said
    assert "Patients who have the inputs" not in said


def test_with_one_input_it_is_asked_whether_the_model_is_worth_it(
    own_run: Run, screen: Screen
) -> None:
    own_run.add_facts(inputs={"image": "image"})
    assert "Is the model worth it?" in shown(screen(own_run, "overview"))


def test_a_study_that_was_not_judged_says_so(own_run: Run, screen: Screen) -> None:
    for name in ("worth_it", "training_inputs"):
        (own_run.folder / f"{name}.parquet").unlink()
    own_run.add_facts(worth_it=None)
    said = shown(screen(own_run, "overview"))
    assert "Is fusion worth it? Not judged yet. Make it with: clinmm evaluate made" in said
    assert "How far did each input train?" not in said


def test_a_changed_file_is_read_again(own_run: Run, screen: Screen) -> None:
    app = screen(own_run, "overview")
    assert "0.871" in shown(app)
    metrics = own_run.read("metrics")
    metrics.loc[metrics["value"] == 0.871, "value"] = 0.653
    own_run.write("metrics", metrics)
    assert "0.653" in shown(app.run())


def test_performance_follows_the_chosen_finding(finished: Run, screen: Screen) -> None:
    app = screen(finished, "performance")
    before = number(on_file(finished, "auroc", arm="note", class_name="nodule"))
    assert before not in shown(app)
    app.selectbox[1].select("nodule").run()
    assert before in shown(app)
    assert number(on_file(finished, "sensitivity", class_name="effusion")) in shown(app)


def test_performance_lists_every_pattern_of_inputs(finished: Run, screen: Screen) -> None:
    said = shown(screen(finished, "performance"))
    value = number(on_file(finished, "auroc", pattern="note+record"))
    assert re.search(rf"note, record 90 {value}", said)


def test_calibration_shows_raw_beside_calibrated(finished: Run, screen: Screen) -> None:
    said = shown(screen(finished, "calibration"))
    for metric in ("log_loss", "brier", "ece"):
        for probability in ("raw", "calibrated"):
            value = number(on_file(finished, metric, probability=probability))
            assert f"{probability} {value}" in said
    assert "Cases: cardiomegaly 440" in said


def test_intake_puts_errors_first_and_says_why_one_was_accepted(
    own_run: Run, screen: Screen
) -> None:
    own_run.write("intake", own_run.read("intake").iloc[::-1])
    said = shown(screen(own_run, "intake"))
    assert said.index("stated label") < said.index("same bytes") < said.index("missingness")
    assert "Accepted: planted on purpose" in said


def test_a_finding_shows_its_word_in_context_and_the_rest_blurred(
    finished: Run, screen: Screen
) -> None:
    drawn = [e.body for e in screen(finished, "intake").get("html")]
    (excerpt,) = [body for body in drawn if "note excerpt" in body]
    assert "<mark>short of breath</mark>" in excerpt
    assert '<span class="blurred">67-year-old, </span>' in excerpt


def test_a_pair_is_shown_side_by_side(finished: Run, screen: Screen) -> None:
    app = screen(finished, "intake")
    app.selectbox(key="finding").select(1).run()
    assert not app.exception
    assert len(app.get("image")) == 2
    assert "distance 0.012" in shown(app)


def test_intake_gives_the_rates_on_test_patients_and_what_was_done_to_the_files(
    finished: Run, screen: Screen
) -> None:
    said = shown(screen(finished, "intake"))
    assert "stated label, note short of breath share with the class effusion 0.913" in said
    assert "inverted MONOCHROME1 2" in said


@pytest.mark.parametrize(
    ("page", "table", "command"),
    [
        ("overview", "metrics", "clinmm evaluate"),
        ("performance", "metrics", "clinmm evaluate"),
        ("calibration", "curves", "clinmm evaluate"),
        ("fairness", "metrics", "clinmm evaluate"),
        ("intake", "intake", "clinmm check"),
    ],
)
def test_a_missing_table_names_the_command_that_makes_it(
    own_run: Run, screen: Screen, page: str, table: str, command: str
) -> None:
    (own_run.folder / f"{table}.parquet").unlink()
    assert f"{command} {own_run.folder}" in shown(screen(own_run, page))


def test_a_case_without_predictions_names_the_command_that_makes_them(
    own_run: Run, screen: Screen
) -> None:
    (own_run.folder / "predictions.parquet").unlink()
    app = sit(screen(own_run, "cases"), "AB")
    assert f"clinmm train {own_run.folder}" in shown(app)


def test_no_run_named_says_how_to_open_one(
    finished: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = screen(finished, "overview")
    monkeypatch.delenv("CLINMM_RUN")
    assert "clinmm review RUN" in shown(app.run())


def test_a_binary_run_is_headed_by_its_one_class(own_run: Run, screen: Screen) -> None:
    own_run.add_facts(target={"name": "effusion", "kind": "binary", "classes": ["effusion"]})
    for table in ("metrics", "comparisons", "curves", "predictions", "explanations"):
        rows = own_run.read(table)
        if table == "comparisons":
            rows["class_name"] = rows["class_name"].replace("macro", "effusion")
        own_run.write(table, rows[rows["class_name"] == "effusion"])
    said = shown(screen(own_run, "overview"))
    value = number(on_file(own_run, "auroc", class_name="effusion"))
    assert f"AUROC {value}" in said
    assert not any(name in said for name in CLASSES if name != "effusion")
    for page in PAGES[1:]:
        assert shown(screen(own_run, page))


def test_a_run_of_outside_predictions_is_shown_without_a_cohort(
    own_run: Run, screen: Screen
) -> None:
    known = own_run.facts
    for name in ("cohort", "target", "inputs", "predicted_when", "seed"):
        known.pop(name)
    own_run.write_json("run.json", {**known, "kind": "audit"})
    (own_run.folder / "cohort.yaml").unlink()
    said = shown(screen(own_run, "overview"))
    assert "AUROC 0.871" in said
    for page in PAGES[1:]:
        assert shown(screen(own_run, page))


def test_new_cases_without_figures_point_to_their_study(own_run: Run, screen: Screen) -> None:
    own_run.add_facts(kind="prediction", study={"folder": "runs/chest"})
    for table in ("metrics", "comparisons", "curves", "intake"):
        (own_run.folder / f"{table}.parquet").unlink()
    assert "predicted by the study in runs/chest" in shown(screen(own_run, "overview"))
    assert shown(screen(own_run, "cases"))


def test_the_worst_gap_is_sought_in_every_declared_measure(own_run: Run, screen: Screen) -> None:
    table = own_run.read("comparisons")
    one = table[(table["rival"] == "complement") & (table["metric"] == "auroc")].head(1)
    misses = one.assign(metric="fnr", difference=0.3, low=0.2, high=0.4, arm="fused")
    misses = misses.assign(family="gaps", verdict="worse", group_by="sex", group="M")
    fewer = misses.assign(difference=-0.3, verdict="better", group="F")
    own_run.write("comparisons", pd.concat([table, misses, fewer], ignore_index=True))
    said = shown(screen(own_run, "overview"))
    assert "sex M: False negative rate 0.300 higher than for everyone else" in said
    assert "False negative rate, group − others" in said
    better = "sex F: False negative rate 0.300 lower than for everyone else."
    assert re.search(f"Shown to be served better: [a-z]+, {better}", said)


def test_overview_has_one_panel_where_everyone_has_the_inputs_of_the_rival(
    own_run: Run, screen: Screen
) -> None:
    table = own_run.read("worth_it")
    rival = table[table["population"] == "have_rival"]
    same = rival.assign(population="everyone")
    own_run.write("worth_it", pd.concat([rival, same], ignore_index=True))
    app = screen(own_run, "overview")
    assert "Every test patient: all have the inputs of the best other" in shown(app)
    assert "".join(e.body for e in app.get("html")).count("All inputs together less") == 1


def test_patterns_of_too_few_patients_are_counted_and_not_listed(
    own_run: Run, screen: Screen
) -> None:
    table = own_run.read("metrics")
    of = (table["metric"] == "auroc") & (table["pattern"] == "note+record")
    few = table[of].assign(status="suppressed", n_patients=9, value=float("nan"))
    few = few.assign(reason="9 patients, needs 10")
    kept = [few.assign(pattern=name) for name in ("note", "image+note")]
    own_run.write("metrics", pd.concat([table, *kept], ignore_index=True))
    said = shown(screen(own_run, "performance"))
    assert "And 2 patterns of fewer than 10 patients." in said
    assert "needs 10" not in said
