"""A made cohort of two views, two notes, a record named by patterns, an ECG and a cough, some of
them missing, each with a little of the truth in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from scipy.io import wavfile

N_CASES = 48

COHORT: dict[str, Any] = {
    "name": "many",
    "table": "cases.csv",
    "case_id": "case",
    "patient_id": "patient",
    "target": {
        "name": "died",
        "kind": "binary",
        "column": "died",
        "positive": ["1"],
        "negative": ["0"],
    },
    "inputs": {
        "frontal": {"kind": "image", "column": "frontal_file"},
        "lateral": {"kind": "image", "column": "lateral_file"},
        "referral": {"kind": "note", "column": "referral_text"},
        "nursing": {"kind": "note", "column": "nursing_text"},
        "labs": {"kind": "record", "numeric": {"age": "years", "gene_*": "counts"}},
        "ecg": {
            "kind": "signal",
            "column": "ecg_file",
            "rate": 50,
            "channels": 2,
            "seconds": 4,
            "file_rate": 100,
        },
        "cough": {"kind": "signal", "column": "cough_file", "rate": 800, "seconds": 1},
    },
    "sensitive": {"sex": "sex"},
}

STUDY: dict[str, Any] = {
    "seed": 0,
    "split": {"folds": 2, "inner_folds": 1},
    "encoders": {
        "frontal": {"name": "pixel_pca", "size": 8, "out_dim": 4},
        "lateral": {"name": "pixel_pca", "size": 8, "out_dim": 4},
        "referral": {"name": "bag_of_words", "min_notes": 2, "out_dim": 4},
        "nursing": {"name": "bag_of_words", "min_notes": 2, "out_dim": 4},
        "labs": {"name": "wide", "out_dim": 8},
        "ecg": {"name": "conv1d", "width": 4, "stages": 2, "out_dim": 4},
        "cough": {
            "name": "log_mel",
            "bands": 8,
            "window_s": 0.1,
            "hop_s": 0.05,
            "width": 2,
            "out_dim": 4,
        },
    },
    "fusion": {"name": "gated"},
    "train": {"epochs": 1, "device": "cpu", "arms": "single", "baselines": False},
    "evaluate": {"n_bootstrap": 100},
    "explain": {
        "cases": 4,
        "steps": 8,
        "methods": ["integrated_gradients"],
        "audit": {"cases": 0},
    },
}


def write_cohort(folder: Path, n: int = N_CASES, seed: int = 0) -> Path:
    """Writes the table, its files and `cohort.yaml`; gives the path of the latter."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    rows = [_case(folder, i, int(i % 2), rng) for i in range(n)]
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    (folder / "cohort.yaml").write_text(yaml.safe_dump(COHORT, sort_keys=False), encoding="utf-8")
    return folder / "cohort.yaml"


def _case(folder: Path, i: int, y: int, rng: np.random.Generator) -> dict[str, Any]:
    have = dict(zip(COHORT["inputs"], rng.random(len(COHORT["inputs"])) > 0.25, strict=True))
    for view in ("frontal", "lateral"):
        pixels = rng.integers(0, 120, (32, 32), dtype=np.uint8)
        pixels[:10] += np.uint8(60 * y)
        Image.fromarray(pixels).save(folder / f"{view}{i}.png")
    t = np.arange(400 - 50 * (i % 3)) / 100
    ecg = np.stack([np.sin(2 * np.pi * (1 + y) * t), np.cos(t)], axis=1)
    np.save(folder / f"ecg{i}.npy", ecg + rng.normal(0, 0.3, ecg.shape))
    cough = np.sin(2 * np.pi * (60 + 100 * y) * np.arange(700) / 800) + rng.normal(0, 0.3, 700)
    wavfile.write(folder / f"cough{i}.wav", 800, (cough * 8000).astype(np.int16))
    said = "fever and chills" if y else "feeling quite well"
    return {
        "case": f"c{i}",
        "patient": f"p{i}",
        "died": y,
        "sex": "FM"[i // 2 % 2],
        "frontal_file": f"frontal{i}.png" if have["frontal"] else "",
        "lateral_file": f"lateral{i}.png" if have["lateral"] else "",
        "referral_text": f"Referred with {said}, day {i % 7}." if have["referral"] else "",
        "nursing_text": f"At night {said}, bed {i % 5}." if have["nursing"] else "",
        "age": 40 + i % 30 if have["labs"] else "",
        **{
            f"gene_{g}": round(float(rng.normal(y * (g < 5), 1)), 3) if have["labs"] else ""
            for g in range(30)
        },
        "ecg_file": f"ecg{i}.npy" if have["ecg"] else "",
        "cough_file": f"cough{i}.wav" if have["cough"] else "",
    }
