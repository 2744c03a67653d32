"""A MedMNIST file becomes pictures, a table with the published split, and a cohort that trains."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.sources.npz_file import draft_from_npz
from clinmm.errors import InputError
from clinmm.readers import read_volume
from pipelines.cli import app

N = {"train": 12, "val": 6, "test": 5}


def arrays(*shape: int, labels: int = 1, highest: int = 1, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for part, n in N.items():
        made[f"{part}_images"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        made[f"{part}_labels"] = rng.integers(0, highest + 1, (n, labels)).astype(np.uint8)
        made[f"{part}_labels"][: highest + 1, 0] = np.arange(highest + 1)
    return made


def saved(folder: Path, made: dict[str, Any]) -> Path:
    np.savez(folder / "tiny.npz", **made)
    return folder / "tiny.npz"


def test_the_command_writes_every_picture_label_and_part(tmp_path: Path) -> None:
    made = arrays(8, 9)
    out = tmp_path / "cohort"
    file = saved(tmp_path, made)
    result = CliRunner().invoke(
        app, ["cohort", "from-npz", str(file), "--out", str(out), "--classes", "no,yes"]
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out / "cases.csv", dtype=str)
    assert table["split"].value_counts().to_dict() == N
    pictures = np.concatenate([made[f"{part}_images"] for part in N])
    labels = np.concatenate([made[f"{part}_labels"] for part in N])[:, 0]
    for row, pixels, label in zip(table.itertuples(), pictures, labels, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(out / str(row.image))), pixels)
        assert row.label == ["no", "yes"][label]
    cohort = load_cohort(out / "cohort.yaml")
    assert cohort.spec.split == "split"
    assert cohort.present("image").all()
    said = yaml.safe_load((out / "cohort.yaml").read_text())
    assert "sensitive" not in said, "the published split is nobody's attribute"


def test_colour_pictures_and_several_findings(tmp_path: Path) -> None:
    draft = draft_from_npz(saved(tmp_path, arrays(8, 8, 3, labels=2)))
    assert draft.targets == ("finding_0", "finding_1")
    assert draft.images == {"image": 2}
    assert next(iter(draft.pictures.values())).shape == (8, 8, 3)


def test_volumes_keep_their_axes(tmp_path: Path) -> None:
    made = arrays(4, 5, 6)
    result = CliRunner().invoke(
        app, ["cohort", "from-npz", str(saved(tmp_path, made)), "--out", str(tmp_path / "c")]
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "c" / "cases.csv")
    volume = read_volume(tmp_path / "c" / table["image"][0])
    assert volume.voxels.shape == (4, 5, 6)
    assert sorted(volume.voxels.ravel()) == sorted(made["train_images"][0].ravel())


def test_more_labels_than_two_are_classes_by_number(tmp_path: Path) -> None:
    draft = draft_from_npz(saved(tmp_path, arrays(8, 8, highest=3)))
    assert set(draft.cases["label"]) <= {"0", "1", "2", "3"}


def test_what_is_no_medmnist_file_is_refused_with_every_problem(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing: there is no such file"):
        draft_from_npz(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(InputError, match=r"cannot be read as an \.npz"):
        draft_from_npz(tmp_path / "text.npz")
    made = arrays(8, 8)
    with pytest.raises(InputError, match="no array val_labels"):
        draft_from_npz(saved(tmp_path, {k: v for k, v in made.items() if k != "val_labels"}))
    made["train_images"] = made["train_images"].astype(float)
    made["test_labels"] = made["test_labels"][:-1]
    with pytest.raises(InputError) as refused:
        draft_from_npz(saved(tmp_path, made))
    assert "train_images: wanted uint8" in str(refused.value)
    assert "test_labels: wanted whole numbers of shape (5, L)" in str(refused.value)
    with pytest.raises(InputError, match="--classes names 1, the labels are 2"):
        draft_from_npz(saved(tmp_path, arrays(8, 8)), ["one"])
