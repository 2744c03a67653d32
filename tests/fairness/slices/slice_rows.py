"""Predictions in which one slice may be served worse."""

import numpy as np
import pandas as pd

POINT = "high"


def predictions(
    about: pd.DataFrame, lost: np.ndarray, *, classes: tuple[str, ...] = ("ill",), seed: int = 0
) -> pd.DataFrame:
    """Two cases a patient; lost: (N,) share of what tells ill from well that a case lacks, in the
    first class."""
    rng = np.random.default_rng(seed)
    n = len(about)
    tables = []
    for number, name in enumerate(classes):
        target = (rng.random(n) < 0.4).astype(float)
        apart = 2.5 * (target - 0.5) * (1 - lost * (number == 0))
        risk = 1 / (1 + np.exp(-2 * (apart + rng.normal(size=n))))
        tables.append(
            pd.DataFrame(
                {
                    **{"arm": "fused", "repeat": 0, "fold": 0, "case_id": about.index},
                    **{"patient_id": [f"p{i // 2:04d}" for i in range(n)], "split": "test"},
                    **{"class_name": name, "target": target, "pattern": "any"},
                    **{"probability_raw": risk, "probability": risk},
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def thresholds(*classes: str) -> pd.DataFrame:
    rows = [("fused", 0, 0, name, POINT, 0.4) for name in classes or ("ill",)]
    columns = ["arm", "repeat", "fold", "class_name", "operating_point", "threshold"]
    return pd.DataFrame(rows, columns=columns)


def about_cases(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "view": rng.choice(["AP", "PA", "LL"], n),
            "age": rng.normal(60, 10, n).round(),
            "ward": rng.choice(list("abcd"), n),
        },
        index=pd.Index([f"c{i:05d}" for i in range(n)], name="case_id"),
    )
