"""Score the test patients of a calibrated run: every arm, class and pattern of inputs present.

Reads   predictions, thresholds          Writes   metrics, comparisons, curves
"""

from pathlib import Path

import pandas as pd

from clinmm.config import EvaluateConfig, load_config
from clinmm.evaluation import evaluate
from clinmm.progress import Tell, silent
from clinmm.rivals import best_single_arm
from clinmm.runs import Run


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Evaluates a run; this is where its test patients are looked at.

    Args:
        folder: a run folder of kind study, or of kind prediction whose cases have targets.
        tell: told how far it is.

    Returns:
        The metrics table.

    Raises:
        NotMadeYet: the run has no predictions. InputError: they cannot be scored.
    """
    run = Run.open(folder)
    if run.facts["kind"] == "study":
        run.require("calibrate")
    settings, seed = _settings(run)
    tell("evaluate", 0, 1)
    with run.stage("evaluate"):
        predictions = run.read("predictions")
        rival = best_single_arm(predictions)
        result = evaluate(
            predictions,
            run.read("thresholds") if run.has("thresholds") else None,
            best_single=rival,
            n_bootstrap=settings.n_bootstrap,
            seed=seed,
        )
        run.write("metrics", result.metrics)
        run.write("comparisons", result.comparisons)
        run.write("curves", result.curves)
        run.add_facts(best_single_arm=rival)
    tell("evaluate", 1, 1)
    return result.metrics


def _settings(run: Run) -> tuple[EvaluateConfig, int]:
    """The run's own settings; the defaults where it was made without a config."""
    if not (run.folder / "config.yaml").is_file():
        return EvaluateConfig(), int(run.facts.get("seed", 0))
    config = load_config(run.path("config.yaml"))
    return config.evaluate, config.seed
