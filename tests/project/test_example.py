"""The example runs as a reader would run it."""

import subprocess
import sys
from pathlib import Path

from pages import ROOT

from clinmm.runs import STAGES, Run


def test_the_study_in_python_runs_to_its_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "study_in_python.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1200,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    study, prediction = Run.open(tmp_path / "study"), Run.open(tmp_path / "prediction")
    assert all(study.finished(stage) for stage in STAGES)
    assert prediction.read("predictions")["probability"].between(0, 1).all()
    explained = prediction.read("explanations")
    assert explained["case_id"].nunique() == 1
    assert explained["case_id"].iloc[0] in done.stdout
