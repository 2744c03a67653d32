"""The command line answers at once and explains itself."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import page, says
from typer.main import get_command
from typer.testing import CliRunner

from clinmm.errors import InputError
from clinmm.runs import Run
from pipelines.cli import app

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
VERBS = sorted(COMMANDS)
HEAVY = ("torch", "monai", "transformers", "streamlit", "captum", "lightning_fabric", "sklearn")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert says(page("README.md"), verb)


@pytest.mark.parametrize("what", ["import clinmm", "import clinmm, pipelines.cli", "--help"])
def test_nothing_heavy_is_imported_before_it_is_needed(what: str) -> None:
    begin = what
    if what == "--help":
        begin = (
            "import sys; sys.argv = ['clinmm', '--help']\n"
            "from pipelines.cli import main\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
        )
    script = f"{begin}\nimport sys\nprint('loaded:', *(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_an_unknown_verb_is_refused_with_code_2() -> None:
    assert CliRunner().invoke(app, ["diagnose"]).exit_code == 2


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_explains_itself(verb: str) -> None:
    silent = [p.name for p in COMMANDS[verb].params if hasattr(p, "help") and not p.help]
    assert not silent


def test_evaluate_and_audit_take_the_same_options() -> None:
    ours, theirs = ({p.name: p.help for p in COMMANDS[v].params} for v in ("evaluate", "audit"))
    ours.pop("cohort")
    theirs.pop("depth")
    assert ours == theirs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Risks that are too high, of 300 cases of 150 patients."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=300)
    table = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(300)],
            "patient_id": [f"p{i // 2}" for i in range(300)],
            "class_name": "died",
            "target": (rng.random(300) < 1 / (1 + np.exp(2 - z))).astype(int),
            "probability": 1 / (1 + np.exp(-z)),
            "sex": np.repeat(["F", "M"], 150),
        }
    )
    table.to_csv(tmp_path / "p.csv", index=False)
    return tmp_path / "p.csv"


def clinmm(*arguments: object) -> str:
    """What is printed; what is refused is raised."""
    shown = CliRunner().invoke(app, [str(a) for a in arguments])
    if shown.exception is not None:
        raise shown.exception
    return " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (["evaluate"], ["give a RUN, or --predictions FILE --out DIR"]),
        (["evaluate", "RUN", "--predictions", "p.csv"], ["give a RUN, or", "with --out DIR"]),
        (
            ["audit", "RUN", "--threshold", ".5", "--seed", "0", "--not-exclusive", "--out", "o"],
            ["--threshold, --exclusive, --seed: go with --predictions", "--out goes with"],
        ),
        (
            ["evaluate", "RUN", "--group-by", "sex"],
            ["groups go with --predictions, or with: clinmm"],
        ),
        (["evaluate", "RUN", "--cohort", "c.yaml"], ["name the folder to write with --out DIR"]),
        (
            ["evaluate", "--predictions", "p.csv", "--cohort", "c.yaml", "--out", "o"],
            ["--cohort goes with a RUN"],
        ),
    ],
)
def test_options_that_do_not_go_together_are_told_at_once(
    arguments: list[str], problems: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        clinmm(*arguments)
    assert len(caught.value.problems) == len(problems)
    for said, wanted in zip(caught.value.problems, problems, strict=True):
        assert wanted in said


def test_scored_predictions_are_summed_up(file: Path, tmp_path: Path) -> None:
    said = clinmm("audit", "--predictions", file, "--out", tmp_path / "run", "--group-by", "sex")
    for wanted in (
        "300 cases of 150 patients",
        "clustered by patient",
        "Flag: died: risks too high, observed expected",
        "Flag: died, sex F: risks too high",
        "patients had died and",
        "of each are wanted: these data cannot validate the predictions.",
        f"done, see {tmp_path / 'run'}",
    ):
        assert wanted in said, said
    again = clinmm("audit", tmp_path / "run", "--group-by", "sex")
    assert f"audit: done, see {tmp_path / 'run'}" in again
    assert "Flag: died, sex F: risks too high" in again


def test_names_of_arms_and_classes_are_whole_on_a_narrow_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    from pipelines import screen

    monkeypatch.setattr(screen, "console", Console(width=80))
    interval = ".812 (.750–.870)"
    row = {"arm": "baseline:record", "class": "consolidation", "n": "1234", "pos.": "123.5"}
    screen.show(pd.DataFrame([{**row, "auroc": interval, "brier": interval}]), "title")
    said = capsys.readouterr().out
    assert "baseline:record   consolidation   1234" in said
    assert said.count("(.750–.870)") == 2


def test_flags_and_gaps_are_told_in_a_line_each() -> None:
    from pipelines.show_run import flag_lines, gap_lines

    row = {"arm": "fused", "class_name": "flu", "group_by": "sex", "group": "F", "pattern": "any"}
    flags = pd.DataFrame([row]).assign(
        probability="calibrated", metric="observed_expected", flag="risks too high",
        value=0.7, low=0.6, high=0.8, n_patients=40,
    )  # fmt: skip
    line = "Flag: flu, sex F: risks too high, observed expected 0.70 (0.60 to 0.80), 40 lesions"
    others = [{"flag": None}, {"probability": "raw"}, {"arm": "image"}, {"class_name": "macro"}]
    told = pd.concat([flags, *(flags.assign(**other) for other in others)])
    assert flag_lines(told, "lesion") == [line]
    assert flag_lines(pd.concat([flags] * 10))[-1] == "... and 2 more flags in metrics.parquet"
    gaps = pd.DataFrame([row]).assign(
        rival="complement",
        metric="auroc",
        verdict=["worse"],
        difference=-0.1,
        low=-0.15,
        high=-0.05,
    )
    told = pd.concat([gaps, gaps.assign(verdict="not_shown"), gaps.assign(rival="image")])
    assert gap_lines(told) == [
        "Gap: flu, sex F: worse than everybody else, auroc -0.100 (-0.150 to -0.050)"
    ]
    of_another = gaps.assign(arm="baseline:note")
    assert gap_lines(pd.concat([gaps.assign(verdict="not_shown"), of_another])) == []
    assert len(gap_lines(of_another)) == 1  # a run without the fused arm
    error = gaps.assign(metric="mean_error")
    assert "sex F: values too low compared with everybody else's, mean" in gap_lines(error)[0]


def test_options_reach_the_rules(file: Path, tmp_path: Path) -> None:
    said = clinmm(
        *("evaluate", "--predictions", file, "--out", tmp_path / "run", "--json", "--seed", 3),
        *("--calibrate", 0.5, "--operating-point", "a=sensitivity:.8"),
        *("--operating-point", "b=cost_ratio:9", "--prevalence", "died=.02"),
        *("--coverage", 0.8, "--defer", "share:.1"),
    )
    rows = json.loads(said)
    assert {row["operating_point"] for row in rows if row["metric"] == "sensitivity"} == {"a", "b"}
    assert {row["metric"] for row in rows} >= {"ppv_at_prevalence", "npv_at_prevalence"}
    run = Run.open(tmp_path / "run")
    assert (
        run.facts["calibrated_on"] == "75 of 150 patients, set aside at random (share 0.5, seed 3)"
    )
    assert set(run.read("prediction_sets")["coverage"]) == {0.8}
    assert set(run.read("deferral")["asked"]) == {0.1}
    thresholds = run.read("thresholds").set_index("operating_point")["threshold"]
    assert thresholds["b"] == pytest.approx(0.1)


def test_a_refused_file_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Set some patients aside for it with --calibrate"):
        clinmm(
            *("evaluate", "--predictions", file, "--out", tmp_path / "run"),
            *("--operating-point", "a=sensitivity:.8"),
        )
    assert not (tmp_path / "run").exists()
