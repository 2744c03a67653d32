"""Someone else's published predictions give someone else's published figures."""

import os
from pathlib import Path

import pandas as pd
import pytest

from pipelines import outside

FOLDER = Path(os.environ.get("CLINMM_DATA", "absent")) / "nih_predictions"

pytestmark = pytest.mark.skipif(
    "CLINMM_DATA" not in os.environ, reason="CLINMM_DATA does not name the folder of real data"
)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nih")
    wide = pd.read_csv(FOLDER / "run11.csv.gz")
    labels = [name.removeprefix("prob_") for name in wide if name.startswith("prob_")]
    ids = wide[["patient_id", "sex", "age_group"]].assign(case_id=wide["path"])
    rows = [
        ids.assign(class_name=label, target=wide[label], probability=wide[f"prob_{label}"])
        for label in labels
    ]
    pd.concat(rows).to_csv(folder / "long.csv", index=False)
    limits = pd.read_csv(FOLDER / "run11_thresholds.csv")
    limits.columns = ["class_name", "threshold"]
    limits.to_csv(folder / "limits.csv", index=False)
    return outside.main(
        folder / "long.csv",
        folder / "run",
        group_by=["sex", "age_group", "sex*age_group"],
        threshold=str(folder / "limits.csv"),
        n_bootstrap=20,  # the values do not need more, and the intervals are tested elsewhere
    )


@pytest.mark.parametrize(("metric", "column"), [("auroc", "auc"), ("auprc", "auprc")])
def test_auroc_and_auprc_of_fifteen_labels_are_the_published_ones(metrics, metric, column):
    published = pd.read_csv(FOLDER / "run11_published_auc_auprc.csv").set_index("label")[column]
    rows = metrics.query("metric == @metric and group_by == 'all' and probability == 'calibrated'")
    ours = rows[~rows["class_name"].isin(("macro", "micro"))].set_index("class_name")["value"]
    assert len(ours) == 15
    # the published probabilities have six digits
    assert (ours - published).abs().max() < 1e-6


def test_error_rates_of_no_finding_by_age_and_sex_are_the_published_ones(metrics):
    published = pd.read_csv(FOLDER / "run11_published_FPR_FNR_no_finding.csv")
    rows = metrics[(metrics["class_name"] == "No Finding") & (metrics["status"] == "ok")]
    rows = rows[rows["group_by"] != "all"].set_index(["metric", "group"])["value"]
    checked = 0
    for _, line in published.iterrows():
        parts = dict(part.split("=") for part in line["group"].split("&"))
        group = "*".join(parts[key] for key in ("sex", "age") if key in parts)
        for metric in ("FPR", "FNR"):
            if (metric.lower(), group) in rows.index:
                assert rows[metric.lower(), group] == pytest.approx(line[metric], abs=6e-4)
                checked += 1
    assert checked == 32  # all but the women of 80 and more: nine patients
