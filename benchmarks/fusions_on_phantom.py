"""Every fusion on the phantom with inputs missing at random, against the oracle that drew it.

    python benchmarks/fusions_on_phantom.py [--seeds 0 1 2] [--patients 400] [--epochs 20]
                                            [--missing 0 0.3 0.6] [--fusions concat gated ...]

A phantom per seed, in which every case has every input. For each level of missingness, each input
is hidden from a case with that chance, completely at random, in training and in test; a case that
would be left with nothing keeps one. Models of one input are trained once per seed and level, each
fusion starts from them and has the same budget once more (`train_arm`). One fold of three; test
patients of all seeds are scored together, ranked within their seed.

AUROC before calibration, mean of the four findings, over all test cases; where a case lacks the
input of a single model, that answers with the prevalence. Intervals are clustered by patient, the
difference from the best single input (by validation cases) is paired. The oracle knows what the
phantom drew, of the inputs that the case has. About 15 minutes of one core.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinmm import registry
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import latents, make_phantom
from clinmm.cohort.phantom.oracle import posterior
from clinmm.cohort.split_config import SplitConfig
from clinmm.cohort.splits import make_splits
from clinmm.comparisons import difference
from clinmm.config import StudyConfig
from clinmm.fit import make_fabric
from clinmm.folds import Fold, Preparer, folds_of
from clinmm.intervals import Estimate, estimate, macro
from clinmm.predict import fold_logits, probabilities
from clinmm.rivals import best_single_arm
from clinmm.samples import RAW, build
from clinmm.train_arm import train_arm

INPUTS = ("image", "note", "record")
ENCODERS = {
    "image": {"name": "densenet", "size": 64, "init_features": 8, "block_config": (2, 2)},
    "note": {"name": "bag_of_words"},
    "record": {"name": "feature_tokens"},
}
SPLIT = SplitConfig(folds=3, inner_folds=1, validate=0.2)
ORACLE = "oracle"


def study(epochs: int, seed: int, fusion: str) -> StudyConfig:
    """A recipe for small cohorts: one cycle for models of one input, then early stopping."""
    return StudyConfig.model_validate(
        {
            "cohort": "phantom",
            "seed": seed,
            "encoders": ENCODERS,
            "fusion": fusion,
            "train": {
                "epochs": epochs,
                "patience": 6,
                "optimiser": {"lr": 3e-3, "schedule": "one_cycle"},
            },
        }
    )


def every_input(rng: np.random.Generator, site: str, age: int) -> dict[str, bool]:
    """In place of `latents.draw_presence`: nothing is absent, and as many numbers are drawn."""
    rng.random(len(INPUTS))
    return dict.fromkeys(INPUTS, True)


def shown(n: int, missing: float, seed: int) -> NDArray[np.bool_]:
    """(n, 3): what cases keep, at least one input each.

    >>> bool(shown(50, 0.9, 0).any(1).all()), bool(shown(50, 0.0, 0).all())
    (True, True)
    """
    rng = np.random.default_rng([seed, round(100 * missing)])
    kept = rng.random((n, len(INPUTS))) >= missing
    spared = rng.integers(0, len(INPUTS), n)
    kept[np.arange(n), spared] |= ~kept.any(1)
    return kept


def of_seed(
    seed: int, n_patients: int, epochs: int, levels: Sequence[float], fusions: Sequence[str]
) -> pd.DataFrame:
    """Predictions of every arm and level, with the level in the column `missing`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(latents, "draw_presence", every_input),
    ):
        cohort = load_cohort(make_phantom(Path(folder) / "p", seed=seed, n_patients=n_patients))
        drawn = {case.case_id: case for case in latents.draw_cases(seed, n_patients)}
        splits = make_splits(cohort, SPLIT, seed)
        fold = next(iter(folds_of(splits, cohort.table["case_id"].tolist())))
        config = study(epochs, seed, "concat")
        preparer = Preparer(cohort, config.encoders)
        everything = {name: list(values) for name, values in preparer.raw.items()}
        tables = []
        for level in levels:
            began = time.perf_counter()
            preparer.present = shown(cohort.n_cases, level, seed)
            preparer.raw = {
                name: [
                    value if has else None
                    for value, has in zip(everything[name], here, strict=True)
                ]
                for name, here in zip(INPUTS, preparer.present.T, strict=True)
            }
            batch, facts = preparer.of_fold(fold)
            fabric, alone, answers = make_fabric(config.train), {}, {}
            for name in INPUTS:
                given = (cohort, config, [name], fold, batch, facts)
                alone[name] = train_arm(*given, fabric=fabric).models
                answers[name] = of_fold(alone[name], batch.only([name]), fold, cohort.task)
            for name in fusions:
                given = (cohort, study(epochs, seed, name), list(INPUTS), fold, batch, facts)
                models = train_arm(*given, fabric=fabric, alone=alone).models
                answers[f"fused: {name}"] = of_fold(models, batch, fold, cohort.task)
            has = [[n for n, h in zip(INPUTS, row, strict=True) if h] for row in preparer.present]
            cases = [drawn[case] for case in cohort.table["case_id"]]
            answers[ORACLE] = posterior(cases, has)
            tables += [
                rows(cohort, arm, fold, probability, seed).assign(missing=level)
                for arm, probability in answers.items()
            ]
            seconds = time.perf_counter() - began
            print(f"seed {seed}, {level:.0%} missing: {seconds:.0f} s", flush=True)
    return pd.concat(tables, ignore_index=True)


