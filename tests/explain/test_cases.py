"""Which models explain a case, and that what they say of it as it is, is what was predicted."""

from pathlib import Path

import numpy as np
import pytest

from clinmm.explain.cases import Cases
from clinmm.explain.display import Asked, explain_cases
from clinmm.explain.kept import Kept
from clinmm.progress import silent
from clinmm.runs import Run
from clinmm.study import Study
from pipelines import predict


@pytest.fixture(scope="module")
def new_cases(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Predictions by two folds in each of two repeats."""
    cohort = study.run.folder.parent / "cohort" / "cohort.yaml"
    return predict.main(study.run.folder, cohort, tmp_path_factory.mktemp("new") / "run")


def as_it_is(folder: Path, n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Of a few cases what they were predicted, and what what-if says of them as they are."""
    cases = Cases(folder)
    some = list(cases.places)[:n]
    kept = Kept(cases.run, "test", 0, [])
    asked = Asked(methods=("input_shapley",))
    _, otherwise = explain_cases(cases, some, asked, kept, silent)
    kept.remove()
    table = cases.predictions.query("split == 'test' and repeat == 0 and arm == 'fused'")
    predicted = table.set_index(["case_id", "class_name"])["probability"]
    told = [row for row in otherwise if row["kind"] == "as_is"]
    assert len(told) == n * len(cases.cohort.class_names)
    return (
        np.array([predicted[row["case_id"], row["class_name"]] for row in told]),
        np.array([row["probability"] for row in told]),
    )


def test_a_case_of_the_study_as_it_is_was_predicted_by_its_own_fold(study: Study) -> None:
    cases = Cases(study.run.folder)
    assert cases.predicted_by == cases.places
    assert {len(places) for places in cases.places.values()} == {1}
    np.testing.assert_allclose(*as_it_is(study.run.folder), atol=1e-6)


def test_a_new_case_as_it_is_was_predicted_by_every_model(new_cases: Run) -> None:
    cases = Cases(new_cases.folder)
    case = next(iter(cases.places))
    assert cases.places[case] == [(0, 0), (0, 1)]
    assert cases.predicted_by[case] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_allclose(*as_it_is(new_cases.folder), atol=1e-6)


def test_pieces_depend_on_every_model_that_predicted(new_cases: Run) -> None:
    folders = {
        file.parent.relative_to(file.parents[2]) for file in Cases(new_cases.folder).model_files()
    }
    assert {str(folder) for folder in folders} == {
        f"repeat_{repeat}/fold_{fold}" for repeat in (0, 1) for fold in (0, 1)
    }
