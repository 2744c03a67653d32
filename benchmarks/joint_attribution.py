"""Integrated gradients over all inputs together: their cost, and that of one Captum run per input.

    OMP_NUM_THREADS=1 python benchmarks/joint_attribution.py [RUN] [--runs 15] [--cases 6]
                                                             [--steps 32] [--busy]

On cases of the demo's model over a phantom made here (its weights are not trained, which costs the
same), or of the fused arm of a finished RUN.

(a) pass: the method with all that it does, against the same number of forward and backward passes
    of the bare models over points made beforehand, at the number of points a pass that is best
    for them: it is searched by time among the powers of two.
(b) apart: one Captum run per input, the others held at the case, over the same at the number of
    points a pass that clinmm finds.
(c) found: the bare passes at the number that clinmm finds, against the best one.

The sides alternate in one process; medians of the ratios, with the second lowest and highest.
--busy: for a machine that has other work, processor seconds of one thread instead of wall seconds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.splits import make_splits
from clinmm.config import load_config
from clinmm.explain.batch_size import MOST, bytes_of_a_point, points_at_once
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import integrated_gradients
from clinmm.folds import Preparer, folds_of, raw_values
from clinmm.model import MultimodalClassifier, make_encoder
from clinmm.stored_models import load_models
from clinmm.study import open_explainable

CLOCK = time.perf_counter
TARGET = Target(0)


def demo_cases(n_cases: int) -> list[Joint]:
    """Cases with every input, of a phantom of 60 patients, before a model as the demo's."""
    with tempfile.TemporaryDirectory() as folder:
        made = make_phantom(Path(folder) / "phantom", seed=0, n_patients=60)
        config = load_config("demo", [f"cohort={made}"])
        cohort = load_cohort(made)
        splits = make_splits(cohort, config.split, 0)
        fold = next(iter(folds_of(splits, cohort.table["case_id"].tolist())))
        preparer = Preparer(cohort, config.encoders)
        batch, facts = preparer.of_fold(fold)
        torch.manual_seed(0)
        encoders = {n: make_encoder(config.encoders[n], facts[n], n) for n in batch.inputs}
        start = [0.0] * batch.target.shape[1]
        model = MultimodalClassifier(encoders, config.fusion, start)
        model.start_from(batch.take(fold.training_of(0)[0]))
        for head in (*model.heads.values(), model.correction):
            torch.nn.init.normal_(head.weight, std=0.1)
        model.eval()
        whole = np.flatnonzero(preparer.present.all(1))[:n_cases]
        return [Joint([model], {n: preparer.raw[n][i] for n in batch.inputs}) for i in whole]


def cases_of(folder: Path, n_cases: int) -> list[Joint]:
    """Test cases of a finished study's first fold, those with the most inputs."""
    study, made_by, _ = open_explainable(folder)
    table = study.run.read("predictions")
    table = table[(table.arm == "fused") & (table.repeat == 0) & (table.fold == 0)]
    tested = set(table[table.split == "test"].case_id)
    raw = {name: raw_values(study.cohort, name) for name in study.cohort.spec.inputs}
    rows = [i for i, case in enumerate(study.cohort.table.case_id) if case in tested]
    rows.sort(key=lambda i: sum(values[i] is None for values in raw.values()))
    models = load_models(made_by.folder / made_by.model_folder("fused", 0, 0))[1]
    return [Joint(models, {n: v[i] for n, v in raw.items()}) for i in rows[:n_cases]]


def path_of(joint: Joint, steps: int) -> list[Tensor]:
    """(steps, ...) points per input."""
    share = (torch.arange(steps) + 0.5) / steps
    return [
        reference + share.view(-1, *[1] * (value.dim() - 1)) * (value - reference)
        for value, reference in zip(joint.values, joint.references, strict=True)
    ]


