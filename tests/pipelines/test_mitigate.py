"""`clinmm mitigate` on a small study: whole, stopped and gone on, refused."""

import json
import shutil

import pandas as pd
import pytest
from small_runs import same_tables, write_config
from typer.testing import CliRunner

from clinmm.cohort.manifest import load_cohort
from clinmm.config import MitigateConfig, load_config
from clinmm.errors import InputError
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.asked import settle
from clinmm.fairness.mitigating.trained import FOLDER
from clinmm.runs import Run
from clinmm.study_check import check_study
from pipelines import mitigate
from pipelines.cli import app

METHODS = ["group_dro", "group_thresholds"]
OPTIONS = {"attribute": "sex", "methods": METHODS, "seeds": 1}


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def mitigated(finished, tmp_path_factory):
    """A copy of the finished study with its mitigations compared, stopped once on the way; and
    when each training was first kept."""
    run = Run(shutil.copytree(finished.folder, tmp_path_factory.mktemp("mitigate") / "run"))

    def tell(what, done, total, note=""):
        if what == "mitigate" and done > 2.2:
            raise Stopped

    with pytest.raises(Stopped):
        mitigate.main(run.folder, tell, OPTIONS)
    kept = {file: file.stat().st_mtime_ns for file in (run.folder / FOLDER).rglob("*.parquet")}
    assert len(kept) == 2
    assert not run.has("mitigation")
    assert not run.finished("mitigate")
    still = []

    def look(what, done, total, note=""):
        if what == "score":
            still.append(all(file.stat().st_mtime_ns == at for file, at in kept.items()))

    mitigate.main(run.folder, look, OPTIONS)
    assert still
    assert all(still)
    return run


def test_the_table_holds_every_method_against_plain_training(mitigated):
    table = mitigated.read("mitigation")
    assert list(dict.fromkeys(table["method"])) == [PLAIN, *METHODS]
    assert set(table["split"]) == {"validate", "test"}
    assert set(table["group_by"]) == {"sex"}
    assert {"auroc", "fnr", "fpr", "brier", "ece", "set_recall"} <= set(table["metric"])
    assert set(table["n_seeds"]) == {1}
    test = table[table["split"] == "test"]
    assert test[test["method"] == PLAIN]["difference"].isna().all()
    of_mean = test[(test["class_name"] == "macro") & (test["metric"] == "auroc")]
    of = of_mean[of_mean["group"] == "all"].set_index("method")
    assert of.loc["group_thresholds", "difference"] == 0
    assert of.loc["group_dro", "difference"] == pytest.approx(
        of.loc["group_dro", "value"] - of.loc[PLAIN, "value"]
    )
    assert of["n_patients"].nunique() == 1
    assert table.groupby("recommended")["method"].unique()["yes"].size == 1


def test_nothing_is_left_lying_and_the_rest_of_the_run_is_untouched(mitigated, finished):
    assert not (mitigated.folder / "checkpoints").exists()
    assert mitigated.finished("mitigate")
    same_tables(mitigated, finished, "predictions", "metrics", "thresholds")


def test_a_stopped_comparison_ends_as_one_that_was_not(mitigated, finished, tmp_path):
    run = Run(shutil.copytree(finished.folder, tmp_path / "run"))
    result = CliRunner().invoke(
        app,
        [
            *("mitigate", str(run.folder), "--attribute", "sex", "--seeds", "1"),
            *("--methods", ",".join(METHODS), "--json"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)) == len(run.read("mitigation"))
    same_tables(run, mitigated, "mitigation")


def test_every_problem_is_told_at_once(finished, tmp_path):
    run = Run(shutil.copytree(finished.folder, tmp_path / "run"))
    facts = run.facts
    run.add_facts(
        stages={k: v for k, v in facts["stages"].items() if k != "calibrate"},
        target={**facts["target"], "kind": "continuous"},
    )
    options = {"attribute": "shoe", "methods": ["group_dor", "group_dro"], "metric": "prevalence"}
    with pytest.raises(InputError) as error:
        mitigate.main(run.folder, options=options)
    said = "\n".join(error.value.problems)
    for part in ("continuous", "clinmm calibrate", "'group_dor'", "'shoe'", "prevalence"):
        assert part in said
    assert "Did you mean 'group_dro'" in said
    assert not (run.folder / "checkpoints").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": [{"name": "group_thresholds", "grid": 1}]}, "grid"),
        ({"methods": ["group_dro", "group_dro"]}, "twice"),
        ({"attribute": "sex*shoe"}, "no sensitive column 'shoe'"),
        ({"metric": "aurok"}, "Did you mean 'auroc'"),
    ],
)
def test_a_config_is_refused_before_anything_is_trained(phantom, tmp_path, settings, said):
    config = load_config(write_config(tmp_path, phantom, mitigate=settings))
    with pytest.raises(InputError, match=said):
        check_study(config, load_cohort(phantom))


def test_options_change_the_config_and_a_method_keeps_its_settings(finished):
    config = MitigateConfig.model_validate(
        {"methods": [{"name": "group_thresholds", "grid": 50}], "seeds": 5, "attribute": "sex"}
    )
    options = {"methods": ["group_thresholds", "group_dro"], "margin": 0.0, "seeds": None}
    asked = settle(finished, config, options)
    assert [one.name for one in asked.methods] == ["group_dro", "group_thresholds"]
    assert asked.methods[1].settings == {"grid": 50}
    assert (asked.seeds, asked.margin) == (5, 0.0)
    with pytest.raises(InputError, match=r"mitigate\.rule"):
        settle(finished, config, {"rule": "best"})


def test_the_attribute_left_out_is_the_one_with_the_largest_gap(finished):
    asked = settle(finished, MitigateConfig(), {})
    assert asked.attribute in set(finished_attributes(finished))
    codes = asked.codes(asked.groups.index)
    recorded = asked.groups[asked.attribute] != "not recorded"
    assert ((codes >= 0) == recorded.to_numpy()).all()
    assert pd.Series(codes).groupby(asked.groups[asked.attribute].to_numpy()).nunique().max() == 1


def finished_attributes(run):
    from clinmm.study import audited_groups

    return audited_groups(run).columns
