"""What describes the cases of a run, from nothing but its folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from slice_rows import about_cases, predictions, thresholds

from clinmm.fairness.slices.of_run import described, slices_of_run
from clinmm.fairness.slices.pictures import SIDE
from clinmm.runs import Run
from clinmm.schema import SLICES

N = 400
ABOUT = about_cases(N)
AP = (ABOUT["view"] == "AP").to_numpy()
ROWS = predictions(ABOUT, AP * 1.0)
COHORT = {
    "name": "made",
    "table": "cases.csv",
    "case_id": "case_id",
    "patient_id": "patient_id",
    "keep": {"view": ["AP", "PA", "LL"]},
    "target": {
        "name": "ill",
        "kind": "binary",
        "column": "outcome",
        "positive": ["1"],
        "negative": ["0"],
    },
    "inputs": {
        "image": {"kind": "image", "column": "file"},
        "note": {"kind": "note", "column": "text"},
        "record": {"kind": "record", "numeric": {"age": "years"}, "categorical": ["outcome"]},
    },
    "sensitive": {"weight": {"column": "weight", "bins": [0, 70, 200]}},
    "site": "ward",
    "index_time": {"column": "seen_on"},
}


def cases(folder: Path) -> pd.DataFrame:
    """The first case has a grey picture of 16 bits, the second one in colour, the others none."""
    (folder / "images").mkdir(parents=True)
    grey = np.full((40, 30), 2**14 - 1, dtype=np.uint16)
    Image.fromarray(grey).save(folder / "images/c0.png")
    colour = np.zeros((40, 30, 3), dtype=np.uint8)
    colour[..., 0] = 255
    Image.fromarray(colour).save(folder / "images/c1.png")
    table = ABOUT.reset_index()
    table["patient_id"] = ROWS["patient_id"]
    table["outcome"] = ROWS["target"].astype(int).astype(str)
    table["weight"] = [str(50 + i % 40) for i in range(N)]
    table["seen_on"] = "2020-01-01"
    table["file"] = [f"x/{i}.png" if i < 2 else None for i in range(N)]
    table["text"] = [None if i % 2 else "cough" for i in range(N)]
    table["image_display"] = [f"images/c{i}.png" if i < 2 else "" for i in range(N)]
    pattern = ["note+record", "record"] * (N // 2)
    table["pattern"] = ["image+note+record", "image+record", *pattern[2:]]
    return table


def write(folder: Path, **tables: pd.DataFrame) -> None:
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("slices") / "run"
    made = Run.create(folder, "study", {})
    (folder / "cohort.yaml").write_text(yaml.safe_dump(COHORT), encoding="utf-8")
    images = pd.DataFrame({"case_id": ABOUT.index[:2], "input": "image", "view": ["PA", "AP"]})
    images[["manufacturer", "model", "photometric"]] = None
    write(folder, cases=cases(folder), images=images)
    write(folder, predictions=ROWS, thresholds=thresholds())
    return made


def test_neither_target_nor_id_nor_time_describes_a_case(run: Run) -> None:
    about, _, _ = described(run, ROWS, seed=0)
    assert list(about.columns) == [
        *("age", "weight", "view", "ward", "input image", "input note", "input record"),
        *("image view", "picture brightness", "picture contrast"),
    ]
    assert pd.api.types.is_numeric_dtype(about["weight"])
    assert about["input note"].tolist()[:3] == ["present", "absent", "present"]
    assert about["image view"].tolist()[:2] == ["PA", "AP"]
    assert about["image view"].isna().sum() == N - 2


def test_pictures_are_seen_from_afar_whatever_their_depth(run: Run) -> None:
    about, _, pictures = described(run, ROWS, seed=0)
    assert pictures is not None
    assert pictures.shape == (2, 3 * SIDE**2)
    np.testing.assert_allclose(pictures.loc[ABOUT.index[0]], 0.25, atol=1e-3)
    red = pictures.loc[ABOUT.index[1]].to_numpy().reshape(SIDE, SIDE, 3)
    assert (red[..., 0] == 1).all()
    assert (red[..., 1:] == 0).all()
    assert about["picture brightness"].tolist()[:2] == [0.25, 0.333]
    assert about["picture contrast"].tolist()[:2] == [0.0, 0.472]


def test_notes_are_those_that_the_model_of_the_case_read(run: Run) -> None:
    _, notes, _ = described(run, ROWS, seed=0)
    assert notes is not None
    assert notes.tolist()[:2] == ["cough", ""]
    read = pd.DataFrame({"repeat": 0, "fold": [0, 1], "case_id": ABOUT.index[0], "input": "note"})
    write(run.folder, notes=read.assign(note=["masked ___", "of another fold"]))
    _, notes, _ = described(run, ROWS, seed=0)
    (run.folder / "notes.parquet").unlink()
    assert notes is not None
    assert notes[ABOUT.index[0]] == "masked ___"
    assert notes.notna().sum() == 1


def test_the_slice_is_found_in_the_run(run: Run) -> None:
    table = slices_of_run(run, seed=0)
    SLICES.validate(table)
    assert "view is AP" in set(table["slice"][table["verdict"] == "worse"])


def test_a_predictions_file_is_described_by_what_it_was_grouped_by(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "audit", {})
    columns = ABOUT.astype(str).assign(age=ABOUT["age"].map("{:g}".format)).reset_index()
    write(
        run.folder,
        cases=columns.assign(patient_id=ROWS["patient_id"]),
        predictions=ROWS,
        thresholds=thresholds(),
    )
    about, notes, pictures = described(run, ROWS, seed=0)
    assert notes is None
    assert pictures is None
    assert list(about.columns) == ["view", "age", "ward"]
    assert pd.api.types.is_numeric_dtype(about["age"])
    assert "view is AP" in set(slices_of_run(run, seed=0)["slice"])
