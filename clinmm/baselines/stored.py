"""A fold's baseline on disk: what was chosen and why, its logits, and the weights of linear ones.

A run that is gone on with reads the logits; trees are not stored, because fitting them again gives
the same ones.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from clinmm.baselines.linear import Linear
from clinmm.baselines.of_fold import FoldBaseline

CHOSEN, LOGITS = "baseline.json", "logits.safetensors"


def save_baseline(folder: Path, baseline: FoldBaseline) -> None:
    """Writes into an existing empty folder (see Run.writing_folder).

    `member_M.safetensors` holds `weight_P` (F, K) and `bias_P` (K,) of each problem P, and the
    `shift` of its mean risk: logits = start + shift + features @ weight + bias.
    """
    chosen = {"name": baseline.name, "setting": baseline.setting, "losses": baseline.losses}
    text = json.dumps(chosen, ensure_ascii=False, indent=1)
    (folder / CHOSEN).write_text(text + "\n", encoding="utf-8")
    save_file({"logits": np.ascontiguousarray(baseline.logits)}, folder / LOGITS)
    for number, (answers, shift) in enumerate(baseline.models):
        arrays = {"shift": shift}
        for problem, answer in enumerate(answers):
            if isinstance(answer, Linear):
                arrays[f"weight_{problem}"] = np.ascontiguousarray(answer.weight)
                arrays[f"bias_{problem}"] = np.ascontiguousarray(answer.bias)
        if len(arrays) > 1:
            save_file(arrays, folder / f"member_{number}.safetensors")


def is_stored(folder: Path) -> bool:
    """Whether the baseline is there, all of it: the folder appears as a whole."""
    return (folder / CHOSEN).is_file()


def load_baseline(folder: Path) -> FoldBaseline:
    """What was chosen and its logits, without the models."""
    chosen = json.loads((folder / CHOSEN).read_text(encoding="utf-8"))
    return FoldBaseline(load_file(folder / LOGITS)["logits"], **chosen)