def of_fold(models, batch, fold: Fold, task: str) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    return probabilities(fold_logits(models, batch, fold), task)


def rows(cohort, arm: str, fold: Fold, probability, seed: int) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    """Rows of a predictions table, in which each seed is a fold of patients of its own."""
    targets, asked = cohort.targets(), np.isin(fold.split, ("validate", "test"))
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "arm": arm,
                    "repeat": 0,
                    "fold": seed,
                    "case_id": [f"{seed} {case}" for case in cohort.table["case_id"]],
                    "patient_id": [f"{seed} {one}" for one in cohort.table["patient_id"]],
                    "split": fold.split,
                    "class_name": name,
                    "target": targets[:, k],
                    "probability_raw": probability[:, k],
                    "probability": probability[:, k],
                    "pattern": "any",
                }
            )[asked]
            for k, name in enumerate(cohort.class_names)
        ],
        ignore_index=True,
    )


def scores(predictions: pd.DataFrame) -> dict[str, Estimate]:
    """Arm -> AUROC on test cases, mean over findings."""
    samples = build(predictions, n_bootstrap=0)
    key = ("auroc", RAW)
    parts: dict[str, dict[str, Estimate]] = {}
    for (arm, name), scored in samples.parts.items():
        parts.setdefault(arm, {})[name] = estimate(scored.sample, [key], samples.draws)[key]
    return {arm: macro(of) for arm, of in parts.items()}


def cell(one: Estimate, rival: Estimate | None = None) -> str:
    low, high = one.interval()
    said = f"{one.value:.3f} ({low:.3f} to {high:.3f})"
    if rival is None:
        return said
    gap = difference(one, rival)
    return f"{said}, {gap.difference:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"


def table(predictions: pd.DataFrame, levels: Sequence[float], fusions: Sequence[str]) -> str:
    """Markdown: a row for each fusion and what it is to be held against, a column a level."""
    columns = []
    for level in levels:
        own = predictions[predictions["missing"] == level]
        single = best_single_arm(own[own["arm"].isin(INPUTS)])
        assert single is not None
        found = scores(own)
        columns.append(
            [
                f"{single} {cell(found[single])}",
                *(cell(found[f"fused: {name}"], found[single]) for name in fusions),
                cell(found[ORACLE]),
            ]
        )
    lines = [
        "| AUROC (95 %), less the best single input | "
        + " | ".join(f"{level:.0%} missing" for level in levels)
        + " |",
        "|---" * (1 + len(levels)) + "|",
    ]
    for label, *cells in zip(("best single input", *fusions, ORACLE), *columns, strict=True):
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--missing", type=float, nargs="+", default=[0.0, 0.3, 0.6])
    parser.add_argument("--fusions", nargs="+", default=registry.available("fusions"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    predictions = pd.concat(
        [
            of_seed(seed, asked.patients, asked.epochs, asked.missing, asked.fusions)
            for seed in asked.seeds
        ],
        ignore_index=True,
    )
    n_patients = predictions.loc[predictions["split"] == "test", "patient_id"].nunique()
    print(table(predictions, asked.missing, asked.fusions))
    print(f"\n{n_patients} test patients, {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
