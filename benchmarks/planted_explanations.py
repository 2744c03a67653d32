"""Does the audit of explanations pass and fail what it should, where the truth is known?

    OMP_NUM_THREADS=1 python benchmarks/planted_explanations.py --seeds 0 1 2 3 4
            [--patients 500] [--cases 100] [--set train.epochs=40 ...] [--keep FOLDER]

Per seed, on the image of the phantom (no plants), one split, the demo's recipe:

clean      the study as it is: which method passes localisation for which finding?
random     the same, every weight of the model drawn anew, the gate of the AUROC switched off
permuted   the same, the model trained on labels that belong to other patients, gate off;
           localisation and label randomisation have to fail both
marker     a phantom in which a letter in the corner goes with consolidation: the share of the map
           on burned-in marks, over their share of the picture, against the clean phantom's

One table: of the seeds, how many pass, are weak and fail, by scenario, method and finding. The two
trainings on which label randomisation rests are made once a seed and phantom.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.explain.audit.parts.retrained import retrain
from clinmm.explain.audit.parts.study import audit
from clinmm.explain.cases import Cases
from clinmm.explain.kept import Kept
from clinmm.model import MultimodalClassifier
from clinmm.progress import silent
from clinmm.runs import Run
from clinmm.stored_models import load_description, save_models
from pipelines import run as study_run

METHODS = ("integrated_gradients", "grad_cam", "occlusion")
LOCALISATION = (
    "localisation_over_chance",
    "localisation_over_random_weights",
    "localisation_over_permuted_labels",
)
MARKS = "shortcut_ratio_marks"
PLACE = (0, 0)
OF_ITS_OWN = 7
"""Added to the seed of the model on permuted labels: it must not be the one it is held against."""


def finished(folder: Path, seed: int, plant: list[str], options: argparse.Namespace) -> Path:
    """A study up to its evaluation."""
    cohort = folder / "cohort" / "cohort.yaml"
    if not cohort.is_file():
        make_phantom(cohort.parent, seed=seed, n_patients=options.patients, plant=plant)
    settings = [
        f"seed={seed}",
        f"cohort={cohort.resolve()}",
        "split={fractions: {train: .45, validate: .1, calibrate: .1, test: .35}}",
        'intake.accept=[{check: "*", reason: invented}]',
        "train.arms=fused",
        "train.baselines=false",
        "evaluate.n_bootstrap=100",
        f"explain.methods=[{', '.join(options.methods)}]",
        f"explain.audit.cases={options.cases}",
        *options.set,
    ]
    study_run.STAGES = ("check", "train", "calibrate", "evaluate")
    return study_run.main(load_config("demo", settings), folder / "run").folder


def audited(folder: Path, trained: Path, *, gate: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(readings, verdicts). trained: where the two trainings are, or are put."""
    cases = Cases(folder)
    settings = cases.config.explain.audit.model_copy(update={"gate": gate})
    explaining = cases.config.explain.model_copy(update={"audit": settings})
    cases.config = cases.config.model_copy(update={"explain": explaining})
    kept = Kept(cases.run, "benchmark", {"gate": gate}, cases.model_files())
    if trained.is_dir():
        shutil.copytree(trained, kept.folder / "retrained_0", dirs_exist_ok=True)
    found = audit(cases, kept, silent)
    if not trained.is_dir():
        shutil.copytree(kept.folder / "retrained_0", trained)
    kept.remove()
    return found


def with_models(folder: Path, copy: Path, models: list[MultimodalClassifier]) -> Path:
    """A copy of a run whose fused models are others."""
    run = Run(Path(shutil.copytree(folder, copy)))
    place = run.folder / run.model_folder("fused", *PLACE)
    save_models(place, load_description(place), models, [])
    return run.folder


def random_models(folder: Path, seed: int) -> list[MultimodalClassifier]:
    run = Run.open(folder)
    description = load_description(run.folder / run.model_folder("fused", *PLACE))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [description.build().eval() for _ in range(description.members)]


