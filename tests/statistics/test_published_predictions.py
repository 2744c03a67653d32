"""Someone else's published predictions give someone else's published figures."""

import os
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from clinmm.metrics.fnr import fnr
from clinmm.metrics.fpr import fpr
from clinmm.runs import Run
from pipelines import cli

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
    command = ["audit", "--predictions", str(folder / "long.csv"), "--out", str(folder / "run")]
    command += ["--group-by", "sex,age_group", "--depth", "2"]
    command += ["--threshold", str(folder / "limits.csv"), "--json"]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    return Run.open(folder / "run").read("metrics")


@pytest.mark.parametrize(("metric", "column"), [("auroc", "auc"), ("auprc", "auprc")])
def test_auroc_and_auprc_of_fifteen_labels_are_the_published_ones(metrics, metric, column):
    published = pd.read_csv(FOLDER / "run11_published_auc_auprc.csv").set_index("label")[column]
    rows = metrics.query("metric == @metric and group_by == 'all' and probability == 'calibrated'")
    ours = rows[~rows["class_name"].isin(("macro", "micro"))].set_index("class_name")["value"]
    assert len(ours) == 15
    # the published probabilities have six digits
    assert (ours - published).abs().max() < 1e-6


def cells():
    """The published cells, in the words of our tables: (group, rates)."""
    published = pd.read_csv(FOLDER / "run11_published_FPR_FNR_no_finding.csv")
    for _, line in published.iterrows():
        parts = dict(part.split("=") for part in line["group"].split("&"))
        yield "*".join(parts[key] for key in ("sex", "age") if key in parts), line


def test_error_rates_of_no_finding_by_age_and_sex_are_the_published_ones(metrics):
    rows = metrics[(metrics["class_name"] == "No Finding") & (metrics["group_by"] != "all")]
    rows = rows.set_index(["metric", "group"])
    suppressed = set()
    for group, line in cells():
        for metric in ("FPR", "FNR"):
            of = rows.loc[(metric.lower(), group)]
            if of["status"] == "ok":
                assert of["value"] == pytest.approx(line[metric], abs=6e-4)
            else:
                suppressed.add(group)
    assert suppressed == {"F*80-"}, "nine patients"


def test_the_suppressed_cell_is_the_published_one_too():
    wide = pd.read_csv(FOLDER / "run11.csv.gz")
    limit = pd.read_csv(FOLDER / "run11_thresholds.csv").set_index("label").loc["No Finding"].item()
    few = wide[(wide["sex"] == "F") & (wide["age_group"] == "80-")]
    y, call = few["No Finding"], (few["prob_No Finding"] >= limit).astype(int)
    published = dict(cells())["F*80-"]
    assert fpr(y, call) == pytest.approx(published["FPR"], abs=6e-4)
    assert fnr(y, call) == pytest.approx(published["FNR"], abs=6e-4)


def test_underdiagnosis_is_the_false_positive_rate_of_no_finding(metrics):
    under = metrics[metrics["metric"] == "underdiagnosis"].set_index("group")["value"]
    for group, line in cells():
        if group != "F*80-":
            assert under[group] == pytest.approx(line["FPR"], abs=6e-4)
