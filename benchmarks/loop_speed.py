"""The training loop and `predict` against the same work written out by hand in bare PyTorch.

    OMP_NUM_THREADS=2 python benchmarks/loop_speed.py [--runs 11] [--device cpu] [--busy]

Two studies of invented cases: cached features (an image of 1280 numbers, a note of 768, a record
of 20) with small heads, and the demo's DenseNet on 128-pixel pictures with a note and a record.

(a) steps: `fit` against a loop without clinmm's loop, loss, scheduler or bookkeeping: the same
    model, the same cases in the same order, the same input dropout, loss of the heads and AdamW.
    Both are timed from their second epoch to their last one, judging on `validate` left out.
(b) waiting: share of that time that goes into taking the cases of the next batch.
(c) predict: cases a second of `predict.logits_of` against forward passes over ready batches.

The two sides alternate in one process; medians of the ratios, with the second lowest and highest.
--busy: for a machine that has other work, processor seconds of one thread instead of wall seconds.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clinmm import fit as loop
from clinmm.cases import Batch
from clinmm.config import Component, Optimiser, TrainConfig
from clinmm.encoders import bag_of_words, densenet, mlp
from clinmm.encoders.parts.projection import Projection
from clinmm.losses import start_of_training
from clinmm.model import MultimodalClassifier
from clinmm.predict import logits_of

BATCH, DROPOUT, SINGLE = 32, 0.15, 0.5
CLOCK = time.perf_counter
PASSES = 5
"""How often each side of (c) sees all cases in a run, in turns."""


class Cached(nn.Module):
    """What a frozen encoder trains: a projection of its cached features."""

    def __init__(self, in_dim: int, out_dim: int = 32) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.project = Projection(in_dim, out_dim)

    def forward(self, features: Tensor) -> Tensor:
        projected: Tensor = self.project(features)
        return projected


def record_encoder() -> nn.Module:
    numeric = {f"v{i}": [0.0, 1.0] for i in range(20)}
    return mlp.Encoder(mlp.Config(), {"numeric": numeric, "categorical": {}})


def study(name: str, n: int) -> tuple[MultimodalClassifier, Batch]:
    """A model and n cases; every input is absent from a tenth of them."""
    torch.manual_seed(0)
    terms = [f"w{i}" for i in range(1000)]
    record = {"values": torch.randn(n, 20), "measured": torch.ones(n, 20)}
    if name == "features":
        encoders = {"image": Cached(1280), "note": Cached(768), "record": record_encoder()}
        inputs = {
            "image": {"features": torch.randn(n, 1280)},
            "note": {"features": torch.randn(n, 768)},
            "record": record,
        }
    else:
        words = {"terms": terms, "rarity": [1.0] * len(terms)}
        encoders = {
            "image": densenet.Encoder(densenet.Config(), {}),
            "note": bag_of_words.Encoder(bag_of_words.Config(), words),
            "record": record_encoder(),
        }
        inputs = {
            "image": {"pixels": torch.rand(n, 1, 128, 128)},
            "note": {"weights": functional.normalize(torch.rand(n, len(terms)))},
            "record": record,
        }
    present = torch.rand(n, 3) >= 0.1
    target = (torch.rand(n, 1) < 0.3).float()
    cases = Batch(inputs, present, target, torch.ones(n, 1, dtype=torch.bool))
    start = start_of_training(target.double().numpy(), "binary")
    model = MultimodalClassifier(encoders, Component(name="gated"), start, task="binary")
    return model, cases


def bare(model: MultimodalClassifier, cases: Batch, epochs: int) -> float:
    """Seconds a step. The loop that one would write for this study alone."""
    inputs, present, target = cases.inputs, cases.present, cases.target
    n, start = len(target), model.start
    share = torch.sigmoid(start)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, fused=True)
    model.train()
    steps, began, total = 0, 0.0, 0.0
    for epoch in range(1, epochs + 1):
        if epoch == 2:
            _wait(start)
            began = CLOCK()
        order = torch.from_numpy(np.random.default_rng([0, epoch]).permutation(n)).to(start.device)
        for rows in order.split(BATCH):
            x = {name: {k: v[rows] for k, v in tensors.items()} for name, tensors in inputs.items()}
            has, y = present[rows], target[rows]
            left = has & (torch.rand(has.shape, device=has.device) >= DROPOUT)
            left = torch.where(left.any(1, keepdim=True), left, has)
            weight = torch.where(y > 0.5, 0.5 / share, 0.5 / (1 - share))
            out = model(x, left, has)
            bce = functional.binary_cross_entropy_with_logits
            loss = bce(out.fused - start, y, weight, reduction="sum") / weight.sum()
            for i, alone in enumerate(out.alone.values()):
                own = weight * has[:, i : i + 1]
                single = bce(alone - start, y, own, reduction="sum") / own.sum()
                loss = loss + SINGLE * single / len(inputs)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) if start.device.type == "cpu" else 0.0
            steps += epoch > 1
    _wait(start)
    return (CLOCK() - began) / steps


def ours(model: MultimodalClassifier, cases: Batch, epochs: int) -> tuple[float, float]:
    """(seconds a step of `fit`, share of them that it waits for its batches)."""
    config = TrainConfig(
        epochs=epochs,
        batch_size=BATCH,
        input_dropout=DROPOUT,
        single_input_loss=SINGLE,
        patience=epochs,
        optimiser=Optimiser(lr=1e-3, weight_decay=1e-2),
        device="cpu" if model.start.device.type == "cpu" else "cuda",
    )
    spent = {"pass": 0.0, "take": 0.0}
    one_pass, take, steps = loop._one_pass, Batch.take, 0

    def timed_pass(course: loop.Course, state: loop.Progress, after: Callable[[], None]) -> None:
        nonlocal steps
        warm = len(state.history) > 1
        began = CLOCK()
        one_pass(course, state, after)
        _wait(model.start)
        if warm:
            spent["pass"] += CLOCK() - began
            steps += -(-len(course.train) // BATCH)
        else:
            spent["take"] = 0.0

    def timed_take(batch: Batch, rows: Tensor) -> Batch:
        began = CLOCK()
        taken = take(batch, rows)
        spent["take"] += CLOCK() - began
        return taken

    few = cases.take(np.arange(4))
    fabric = loop.make_fabric(config)
    try:
        loop._one_pass = timed_pass
        Batch.take = timed_take  # type: ignore[method-assign]
        loop.fit(model, cases, few, config, seed=0, fabric=fabric)
    finally:
        loop._one_pass = one_pass
        Batch.take = take  # type: ignore[method-assign]
    return spent["pass"] / steps, spent["take"] / spent["pass"]


@torch.no_grad()
def bare_forwards(model: MultimodalClassifier, ready: list[Batch]) -> float:
    model.eval()
    began = CLOCK()
    for batch in ready:
        model(batch.inputs, batch.present)
    _wait(model.start)
    return CLOCK() - began


def our_forwards(model: MultimodalClassifier, cases: Batch) -> float:
    began = CLOCK()
    logits_of(model, cases)
    return CLOCK() - began


def _wait(tensor: Tensor) -> None:
    if tensor.device.type == "cuda":
        torch.cuda.synchronize()


def spread(ratios: list[float]) -> str:
    ranked = sorted(ratios)
    low, high = ranked[min(1, len(ranked) - 1)], ranked[max(0, len(ranked) - 2)]
    return f"{statistics.median(ratios):.3f}  ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--studies", nargs="*", default=["features", "densenet"])
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    if options.busy:
        global CLOCK
        CLOCK = time.process_time
        torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.device}")
    for name in options.studies:
        n, epochs = (1600, 6) if name == "features" else (160, 3)
        model, cases = study(name, n)
        cases = cases.to(torch.device(options.device))
        slower, waits, faster = [], [], []
        for run in range(options.runs + 1):
            fresh = [copy.deepcopy(model).to(options.device) for _ in range(2)]
            if run % 2:
                theirs = bare(fresh[0], cases, epochs)
                mine, waiting = ours(fresh[1], cases, epochs)
            else:
                mine, waiting = ours(fresh[1], cases, epochs)
                theirs = bare(fresh[0], cases, epochs)
            ready = [cases.take(np.arange(i, min(i + 256, n))) for i in range(0, n, 256)]
            forwards = predict = 0.0
            for _ in range(PASSES):
                forwards += bare_forwards(fresh[0], ready)
                predict += our_forwards(fresh[0], cases)
            if run:  # the first one warms up
                slower.append(mine / theirs)
                waits.append(waiting)
                faster.append(forwards / predict)
        rate = PASSES * n / forwards
        print(f"{name}: {n} cases, {1e3 * theirs:.2f} ms a bare step, {rate:.0f} cases/s forward")
        print(f"  (a) time a step, fit / bare loop   {spread(slower)}")
        print(f"  (b) share of it waiting for data   {spread(waits)}")
        print(f"  (c) cases/s, predict / forwards    {spread(faster)}")


if __name__ == "__main__":
    main()