def permuted_models(folder: Path) -> list[MultimodalClassifier]:
    cases = Cases(folder)
    config = cases.config.model_copy(update={"seed": cases.config.seed + OF_ITS_OWN})
    study = replace(cases.study, config=config)
    return retrain(study, cases.fold(PLACE), True, silent)


def verdicts(audit_table: pd.DataFrame, scenario: str, seed: int) -> list[dict[str, object]]:
    """Of each method and finding, on the image: the worst of the three localisations, and label
    randomisation."""
    worst = {"fail": 0, "weak": 1, "pass": 2}
    rows = audit_table[(audit_table["group_by"] == "all") & (audit_table["input"] == "image")]
    found = []
    for (method, name), part in rows.groupby(["method", "class_name"]):
        of = part.set_index("test")["verdict"]
        located = [of.get(test, "not measured") for test in LOCALISATION]
        found.append(
            {
                "seed": seed,
                "scenario": scenario,
                "method": method,
                "class_name": name,
                "localisation": min(located, key=lambda verdict: worst.get(verdict, -1)),
                "label_randomisation": of.get("label_randomisation", "not measured"),
                "overall": of["overall"],
            }
        )
    return found


def marks(readings: pd.DataFrame, scenario: str, seed: int) -> pd.DataFrame:
    rows = readings[readings["test"] == MARKS]
    patients = f"{scenario} {seed} " + rows["patient_id"].astype(str)
    return rows.assign(scenario=scenario, patient_id=patients)


def of_seed(
    folder: Path, seed: int, options: argparse.Namespace
) -> tuple[list[dict[str, object]], list[pd.DataFrame]]:
    run = finished(folder / "clean", seed, [], options)
    trained = folder / "trained"
    clean, table = audited(run, trained, gate=True)
    rows = verdicts(table, "clean", seed)
    for scenario, models in (
        ("random", random_models(run, seed)),
        ("permuted", permuted_models(run)),
    ):
        copy = with_models(run, folder / scenario, models)
        rows += verdicts(audited(copy, trained, gate=False)[1], scenario, seed)
    marked = finished(folder / "marker", seed, ["side_marker"], options)
    planted, table = audited(marked, folder / "trained_marker", gate=True)
    rows += verdicts(table, "marker", seed)
    return rows, [marks(clean, "clean", seed), marks(planted, "marker", seed)]


def show(rows: list[dict[str, object]], ratios: list[pd.DataFrame]) -> None:
    from clinmm.intervals import mean_interval

    tests = ("localisation", "label_randomisation", "overall")
    print(f"{'scenario':9} {'method':21} {'finding':14} {'  '.join(f'{t:>20}' for t in tests)}")
    for key, part in pd.DataFrame(rows).groupby(["scenario", "method", "class_name"], sort=False):
        counts = [Counter(part[test]) for test in tests]
        told = [", ".join(f"{n} {verdict}" for verdict, n in c.most_common()) for c in counts]
        print(f"{key[0]:9} {key[1]:21} {key[2]:14} {'  '.join(f'{t:>20}' for t in told)}")
    print("\nmap on burned-in marks over their share of the picture, consolidation")
    for (scenario, method), part in (
        pd.concat(ratios).query("class_name == 'consolidation'").groupby(["scenario", "method"])
    ):
        mean = mean_interval(part["value"], part["patient_id"])
        print(
            f"{scenario:9} {method:21} {mean.value:6.2f} ({mean.low:.2f} to {mean.high:.2f}), "
            f"{mean.n_cases} cases"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="where the studies go, and stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = options.keep or Path(temporary)
        rows: list[dict[str, object]] = []
        ratios: list[pd.DataFrame] = []
        for seed in options.seeds:
            of_rows, of_ratios = of_seed(base / f"seed_{seed}", seed, options)
            rows += of_rows
            ratios += of_ratios
            print(f"seed {seed} done", flush=True)
        show(rows, ratios)


if __name__ == "__main__":
    main()
