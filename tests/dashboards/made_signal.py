"""Adds a signal of two channels, and its explanation, to a made run."""

import numpy as np
import pandas as pd
import yaml

from clinmm.readers.curve import thinned
from clinmm.runs import Run

GAP = (3.0, 4.0)
"""Seconds of the first channel in which nothing was measured."""


def add_signal(run: Run, withheld: str = "") -> None:
    """Every even case has an ECG of 8 seconds, whose first second spoke for every class.

    withheld: case id whose shading is withheld.
    """
    settings = yaml.safe_load((run.folder / "cohort.yaml").read_text(encoding="utf-8"))
    signal = {"kind": "signal", "column": "ecg_file", "rate": 100, "channels": 2, "seconds": 8}
    settings["inputs"]["ecg"] = signal
    settings["inputs"]["record"]["numeric"]["gene_*"] = "counts"
    (run.folder / "cohort.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    cases = run.read("cases")
    has = np.arange(len(cases)) % 2 == 0
    seconds = np.arange(800) / 100
    samples = np.stack([np.sin(2 * np.pi * seconds), np.cos(9 * seconds)]).astype(np.float32)
    samples[0, (seconds >= GAP[0]) & (seconds < GAP[1])] = np.nan
    shown = []
    for case_id, here in zip(cases["case_id"], has, strict=True):
        file = f"images/{case_id}_ecg.npz"
        shown.append(file if here else "")
        if here:
            curve = thinned(samples, 100)
            with (run.folder / file).open("wb") as out:
                np.savez(out, seconds=curve.seconds, values=curve.values, length_s=curve.length_s)
    paths = [f"ecg/{i}.npy" if here else None for i, here in enumerate(has)]
    new = {"ecg_file": paths, "ecg": paths, "ecg_sha256": None, "ecg_display": shown}
    genes = {f"gene_{i}": float(i) for i in range(60)}
    run.write("cases", cases.assign(**new, **genes))
    table = run.read("explanations")
    first = table.drop_duplicates(["case_id", "class_name"])
    of_signal = first[first["case_id"].isin(set(cases["case_id"][has]))].assign(input="ecg")
    own = of_signal["case_id"] == withheld
    of_signal.loc[own, ["status", "reason"]] = ["withheld", "no steps sufficed"]
    of_signal.loc[~own, ["status", "reason"]] = ["pass", None]
    for file in of_signal["file"]:
        with np.load(run.folder / file) as stored:
            arrays = dict(stored)
        start = np.tile(np.arange(8, dtype=np.float32), 2)
        arrays |= {
            "ecg/channel": np.repeat(np.arange(2, dtype=np.int32), 8),
            "ecg/start": start,
            "ecg/end": start + 1,
            "ecg/score": np.where(start == 0, 0.5, -0.1).astype(np.float32),
        }
        np.savez(run.folder / file, **arrays)
    run.write("explanations", pd.concat([table, of_signal], ignore_index=True))
