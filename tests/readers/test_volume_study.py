"""A whole study of CT series, notes and a record, from the files to the page of a case."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest
from volume_files import write_series

from clinmm.config import load_config
from clinmm.readers import stack
from clinmm.runs import Run
from dashboards import case_data, viewer
from pipelines import run as study

N_CASES = 28
APP = Path(__file__).parents[2] / "dashboards" / "app.py"


def chest(positive: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """(12, 24, 24) HU: a cylinder of lung in air, with a ball of soft tissue where positive."""
    z, y, x = np.mgrid[-1:1:12j, -1:1:24j, -1:1:24j]
    voxels = np.where(x**2 + y**2 < 0.9, -800.0, -1000.0)
    if positive:
        centre = rng.uniform(-0.3, 0.3, 3)
        ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 0.16
        voxels[ball] = 50
    return (voxels + rng.normal(0, 10, voxels.shape)).astype(np.float32)


def write_cohort(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(N_CASES):
        positive = i % 2 == 0
        order = rng.permutation(12).tolist()
        write_series(
            folder / f"scan{i}",
            chest(positive, rng),
            (3.0, 2.0, 2.0),
            names=order,
            PatientName=None,
            PatientID=None,
        )
        rows.append(
            {
                "case_id": f"c{i:02d}",
                "patient_id": f"p{i:02d}",
                "ct": f"scan{i}" if i != 5 else None,
                "note": f"Seen for {rng.choice(['cough', 'pain', 'fever'])}.",
                "age": int(rng.integers(30, 90)),
                "mass": int(positive),
            }
        )
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    spec = {
        "name": "balls",
        "table": "cases.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {
            "name": "mass",
            "kind": "binary",
            "column": "mass",
            "positive": ["1"],
            "negative": ["0"],
        },
        "inputs": {
            "ct": {"kind": "image", "column": "ct", "dimensions": 3},
            "note": {"kind": "note", "column": "note"},
            "record": {"kind": "record", "numeric": {"age": "years"}},
        },
    }
    (folder / "cohort.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return folder / "cohort.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("volumes")
    small = {"size": 32, "init_features": 4, "growth_rate": 2, "block_config": [1, 1]}
    settings = {
        "seed": 0,
        "cohort": str(write_cohort(folder / "cohort")),
        "split": {"folds": 2, "inner_folds": 2},
        "encoders": {
            "ct": {"name": "densenet", **small},
            "note": {"name": "bag_of_words", "min_notes": 1, "out_dim": 4},
            "record": {"name": "mlp", "out_dim": 4},
        },
        "train": {"epochs": 1, "device": "cpu", "arms": "single"},
        "evaluate": {"n_bootstrap": 100},
        "explain": {"cases": 2, "steps": 8},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CLINMM_CACHE", str(folder / "cache"))
        return study.main(load_config(folder / "study.yaml"), folder / "run")


def test_the_study_reaches_its_report(finished: Run) -> None:
    assert (finished.folder / "report.html").is_file()
    predictions = finished.read("predictions")
    single = {"ct", "note", "record"}
    baselines = {f"baseline:{name}" for name in (*single, "stacked")}
    assert set(predictions["arm"]) == {*single, "fused", *baselines}
    assert predictions["probability"].between(0, 1).all()
    read = finished.read("images")
    assert (read["status"] == "read").all()
    assert len(read) == N_CASES - 1
    assert set(read["depth"].astype(int)) == {12}


def test_the_map_of_a_volume_has_three_axes_and_is_of_the_volume(finished: Run) -> None:
    rows = finished.read("explanations")
    rows = rows[(rows["input"] == "ct") & (rows["method"] != "input_shapley")]
    assert len(rows)
    for file in rows["file"].unique():
        with np.load(finished.folder / file) as arrays:
            assert arrays["ct/map"].shape == (32, 32, 32)
            assert np.isfinite(arrays["ct/map"]).all()


def test_the_copy_holds_the_slices_in_hounsfield_units(finished: Run) -> None:
    cases = finished.read("cases").set_index("case_id")
    assert cases.loc["c05", "ct_display"] == ""
    picture = case_data.picture(finished.folder, str(cases.loc["c00", "ct_display"]))
    assert picture is not None
    assert picture.stack is not None
    assert picture.pixels.shape == (12, 24, 24)
    units = picture.pixels.astype(int) - picture.stack.offset
    assert picture.stack.unit == "HU"
    assert np.median(units) == pytest.approx(-800, abs=30)
    assert 50 < (np.abs(units - 50) < 60).sum() < 1500, "the ball"


def test_the_report_shows_a_slice_under_its_map(finished: Run) -> None:
    page = (finished.folder / "report.html").read_text(encoding="utf-8")
    assert "slice " in page
    assert "of 12" in page


def test_the_page_of_a_case_draws(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLINMM_DATABASE", raising=False)
    monkeypatch.setenv("CLINMM_RUN", str(finished.folder))
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    app.switch_page("screens/cases.py").run()
    app.text_input(key="name field").input("AB")
    next(one for one in app.button if one.label == "Begin to read").click().run()
    assert not app.exception
    assert any("arrow keys: slices" in caption.value for caption in app.caption)


def test_the_browser_gets_each_slice_with_its_slice_of_the_map() -> None:
    values = np.zeros((4, 6, 6), np.float32)
    values[3] = 2.0
    slices = stack.Stack(np.zeros((8, 5, 5), np.uint16), of=16, unit="HU", offset=1024)
    picture = case_data.Picture(slices.pixels, slices)
    sent = viewer.payload(picture, "i", "l", values, 1.0, "m")
    assert sent["image"]["slices"] == 8
    assert (sent["image"]["width"], sent["image"]["offset"]) == (5, 1024)
    drawn = np.frombuffer(sent["map"]["values"], "<f4")
    of_slice = drawn.reshape(8, 6, 6).mean((1, 2))
    np.testing.assert_array_equal(of_slice, [0, 0, 0, 0, 0, 0, 2, 2])
