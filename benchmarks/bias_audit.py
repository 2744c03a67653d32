"""Time of the bias audit by group, against Fairlearn's point estimates of the same cells.

    OMP_NUM_THREADS=1 python benchmarks/bias_audit.py [--cases 100000] [--rounds 3]

Ours: `clinmm.fairness.audit.audit` and `who_is_there` on 14 classes and 20 groups, 8 of them
intersections (sex 2, age 4, sex x age 8, insurance 6); 21 metrics of each cell with intervals
clustered by patient, gaps against everybody else and the best group, Holm, reliability curves; 2.5
cases a patient. From the predictions table to the tables that are written. The permutation test and
the slice finder are not in it.

Fairlearn's MetricFrame gives numbers without intervals. It is timed on six rates of the confusion
matrix as they stand; an interval by the usual way would take that once for every draw of the
patients, which is extrapolated to 1,000. The two alternate in one process, on one core; seconds are
of processor time.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from fairlearn import metrics as fairlearn
from scipy.special import expit
from sklearn.metrics import precision_score

from clinmm.fairness.audit import audit
from clinmm.fairness.who import who_is_there

N_CLASSES = 14
CASES_PER_PATIENT = 2.5
GROUP_BY = ("sex", "age", "sex*age", "insurance")
N_BOOTSTRAP = 1000
RATES = {
    "sensitivity": fairlearn.true_positive_rate,
    "specificity": fairlearn.true_negative_rate,
    "fnr": fairlearn.false_negative_rate,
    "fpr": fairlearn.false_positive_rate,
    "selection_rate": fairlearn.selection_rate,
    "ppv": precision_score,
}


def invent(n: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Predictions, groups, thresholds."""
    rng = np.random.default_rng(0)
    n_patients = int(n / CASES_PER_PATIENT)
    patient = rng.integers(0, n_patients, n)
    case_ids = np.array([f"c{i:06d}" for i in range(n)], dtype=object)
    patient_ids = np.array([f"p{i:06d}" for i in patient], dtype=object)
    key = {"arm": "fused", "repeat": 0, "fold": 0}
    rows, limits = [], []
    for k, prevalence in enumerate(np.linspace(0.02, 0.4, N_CLASSES)):
        p = expit(np.log(prevalence / (1 - prevalence)) + 1.2 * rng.standard_normal(n))
        of_class = {"class_name": f"finding {k:02d}"}
        columns = {
            "case_id": case_ids,
            "patient_id": patient_ids,
            "split": "test",
            "target": (rng.random(n) < p).astype(float),
            "probability_raw": p,
            "probability": p,
            "pattern": "any",
        }
        rows.append(pd.DataFrame(key | of_class | columns))
        limits.append(key | of_class | {"operating_point": "given", "threshold": prevalence})
    groups = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n_patients)[patient],
            "age": rng.choice(["[0, 40)", "[40, 60)", "[60, 80)", "[80, 120)"], n_patients)[
                patient
            ],
            "insurance": rng.choice(list("abcdef"), n_patients)[patient],
        },
        index=pd.Index(case_ids, name="case_id"),
    )
    return pd.concat(rows, ignore_index=True), groups, pd.DataFrame(limits)


def ours(predictions: pd.DataFrame, groups: pd.DataFrame, thresholds: pd.DataFrame) -> int:
    """Rows of the tables that are written."""
    cases = predictions.drop_duplicates("case_id")[["case_id", "patient_id", "pattern"]]
    targets = predictions.pivot(index="case_id", columns="class_name", values="target")
    who = who_is_there(cases, targets, groups, {"test": cases["case_id"]}, group_by=GROUP_BY)
    made = audit(predictions, groups, thresholds, group_by=GROUP_BY, n_bootstrap=N_BOOTSTRAP)
    return len(who) + len(made.metrics) + len(made.comparisons) + len(made.curves)


def metric_frames(predictions: pd.DataFrame, groups: pd.DataFrame, thresholds: pd.DataFrame) -> int:
    """Fairlearn's rates of every class and group."""
    limits = thresholds.set_index("class_name")["threshold"]
    n_cells = 0
    for name, rows in predictions.groupby("class_name", sort=False):
        of = groups.loc[rows["case_id"]]
        call = (rows["probability"] >= limits[name]).astype(int).to_numpy()
        for attribute in GROUP_BY:
            frame = fairlearn.MetricFrame(
                metrics=RATES,
                y_true=rows["target"].to_numpy().astype(int),
                y_pred=call,
                sensitive_features=of[attribute.split("*")],
            )
            n_cells += len(frame.by_group)
    return n_cells


def seconds(of: Callable[..., object], *given: object) -> float:
    """Of processor time, which on one idle core is the time that passes."""
    began = time.process_time()
    of(*given)
    return time.process_time() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--cases", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    warnings.filterwarnings("ignore")
    given = invent(options.cases)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    audited, framed, peak = [], [], 0.0
    for _ in range(options.rounds):
        audited.append(seconds(ours, *given))
        peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        framed.append(seconds(metric_frames, *given))
    drawn = [one * (1 + N_BOOTSTRAP) for one in framed]
    print(
        f"{options.cases} cases, {N_CLASSES} classes, 20 groups, {options.rounds} alternating "
        "rounds: median (lowest to highest), seconds of one core"
    )
    for name, values in (
        ("clinmm: 21 metrics with intervals, gaps, who is there", audited),
        ("Fairlearn: 6 rates, no intervals", framed),
        (f"Fairlearn with {N_BOOTSTRAP} draws of the patients, extrapolated", drawn),
    ):
        print(f"{name}: {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})")
    print(f"peak memory {peak:.0f} MB, of which {before:.0f} MB are the data and the imports")


if __name__ == "__main__":
    main()