def bare(joint: Joint, path: list[Tensor], at_once: int) -> float:
    """Seconds of the passes alone, as one would write them for these models."""
    began = CLOCK()
    for first in range(0, len(path[0]), at_once):
        points = [part[first : first + at_once].requires_grad_() for part in path]
        n = len(points[0])
        prepared = {
            name: {k: v.expand(n, *v.shape[1:]) for k, v in tensors.items()}
            for name, tensors in joint.absent.items()
        }
        for name, point in zip(joint.names, points, strict=True):
            prepared[name] = joint.encoder(name).trunk(point, joint.cases[name].fixed)
        present = joint.present.expand(n, -1)
        answers = [model(prepared, present).fused[:, TARGET.index] for model in joint.models]
        torch.autograd.grad(torch.stack(answers).mean(0).sum(), points)
    return CLOCK() - began


def together(joint: Joint, steps: int) -> float:
    began = CLOCK()
    integrated_gradients.attribute(joint, TARGET, steps)
    return CLOCK() - began


def apart(joint: Joint, steps: int) -> float:
    """One run per input, as with a library that explains one."""
    began = CLOCK()
    at_once = points_at_once(joint)
    for i in range(len(joint.names)):

        def alone(points: Tensor, i: int = i) -> Tensor:
            every = [v.expand(len(points), *v.shape[1:]) for v in joint.values]
            every[i] = points
            return joint.function(TARGET)(*every)

        IntegratedGradients(alone).attribute(
            joint.values[i],
            baselines=joint.references[i],
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=at_once,
        )
    return CLOCK() - began


def best_of(joints: list[Joint], steps: int) -> tuple[int, dict[int, float]]:
    """The fastest number of points a pass for the bare models, and seconds a case of each."""
    sizes = [2**i for i in range(MOST.bit_length()) if 2**i <= steps]
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(5):
        for size in sizes:
            seconds[size].append(sum(bare(j, path_of(j, steps), size) for j in joints[:2]) / 2)
    medians = {size: statistics.median(each[1:]) for size, each in seconds.items()}
    return min(medians, key=lambda size: medians[size]), medians


def spread(ratios: list[float]) -> str:
    ranked = sorted(ratios)
    low, high = ranked[min(1, len(ranked) - 1)], ranked[max(0, len(ranked) - 2)]
    return f"{statistics.median(ratios):.3f}  ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    if options.busy:
        global CLOCK
        CLOCK = time.process_time
        torch.set_num_threads(1)
    joints = cases_of(options.run, options.cases) if options.run else demo_cases(options.cases)
    steps = options.steps
    best, scan = best_of(joints, steps)
    found = points_at_once(joints[0])
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {len(joints)} cases")
    print(f"  {joints[0].names}, {bytes_of_a_point(joints[0]) / 2**20:.1f} MiB a point")
    print(f"  best {best} points a pass, found {found}: ", end="")
    print(", ".join(f"{size}: {1e3 * seconds:.1f} ms" for size, seconds in scan.items()))
    sides: dict[str, Callable[[Joint, list[Tensor]], float]] = {
        "best": lambda joint, path: bare(joint, path, best),
        "found": lambda joint, path: bare(joint, path, points_at_once(joint)),
        "together": lambda joint, path: together(joint, steps),
        "apart": lambda joint, path: apart(joint, steps),
    }
    ratios: dict[str, list[float]] = {"together": [], "apart": [], "found": []}
    for run in range(options.runs + 1):
        spent = dict.fromkeys(sides, 0.0)
        for joint in joints:
            path = path_of(joint, steps)
            for side in list(sides) if run % 2 else reversed(sides):
                spent[side] += sides[side](joint, path)
        if run:  # the first one warms up
            ratios["together"].append(spent["together"] / spent["best"])
            ratios["apart"].append(spent["apart"] / spent["together"])
            ratios["found"].append(spent["found"] / spent["best"])
    print(f"  (a) all inputs together / bare passes at their best   {spread(ratios['together'])}")
    print(f"  (b) one run per input / all inputs together           {spread(ratios['apart'])}")
    print(f"  (c) bare passes at the number found / at their best   {spread(ratios['found'])}")


if __name__ == "__main__":
    main()
