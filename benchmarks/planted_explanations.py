"""Does the audit of explanations pass and fail what it should, where the truth is known?

    OMP_NUM_THREADS=1 python benchmarks/planted_explanations.py --seeds 0 1 2 3 4
            [--patients 500] [--cases 160] [--set train.epochs=40 ...] [--keep FOLDER]

Per seed, on the phantom's image alone (no plants), one split, the demo's image net for 80 epochs:

clean      the study as it is: which method passes localisation for which finding?
random     the same, every weight of the model drawn anew, the gate of the AUROC switched off
permuted   the same, the model trained on labels that belong to other patients, gate off;
           localisation and label randomisation have to fail both
marker     a phantom in which a letter in the upper right corner goes with consolidation: which
           zones of the picture does the audit name, for which finding?

Only the tests that are about this are made. One table: of the seeds, how many pass, are weak and
fail, by scenario, method and finding. The trainings on which label randomisation rests are made
once a seed and phantom.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
import yaml

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

METHODS = ("integrated_gradients", "grad_cam")
FAMILIES = ("label_randomisation", "localisation", "shortcut_mass", "shortcut_effect", "share")
LOCALISATION = (
    "localisation_over_chance",
    "localisation_over_random_weights",
    "localisation_over_permuted_labels",
)
RANDOMISATION = ("label_randomisation", "label_randomisation_over_unrelated")
ZONES = ("shortcut_mass_", "shortcut_effect_")
PLACE = (0, 0)
OF_ITS_OWN = 7
"""Added to the seed of the model on permuted labels: it must not be the one it is held against."""


def finished(folder: Path, seed: int, plant: list[str], options: argparse.Namespace) -> Path:
    """A study up to its evaluation."""
    cohort = folder / "cohort" / "cohort.yaml"
    if not cohort.is_file():
        make_phantom(cohort.parent, seed=seed, n_patients=options.patients, plant=plant)
        image_alone(cohort)
    settings = [
        f"seed={seed}",
        f"cohort={cohort.resolve()}",
        "split={fractions: {train: .45, validate: .1, calibrate: .1, test: .35}}",
        "intake.accept=[{check: duplicates, reason: invented}]",
        "encoders={image: {name: densenet, size: 96}}",
        "train.epochs=80",
        "train.patience=15",
        "train.arms=fused",
        "train.baselines=false",
        "evaluate.n_bootstrap=100",
        f"explain.methods=[{', '.join(options.methods)}]",
        f"explain.audit.cases={options.cases}",
        *options.set,
    ]
    study_run.STAGES = ("check", "train", "calibrate", "evaluate")
    return study_run.main(load_config("demo", settings), folder / "run").folder


def image_alone(cohort: Path) -> None:
    """Leaves out the note and the record."""
    content = yaml.safe_load(cohort.read_text(encoding="utf-8"))
    content["inputs"] = {"image": content["inputs"]["image"]}
    cohort.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def audited(
    folder: Path, *, gate: bool, pairs: int = 0, trained: Path | None = None
) -> pd.DataFrame:
    """Verdicts. pairs: of models trained again; trained: where they are, or are put."""
    cases = Cases(folder)
    settings = cases.config.explain.audit.model_copy(update={"gate": gate, "retrain": pairs})
    explaining = cases.config.explain.model_copy(update={"audit": settings})
    cases.config = cases.config.model_copy(update={"explain": explaining})
    kept = Kept(cases.run, "benchmark", {"gate": gate}, cases.model_files())
    again = kept.folder / "retrained_0"
    if trained and trained.is_dir():
        shutil.copytree(trained, again, dirs_exist_ok=True)
    found = audit(cases, kept, silent, FAMILIES)[1]
    if trained:
        shutil.copytree(again, trained, dirs_exist_ok=True)
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
    """Of each method and finding, on the image: the worst of the three localisations, and of the
    two contrasts of label randomisation."""
    worst = {"fail": 0, "weak": 1, "pass": 2}
    rows = audit_table[(audit_table["group_by"] == "all") & (audit_table["input"] == "image")]
    found = []
    for (method, name), part in rows.groupby(["method", "class_name"]):
        of = part.set_index("test")["verdict"]
        located = [of.get(test, "not measured") for test in LOCALISATION]
        randomised = [of.get(test, "not measured") for test in RANDOMISATION]
        found.append(
            {
                "seed": seed,
                "scenario": scenario,
                "method": method,
                "class_name": name,
                "localisation": min(located, key=lambda verdict: worst.get(verdict, -1)),
                "label_randomisation": min(randomised, key=lambda verdict: worst.get(verdict, -1)),
                "zones": " ".join(_named(part)),
            }
        )
    return found


def _named(rows: pd.DataFrame) -> list[str]:
    """Zones on which the map dwells (mass) or the answer hangs (effect), by the audit."""
    named = rows.loc[rows["test"].str.startswith(ZONES) & (rows["verdict"] == "fail"), "test"]
    return sorted(test.removeprefix("shortcut_") for test in named)


def of_seed(folder: Path, seed: int, options: argparse.Namespace) -> list[dict[str, object]]:
    run = finished(folder / "clean", seed, [], options)
    again = {"pairs": options.retrain, "trained": folder / "trained"}
    rows = verdicts(audited(run, gate=True, **again), "clean", seed)
    for scenario, models in (
        ("random", random_models(run, seed)),
        ("permuted", permuted_models(run)),
    ):
        copy = with_models(run, folder / scenario, models)
        rows += verdicts(audited(copy, gate=False, **again), scenario, seed)
    marked = finished(folder / "marker", seed, ["side_marker"], options)
    return rows + verdicts(audited(marked, gate=True), "marker", seed)


def show(rows: list[dict[str, object]]) -> None:
    tests = ("localisation", "label_randomisation", "zones")
    print(f"{'scenario':9} {'method':21} {'finding':14} {'  '.join(f'{t:>22}' for t in tests)}")
    for key, part in pd.DataFrame(rows).groupby(["scenario", "method", "class_name"], sort=False):
        counts = [Counter(part[test]) for test in tests]
        told = [", ".join(f"{n} {what or '-'}" for what, n in c.most_common()) for c in counts]
        print(f"{key[0]:9} {key[1]:21} {key[2]:14} {'  '.join(f'{t:>22}' for t in told)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--cases", type=int, default=160)
    parser.add_argument("--retrain", type=int, default=3, help="pairs of models trained again")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="where the studies go, and stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = options.keep or Path(temporary)
        rows: list[dict[str, object]] = []
        for seed in options.seeds:
            rows += of_seed(base / f"seed_{seed}", seed, options)
            print(f"seed {seed} done", flush=True)
            show([row for row in rows if row["seed"] == seed])
        if len(options.seeds) > 1:
            print("\nall seeds")
            show(rows)


if __name__ == "__main__":
    main()
