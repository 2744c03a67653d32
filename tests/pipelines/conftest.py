"""One small phantom cohort and one finished study of it; tests that write get their own copy."""

import shutil
from pathlib import Path

import pytest
from small_runs import write_config

from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.runs import Run


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its cohort.yaml. Nobody may change it."""
    return make_phantom(tmp_path_factory.mktemp("phantom") / "cohort", seed=3, n_patients=48)


@pytest.fixture(scope="session")
def told() -> list[str]:
    """What the finished study told of, as it went on."""
    return []


@pytest.fixture(scope="session")
def finished(phantom: Path, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every stage done. Nobody may change it."""
    from pipelines import run

    folder = tmp_path_factory.mktemp("study")
    config = load_config(write_config(folder, phantom))

    def tell(what: str, done: float, total: float, note: str = "") -> None:
        told.append(f"{what}: {note}" if note else what)

    return run.main(config, folder / "run", tell, lambda stage: told.append(f"began {stage}"))


@pytest.fixture
def own_run(finished: Run, tmp_path: Path) -> Run:
    """A copy of the finished study that the test may change."""
    return Run(Path(shutil.copytree(finished.folder, tmp_path / "copy")))


@pytest.fixture
def own_cohort(phantom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom that the test may change."""
    return Path(shutil.copytree(phantom.parent, tmp_path / "own_cohort")) / "cohort.yaml"
