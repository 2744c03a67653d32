"""A study through the Python API, on a small phantom cohort: make, run, read, predict, explain.

    python examples/study_in_python.py [FOLDER]

Takes half a minute. The cohort is invented and small: the numbers mean nothing.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # nets as small as these are faster on one core

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.config import StudyConfig
from clinmm.summary import fusion_verdict, headline
from pipelines import explain, predict, run

CONFIG = {
    "split": {"by": "patient", "folds": 2, "inner_folds": 1},
    "encoders": {
        "image": {"name": "densenet", "size": 32, "block_config": [2, 2]},
        "note": {"name": "bag_of_words"},
        "record": {"name": "mlp"},
    },
    "train": {"epochs": 20, "optimiser": {"lr": 5.0e-3}},
    "evaluate": {"n_bootstrap": 200},
    "explain": {"cases": 1, "audit": {"cases": 4, "retrain": False}},
}


def main(folder: Path) -> None:
    # A study cohort, and a second one that stands for next month's patients.
    cohort = make_phantom(folder / "cohort", seed=1, n_patients=60)
    new_cases = make_phantom(folder / "new_cases", seed=2, n_patients=5)
    print(f"{load_cohort(cohort).n_cases} cases to study")

    # Every stage; called again, it goes on where it stopped.
    config = StudyConfig.model_validate({"cohort": str(cohort.resolve()), **CONFIG})
    study = run.main(config, folder / "study")

    # The tables of a run are data frames.
    print(headline(study.read("metrics"))[["arm", "class_name", "n_cases", "auroc"]])
    print(fusion_verdict(study))

    # New cases: calibrated risk per class.
    prediction = predict.main(study.folder, new_cases, folder / "prediction")
    risks = prediction.read("predictions").pivot(
        index="case_id", columns="class_name", values="probability"
    )
    print(risks.round(2))

    # Why: the share of each input in one case's estimate. In so small a study nothing passes the
    # audit of explanations, so nothing would be drawn: `reason` says why.
    case_id = risks.index[0]
    explanation = explain.main(prediction.folder, cases=[case_id])
    print(explanation[["case_id", "class_name", "input", "share", "status"]])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="clinmm-")))
