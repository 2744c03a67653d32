from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from clinmm.cohort.manifest import load_cohort
from clinmm.config import load_config
from clinmm.errors import FindingsStand, InputError
from clinmm.runs import Run
from clinmm.study import start_study
from pipelines import check

N = 60
COHORT: dict[str, Any] = {
    "name": "t",
    "table": "t.csv",
    "case_id": "case",
    "patient_id": "patient",
    "target": {
        "name": "died",
        "kind": "binary",
        "column": "outcome",
        "positive": ["1"],
        "negative": ["0"],
    },
    "inputs": {
        "image": {"kind": "image", "column": "file"},
        "record": {"kind": "record", "numeric": {"age": "years"}},
    },
}


ENCODERS: dict[str, Any] = {"image": {"name": "pixel_pca"}, "record": {"name": "mlp"}}


def written(tmp_path: Path, *, changes: dict[str, Any] | None = None, **columns: Any) -> Path:
    """A study config in a folder with its cohort; `columns` replace those of the table."""
    table = pd.DataFrame(
        {
            "case": [f"c{i}" for i in range(N)],
            "patient": [f"p{i // 2}" for i in range(N)],
            "outcome": [int(i % 6 < 2) for i in range(N)],
            "file": [f"{i}.png" for i in range(N)],
            "age": range(20, 20 + N),
            **columns,
        }
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    for i in range(N):
        Image.fromarray(np.full((3, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "cohort.yaml").write_text(yaml.safe_dump(COHORT))
    config = {
        "cohort": "cohort.yaml",
        "encoders": ENCODERS,
        "split": {"folds": 5},
        **(changes or {}),
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path / "config.yaml"


def study(path: Path, folder: str = "run") -> Run:
    config = load_config(path)
    return start_study(config, load_cohort(config.cohort), path.parent / folder).run


def test_the_stage_writes_findings_cases_and_display_copies(tmp_path: Path) -> None:
    run = study(written(tmp_path))
    findings = check.main(run.folder)
    assert run.finished("check")
    assert set(findings["severity"]) <= {"info", "warning"}
    cases = run.read("cases")
    assert len(cases) == N
    assert cases.loc[3, "image_display"] == "images/c3_image.png"
    assert cases["age"].dtype == np.float64
    with Image.open(run.path("images/c3_image.png")) as copy:
        assert np.asarray(copy).max() == round(3 / 255 * 4095) * 16


def test_copies_can_be_left_out(tmp_path: Path) -> None:
    run = study(written(tmp_path, changes={"review": {"copy_images": False}}))
    check.main(run.folder)
    assert (run.read("cases")["image_display"] == "").all()
    assert list(run.path("images").iterdir()) == []


def test_an_error_stops_the_study_after_the_findings_were_written(tmp_path: Path) -> None:
    files = ["gone.png", None] + [f"{i}.png" for i in range(2, N)]
    run = study(written(tmp_path, file=files))
    with pytest.raises(FindingsStand, match="files, image: 1 files are absent"):
        check.main(run.folder)
    assert not run.finished("check")
    assert "files" in set(run.read("intake")["check"])
    assert run.read("cases")["image_display"].tolist()[:3] == ["", "", "images/c2_image.png"]


def test_an_accepted_error_lets_the_study_go_on(tmp_path: Path) -> None:
    files = ["gone.png"] + [f"{i}.png" for i in range(1, N)]
    accepted = {"intake": {"accept": [{"check": "files", "reason": "lost"}]}}
    run = study(written(tmp_path, file=files, changes=accepted))
    check.main(run.folder)
    assert run.finished("check")
    intake = run.read("intake")
    assert intake.loc[intake["check"] == "files", "accepted"].tolist() == ["lost"]


def test_case_ids_that_are_no_file_names_do_not_leave_the_folder(tmp_path: Path) -> None:
    odd = ["../../evil", "a/b", ".hidden", "x" * 300] + [f"c{i}" for i in range(4, N)]
    run = study(written(tmp_path, case=odd))
    check.main(run.folder)
    shown = run.read("cases")["image_display"]
    assert shown.is_unique
    assert all(run.path(name).parent == run.folder / "images" for name in shown)
    assert not list(tmp_path.rglob("evil*"))


def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    told: dict[str, float] = {}

    def tell(what: str, done: float, total: float, note: str = "") -> None:
        told[what] = done / total

    check.main(study(written(tmp_path)).folder, tell)
    assert told == {"read images": 1, "compare": 1, "check": 1, "copy image": 1}


def test_the_stage_gives_the_same_tables_again(tmp_path: Path) -> None:
    run = study(written(tmp_path))
    check.main(run.folder)
    first = run.read("intake"), run.read("cases")
    check.main(run.folder)
    pd.testing.assert_frame_equal(run.read("intake"), first[0])
    pd.testing.assert_frame_equal(run.read("cases"), first[1])


def test_a_cohort_file_alone_is_checked_without_a_split(tmp_path: Path) -> None:
    path = written(tmp_path, outcome=[int(i < 4) for i in range(N)])
    findings, stands = check.check_file(tmp_path / "cohort.yaml", tmp_path / "out")
    assert not stands
    assert "splits" not in set(findings["check"])
    pd.testing.assert_frame_equal(Run.open(tmp_path / "out").read("intake"), findings)
    findings, stands = check.check_file(path)
    assert stands
    assert "splits" in set(findings["check"])


def test_checking_a_config_into_a_folder_begins_the_study_there(tmp_path: Path) -> None:
    path = written(tmp_path)
    check.check_file(path, tmp_path / "study")
    run = study(path, "study")
    assert run.facts["kind"] == "study"
    assert run.has("intake")
    assert not run.finished("check")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"encoders": {"image": {"name": "pixel_pcb"}, "record": {"name": "mlp"}}},
            "encoders.image: no encoder named 'pixel_pcb'. Did you mean 'pixel_pca'?",
        ),
        (
            {"encoders": {"image": {"name": "mlp"}, "record": {"name": "mlp"}}},
            "encoders.image: mlp is for inputs of kind record, this one is of kind image.",
        ),
        (
            {"encoders": {"image": {"name": "pixel_pca"}}},
            "encoders: input 'record' has no encoder. Add record: {name: ...}.",
        ),
        (
            {"encoders": {**ENCODERS, "image": {"name": "pixel_pca", "window": [0, 80]}}},
            "encoders.image: pixel_pca: window is for volumes (dimensions: 3). Leave it out.",
        ),
        (
            {"encoders": {**ENCODERS, "image": {"name": "densenet", "weights": "gone.pt"}}},
            "encoders.image: densenet: weights 'gone.pt' is no file. Give a .safetensors, .pt or "
            ".pth file.",
        ),
        ({"fusion": "gatd"}, "fusion: no fusion named 'gatd'. Did you mean 'gated'?"),
        (
            {"fusion": "auto", "train": {"arms": "fused"}},
            "fusion: auto takes the best of the arms, and train.arms: fused trains one only. "
            "Set train.arms to single or all.",
        ),
    ],
)
def test_a_study_that_could_not_be_trained_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        check.check_file(written(tmp_path, changes=changes))
    assert refused.value.problems == [said]


def test_every_problem_of_a_study_is_told_at_once(tmp_path: Path) -> None:
    encoders = {**ENCODERS, "image": {"name": "pixel_pca", "siez": 64}}
    loss = {"name": "asymmetric"}
    stages = [i % 3 for i in range(N)]
    changes = {"encoders": encoders, "train": {"loss": loss}}
    path = written(tmp_path, changes=changes, outcome=stages)
    target = {"name": "stage", "kind": "multiclass", "column": "outcome"}
    target["classes"] = ["0", "1", "2"]
    (tmp_path / "cohort.yaml").write_text(yaml.safe_dump({**COHORT, "target": target}))
    with pytest.raises(InputError) as refused:
        check.check_file(path)
    setting, lossy = refused.value.problems
    assert "unknown key 'siez'. Did you mean 'size'?" in setting
    assert (
        lossy
        == "train.loss: asymmetric is not for a multiclass target. Use cross_entropy or focal."
    )


def test_a_file_that_is_neither_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("a: 1")
    with pytest.raises(InputError, match="key 'table' is missing"):
        check.check_file(tmp_path / "other.yaml")
    with pytest.raises(InputError, match="is no config file"):
        check.check_file(tmp_path / "nothing.yaml")
