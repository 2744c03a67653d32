"""The shipped cohort files against the rows of the published baselines."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from clinmm.cohort.manifest import load_cohort, read_spec
from clinmm.errors import InputError

COHORTS = Path(__file__).parents[2] / "configs" / "cohorts"

needs_data = pytest.mark.skipif(
    not os.environ.get("CLINMM_DATA"), reason="CLINMM_DATA, the folder of the real sets, is not set"
)


@pytest.fixture(scope="module")
def baselines() -> ModuleType:
    place = Path(os.environ["CLINMM_DATA"]) / "baselines.py"
    spec = importlib.util.spec_from_file_location("baselines", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Only the rows are wanted, not the features.
    for name in ("pixels", "words", "columns"):
        setattr(module, name, lambda *arguments: None)
    return module


@pytest.mark.parametrize("path", sorted(COHORTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_cohort_files_are_valid(path: Path) -> None:
    read_spec(path)


def test_without_the_data_folder_the_message_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLINMM_DATA", raising=False)
    with pytest.raises(InputError, match="CLINMM_DATA is not set"):
        load_cohort(COHORTS / "covid_cxr_outcome.yaml")


@needs_data
def test_covid_rows_are_those_of_the_baselines(baselines: ModuleType) -> None:
    cohort = load_cohort(COHORTS / "covid_cxr_outcome.yaml")
    table, y, _ = baselines.covid("survival", ["N"], ["Y"], baselines.OUTCOME)
    assert list(cohort.table["case_id"]) == list(table["case_id"])
    assert cohort.targets()[:, 0].tolist() == y.tolist()
    positive = cohort.table["patient_id"][cohort.targets()[:, 0] == 1]
    assert (cohort.n_cases, cohort.n_patients, len(positive), positive.nunique()) == (
        170,
        86,
        39,
        18,
    )


@needs_data
def test_masked_covid_notes_hold_no_outcome_word(baselines: ModuleType) -> None:
    cohort = load_cohort(COHORTS / "covid_cxr_outcome.yaml")
    notes = [note for note in cohort.notes("note") if note is not None]
    assert len(notes) == 170
    assert sum(bool(baselines.OUTCOME.search(note)) for note in cohort.table["note"]) > 50
    assert sum(bool(baselines.OUTCOME.search(note)) for note in notes) == 0


@needs_data
def test_ham_rows_are_those_of_the_baselines(baselines: ModuleType) -> None:
    cohort = load_cohort(COHORTS / "ham10000_malignant.yaml")
    table, y, _ = baselines.ham()
    assert list(cohort.table["case_id"]) == list(table["case_id"])
    assert cohort.targets()[:, 0].tolist() == y.tolist()
    assert (cohort.n_cases, int(y.sum())) == (3000, 465)
    assert "unknown" in set(cohort.table["localization"])
