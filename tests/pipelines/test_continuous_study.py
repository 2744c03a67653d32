"""A study of a severity score, from `clinmm run` to the reading room."""

import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from clinmm import schema
from clinmm.errors import InputError
from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import STAGES, Run
from dashboards import panels, values
from dashboards.panels import Line
from pipelines import audit, calibrate, cli, evaluate, explain, predict

N = 96
APP = Path(__file__).parents[2] / "dashboards" / "app.py"


def made_cases(seed: int) -> pd.DataFrame:
    """Two cases a patient; note and record tell a score of 0 to 18 points, not always recorded."""
    rng = np.random.default_rng(seed)
    patient = np.arange(N) // 2
    sick = 0.7 * rng.normal(size=N // 2)[patient] + 0.7 * rng.normal(size=N)
    words = np.where(sick + 0.5 * rng.normal(size=N) > 0, "fever breathless oxygen", "mild cough")
    return pd.DataFrame(
        {
            "case": [f"c{i}" for i in range(N)],
            "patient": [f"p{i}" for i in patient],
            "score": [None if i % 15 == 0 else v for i, v in enumerate(score_of(sick))],
            "text": [None if i % 6 == 0 else word for i, word in enumerate(words)],
            "age": (60 + 10 * sick + 8 * rng.normal(size=N)).round().clip(20, 88),
            "sat": np.minimum(95 - 3 * sick + rng.normal(size=N), 100).round(1),
            "sex": np.where(patient % 2 == 0, "F", "M"),
        }
    )


def score_of(sick: np.ndarray) -> np.ndarray:
    return np.clip(np.round(9 + 4 * sick), 0, 18)


COHORT = {
    "name": "made severity",
    "table": "cases.csv",
    "case_id": "case",
    "patient_id": "patient",
    "target": {
        "name": "severity",
        "kind": "continuous",
        "column": "score",
        "unit": "points",
        "range": [0, 18],
    },
    "inputs": {
        "note": {"kind": "note", "column": "text"},
        "record": {"kind": "record", "numeric": {"age": "years", "sat": "percent"}},
    },
    "sensitive": {"sex": "sex"},
}
STUDY = {
    "seed": 0,
    "split": {"folds": 2, "inner_folds": 2},
    "encoders": {
        "note": {"name": "bag_of_words", "out_dim": 4},
        "record": {"name": "mlp", "out_dim": 4},
    },
    "fusion": {"name": "concat"},
    "train": {"epochs": 6, "device": "cpu"},
    "explain": {
        "cases": 3,
        "steps": 8,
        "methods": ["integrated_gradients"],
        "audit": {"cases": 0},
    },
}


def write(folder: Path, seed: int = 0, **changes: object) -> Path:
    """A cohort and a study in `folder`; gives the study's file."""
    folder.mkdir(parents=True, exist_ok=True)
    made_cases(seed).to_csv(folder / "cases.csv", index=False)
    (folder / "cohort.yaml").write_text(yaml.safe_dump(COHORT), encoding="utf-8")
    study = {"cohort": str(folder / "cohort.yaml"), **STUDY, **changes}
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study, by the command itself."""
    folder = tmp_path_factory.mktemp("severity")
    with pytest.MonkeyPatch.context() as patched:
        arguments = ["clinmm", "run", str(write(folder)), "--out", str(folder / "run")]
        patched.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code in (0, None)
    return Run.open(folder / "run")


def test_every_stage_is_done(run: Run) -> None:
    assert all(run.finished(stage) for stage in STAGES)
    assert run.facts["target"]["unit"] == "points"
    assert run.facts["target"]["range"] == [0, 18]


def test_predictions_are_values_in_the_unit_of_the_target(run: Run) -> None:
    table = run.read("predictions")
    schema.PREDICTIONS.validate(table)
    assert table[["probability_raw", "probability"]].isna().all(axis=None)
    assert table["value"].between(0, 18).all()
    assert (table["value_low"] <= table["value"]).all()
    assert (table["value"] <= table["value_high"]).all()
    assert table["class_name"].unique().tolist() == ["severity"]
    cases = run.read("cases").set_index("case_id")["score"].astype(float)
    known = table.dropna(subset=["target"])
    np.testing.assert_array_equal(known["target"], cases.loc[known["case_id"]])


def test_what_was_planted_is_found(run: Run) -> None:
    """The values say more than the mean of the cohort does."""
    rows = run.read("metrics").query(
        "arm == 'fused' and probability == 'calibrated' and pattern == 'any' and group == 'all'"
    )
    value = rows.set_index("metric")["value"]
    assert value["r2"] > 0.3
    assert value["concordance"] > 0.7
    assert value["interval_coverage"] > 0.8


def test_stages_done_again_give_the_same(run: Run) -> None:
    before = {name: run.read(name) for name in ("predictions", "metrics", "comparisons")}
    told = []
    calibrate.main(run.folder, lambda what, done, total, note="": told.append((done, total)))
    assert told[-1] == (1, 1)
    evaluate.main(run.folder)
    audit.main(run.folder)
    for name, table in before.items():
        pd.testing.assert_frame_equal(run.read(name), table, check_exact=True)


def test_attributions_add_up_to_the_value(run: Run) -> None:
    table = run.read("explanations")
    assert table["case_id"].nunique() == 3
    assert table["reason"].str.startswith("not audited").all(), "they add up"
    sums = table.groupby("case_id")["attribution"].sum()
    change = table.groupby("case_id")["logit_change"].first()
    np.testing.assert_allclose(sums, change, atol=0.05)
    with pytest.raises(InputError, match="no test prediction"):
        explain.main(run.folder, cases=["c-none"])


def test_report_speaks_of_values(run: Run) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "a value in points, 0 to 18" in said
    assert "How far off are the values?" in said
    assert "limits of agreement" in said
    assert "Value:" in said
    # A probe of an attribute has an AUROC, whatever the model answers.
    of_probes = (
        r"What the model&#39;s inner picture.*?(?=The gap in each arm|Where the numbers are)"
    )
    of_advice = r"Finding Advice.*?Where the numbers are"
    assert "AUROC" not in re.sub(of_advice, "", re.sub(of_probes, "", said))


def test_new_cases_get_values_with_intervals(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "new", seed=1)
    made = predict.main(run.folder, tmp_path / "new" / "cohort.yaml", tmp_path / "out")
    table = made.read("predictions")
    assert len(table) == N
    assert table["value"].between(table["value_low"], table["value_high"]).all()
    assert len(made.read("prediction_sets")) == 1
    metrics = evaluate.main(made.folder)
    rows = metrics[(metrics["metric"] == "mae") & (metrics["pattern"] == "any")]
    (error,) = rows[rows["probability"] == "calibrated"]["value"]
    known = table.dropna(subset=["target"])
    assert error == pytest.approx((known["value"] - known["target"]).abs().mean())


PAGES = ("cases", "performance", "calibration", "decisions", "sets", "fairness", "intake")


@pytest.mark.parametrize("page", ["overview", *PAGES])
def test_every_page_opens(run: Run, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(run, page, monkeypatch)
    if page in ("calibration", "decisions", "sets"):
        assert "predicts a value, not classes" in said
    if page == "overview":
        assert "How far off are the values?" in said
        assert "answers the training mean" in said


def test_errors_of_more_than_one_unit_are_drawn_on_a_scale_that_holds_them() -> None:
    far = Line("note", "12", 2.5, 0.7, 4.3)
    assert panels.scale([far], 0.0, math.inf) == (0.7, 4.3)
    assert panels.middle([far]) == (-4.3, 4.3)
    assert panels.middle([]) == (-1.0, 1.0)


def test_a_group_is_served_worst_only_where_that_was_shown() -> None:
    groups = pd.DataFrame({"group_by": "sex", "group": ["F", "M"], "value": [2.0, 1.0]})
    row = {"arm": "fused", "rival": "complement", "metric": "mae", "group_by": "sex", "group": "F"}
    shown, not_shown = (pd.DataFrame([row | {"verdict": v}]) for v in ("worse", "not_shown"))
    assert values._worst(groups, shown) == "Larger error than everyone else: sex F."
    said = "No larger error in any group was shown. Largest seen: sex F."
    assert values._worst(groups, not_shown) == values._worst(groups, None) == said
    assert "too few patients" in values._worst(groups[:0], not_shown)


def test_reader_gives_a_value_first_then_sees_the_interval(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINMM_RUN", str(run.folder))
    desk = ReadingRoom(default_url(run.folder), run_id(run.facts)).desk("AB")
    case = run.read("explanations")["case_id"].iloc[0]
    for version in (0, 1):
        desk.lock(case, 1, Answer(value=11.5, confidence=3), version)
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["case"] = str(list(run.read("cases")["case_id"]).index(case))
    app.session_state["seat person"] = "AB"
    app.run()
    app.switch_page("screens/cases.py").run()
    assert not app.exception, app.exception
    said = text_of(app)
    assert "11.5 points" in said
    assert "interval" in said
    assert [one["value"] for one in desk.readings()["answer"]] == [11.5, 11.5]


def test_an_opinion_is_one_thing() -> None:
    with pytest.raises(ValueError, match="one value"):
        Answer(value=3.0, choice="a", confidence=1)


def test_published_predictions_of_values_are_refused(run: Run, tmp_path: Path) -> None:
    from pipelines import outside

    rows = run.read("predictions").query("arm == 'fused' and split == 'test'")
    rows = rows.assign(probability=rows["value"])[
        ["case_id", "patient_id", "class_name", "target", "probability"]
    ]
    rows.to_csv(tmp_path / "values.csv", index=False)
    with pytest.raises(InputError) as refused:
        outside.main(tmp_path / "values.csv", tmp_path / "out")
    assert "0 or 1" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_calibrator_on_file_gives_the_values_on_file(run: Run) -> None:
    table = run.read("predictions").query("arm == 'fused' and fold == 1")
    stored = run.read_json(f"{run.model_folder('fused', 0, 1)}/calibrator.json")
    value = np.clip(stored["intercept"] + stored["slope"] * table["value_raw"], 0, 18)
    np.testing.assert_allclose(value, table["value"])


def shown(run: Run, page: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CLINMM_RUN", str(run.folder))
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.run()
    if page != "overview":
        app.switch_page(f"screens/{page}.py").run()
    assert not app.exception, app.exception
    return text_of(app)


def text_of(app: AppTest) -> str:
    parts = [e.body for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "error", "title", "header"):
        parts += [e.value for e in app.get(kind)]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(parts)))
