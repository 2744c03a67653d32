"""Seconds that the audit of 100 phantom cases takes: integrated gradients, one class a case.

    OMP_NUM_THREADS=2 python benchmarks/explanation_audit.py [--run runs/demo] [--cases 100]
                                                             [--methods integrated_gradients]

The demo's phantom and model, of one split; or the run of a finished demo. The two trainings on
which the test of permuted labels rests come before the clock is started; what it says of their
models is timed with the other tests. Also the seconds of each file of tests by itself.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from clinmm import registry
from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.explain.audit.parts.retrained import retrained_models
from clinmm.explain.audit.parts.sample import audit_sample
from clinmm.explain.audit.parts.study import audit
from clinmm.explain.cases import Cases
from clinmm.explain.kept import Kept
from clinmm.progress import silent
from pipelines import run as study_run

STAGES = ("check", "train", "calibrate", "evaluate")


def study(folder: Path) -> Path:
    """The demo without its plants, its pairs of inputs and its folds."""
    cohort = make_phantom(folder / "cohort", seed=0, n_patients=500)
    settings = [
        f"cohort={cohort.resolve()}",
        "split={fractions: {train: .45, validate: .1, calibrate: .1, test: .35}}",
        "train.arms=fused",
        "train.baselines=false",
        "evaluate.n_bootstrap=100",
    ]
    study_run.STAGES = STAGES
    return study_run.main(load_config("demo", settings), folder / "run").folder


@contextmanager
def timed_tests(spent: dict[str, float]) -> Iterator[None]:
    """Adds up the seconds of each file of tests."""
    modules = [
        registry.load("explanation_tests", name) for name in registry.available("explanation_tests")
    ]
    plain = [module.measure for module in modules]

    def timed(name: str, measure: Callable[..., Any]) -> Callable[..., Any]:
        def measured(look: Any) -> Any:
            began = time.perf_counter()
            found = measure(look)
            spent[name] += time.perf_counter() - began
            return found

        return measured

    for module, measure in zip(modules, plain, strict=True):
        module.measure = timed(module.__name__.rpartition(".")[2], measure)
    try:
        yield
    finally:
        for module, measure in zip(modules, plain, strict=True):
            module.measure = measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--retrain", type=int, default=2, help="pairs of models trained again")
    parser.add_argument("--methods", nargs="+", default=["integrated_gradients"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.run or study(Path(name))
        cases = Cases(folder)
        asked = {"cases": options.cases, "folds": 1, "retrain": options.retrain, "gate": True}
        explaining = cases.config.explain.model_copy(
            update={
                "methods": tuple(options.methods),
                "audit": cases.config.explain.audit.model_copy(update=asked),
            }
        )
        cases.config = cases.config.model_copy(update={"explain": explaining})
        kept = Kept(cases.run, "benchmark", time.time(), [])
        sample = audit_sample(cases.predictions, options.cases, 1, cases.config.seed)
        place = (0, sample[0].fold)
        began = time.perf_counter()
        trained = kept.folder / f"retrained_{sample[0].fold}"
        for pair in range(options.retrain):
            retrained_models(cases.study, cases.fold(place), trained, pair, silent)
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
        print(f"{2 * options.retrain} trainings, not counted: {time.perf_counter() - began:.0f} s")
        spent: dict[str, float] = defaultdict(float)
        try:
            began = time.perf_counter()
            with timed_tests(spent):
                readings, _ = audit(cases, kept, silent)
            seconds = time.perf_counter() - began
        finally:
            kept.remove()
    n_cases = readings.groupby(["case_id", "class_name"]).ngroups
    print(f"audit of {n_cases} cases by {', '.join(options.methods)}: {seconds:.0f} s")
    for name, of_file in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:24} {of_file:6.1f} s")


if __name__ == "__main__":
    main()
