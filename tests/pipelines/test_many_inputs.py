"""Any number of inputs of a kind, and every kind, from the cohort file to new cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from many_inputs import COHORT, N_CASES, STUDY, write_cohort

from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.runs import Run
from pipelines import predict, run


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished study. Nobody may change it."""
    folder = tmp_path_factory.mktemp("many")
    cohort = write_cohort(folder / "cohort")
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump({"cohort": str(cohort), **STUDY}), encoding="utf-8")
    return run.main(load_config(config), folder / "run")


def test_every_input_has_an_arm_and_every_case_an_answer(many: Run) -> None:
    rows = many.read("predictions")
    assert {*COHORT["inputs"], "fused"} <= set(rows["arm"])
    fused = rows[(rows["arm"] == "fused") & (rows["split"] == "test")]
    assert sorted(fused["case_id"]) == sorted(f"c{i}" for i in range(N_CASES))
    assert np.isfinite(fused["probability"]).all()
    assert fused["pattern"].nunique() > 10, "many patterns of what is there"
    assert (many.folder / "report.html").is_file()


def test_the_runs_tables_hold_signals_and_columns_named_by_a_pattern(many: Run) -> None:
    cases = many.read("cases")
    assert {"ecg", "ecg_sha256", "ecg_display", "gene_0", "gene_29"} <= set(cases)
    assert cases["gene_3"].dtype == np.float64
    shown = cases.loc[cases["ecg"].notna(), "ecg_display"]
    assert all((many.folder / file).is_file() for file in shown)
    kept = yaml.safe_load((many.folder / "cohort.yaml").read_text(encoding="utf-8"))
    assert kept["inputs"]["labs"]["numeric"] == {"age": "years", "gene_*": "counts"}
    read = many.read("images")
    assert set(read["input"]) == {"frontal", "lateral", "ecg", "cough"}
    assert set(read.loc[read["input"] == "ecg", "done"]) == {"resampled from 100 Hz"}


def test_signals_are_explained_in_seconds(many: Run) -> None:
    explained = many.read("explanations")
    ecg = explained[explained["input"] == "ecg"]
    assert len(ecg), "at least one of the explained cases has an ECG"
    with np.load(many.folder / ecg["file"].iloc[0]) as arrays:
        score, end = arrays["ecg/score"], arrays["ecg/end"]
        assert set(arrays["ecg/channel"]) == {0, 1}
    assert end.max() == 4
    assert score.sum() == pytest.approx(ecg["attribution"].iloc[0], abs=1e-3)


def test_new_cases_with_files_of_another_rate_are_predicted(many: Run, tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "new", n=8, seed=1)
    new = predict.main(many.folder, cohort, tmp_path / "same").read("predictions")
    assert new["case_id"].nunique() == 8
    settings = yaml.safe_load(cohort.read_text(encoding="utf-8"))
    # The same samples at half the rate, and said to be so, are nearly the same signal.
    settings["inputs"]["ecg"]["file_rate"] = 50
    for file in cohort.parent.glob("ecg*.npy"):
        np.save(file, np.load(file)[::2])
    cohort.write_text(yaml.safe_dump(settings), encoding="utf-8")
    slow = predict.main(many.folder, cohort, tmp_path / "slow").read("predictions")
    np.testing.assert_allclose(slow["probability_raw"], new["probability_raw"], atol=0.05)


def test_new_cases_that_lack_columns_or_channels_are_refused(many: Run, tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "new", n=4, seed=1)
    settings = yaml.safe_load(cohort.read_text(encoding="utf-8"))
    settings["inputs"]["ecg"] |= {"channels": 1, "rate": 100}
    cohort.write_text(yaml.safe_dump(settings), encoding="utf-8")
    table = pd.read_csv(cohort.parent / "cases.csv", dtype=str, keep_default_na=False)
    table.drop(columns=[f"gene_{g}" for g in range(25)]).to_csv(
        cohort.parent / "cases.csv", index=False
    )
    with pytest.raises(InputError) as refused:
        predict.main(many.folder, cohort, tmp_path / "run")
    told = str(refused.value)
    for said in (
        "ecg: the study has rate 50, here 100",
        "ecg: the study has channels 2, here 1",
        "labs: gene_0 is in counts in the study, here nothing of the name",
        "labs: and 5 more columns",
    ):
        assert said in told
