"""External validation: a finished study on the labelled cases of another place.

Reads   a study's models and metrics, a cohort
Writes  a run folder of kind prediction: what predict and evaluate write; the verdict, in run.json
"""

from pathlib import Path

from clinmm.continuous.transfer import transfer_of_values
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.transfer import Transfer, transfer
from pipelines import evaluate, predict


def main(folder: Path, cohort_file: Path, out: Path, tell: Tell = silent) -> Transfer:
    """Predicts and scores a cohort, and says whether the model transfers.

    Args:
        folder: a study that has been evaluated.
        cohort_file: a cohort file with the study's inputs and classes, targets known.
        out: a new or empty folder.
        tell: told how far it is.

    Raises:
        NotMadeYet: the study is not evaluated. InputError: as `predict`, or no target is known.
    """
    study = Run.open(folder)
    study.require("evaluate")
    run = predict.main(folder, cohort_file, out, tell)
    metrics = evaluate.main(out, tell)
    if run.facts["target"]["kind"] == "continuous":
        found = transfer_of_values(study.read("metrics"), metrics)
    else:
        found = transfer(
            study.read("metrics"),
            metrics,
            run.read("exchangeability") if run.has("exchangeability") else None,
            unit=run.facts["unit_name"],
        )
    run.add_facts(transfer={"verdict": found.verdict, "sentence": found.sentence})
    return found
