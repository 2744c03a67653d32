"""The command line: exit codes, messages, and JSON that a program can read."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from small_runs import write_config

from clinmm import registry
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.runs import Run
from pipelines import cli


class Said(NamedTuple):
    code: int
    out: str
    err: str


Clinmm = Callable[..., Said]


@pytest.fixture
def clinmm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clinmm:
    """clinmm("check", path) -> exit code and what was printed, without a process of its own."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["clinmm", *map(str, arguments)])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return Said(int(code or 0), shown.out, shown.err)

    return call


@pytest.fixture(scope="session")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort.yaml of a phantom whose notes state the label."""
    folder = tmp_path_factory.mktemp("leaky") / "cohort"
    return make_phantom(folder, seed=3, n_patients=100, plant=["stated_label"])


@pytest.fixture
def small_copy(finished: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "run"))


def test_a_planted_stated_label_is_found_and_ends_with_1(
    clinmm: Clinmm, leaky: Path, tmp_path: Path
) -> None:
    said = clinmm("check", leaky, "--json")
    assert said.code == 1
    findings = [f for f in json.loads(said.out) if f["check"] == "stated_label"]
    errors = [f for f in findings if f["severity"] == "error"]
    assert errors
    assert all(f["subject"] == "note" for f in errors)
    assert any("effusion" in f["detail"] for f in errors)
    truth = json.loads((leaky.parent / "truth.json").read_text(encoding="utf-8"))
    planted = set(truth["planted"][0]["case_ids"])
    reported = {case for f in errors for case in f["case_ids"]}
    assert len(planted & reported) > len(planted) / 2

    config = write_config(tmp_path, leaky)
    for command in (("check", config), ("run", config, "--out", tmp_path / "run")):
        said = clinmm(*command)
        assert said.code == 1
    assert "FindingsStand" in said.err
    run = Run.open(tmp_path / "run")
    assert run.facts["stages"] == {}
    assert run.has("intake"), "the findings can be read where they stopped the study"


def test_what_is_accepted_with_a_reason_does_not_stop_a_study(
    clinmm: Clinmm, leaky: Path, tmp_path: Path
) -> None:
    entry = {"check": "stated_label", "subject": "note", "reason": "planted by the test"}
    config = write_config(tmp_path, leaky, intake={"accept": [entry]})
    said = clinmm("check", config, "--json")
    assert said.code == 0
    accepted = [f["accepted"] for f in json.loads(said.out) if f["severity"] == "error"]
    assert accepted
    assert set(accepted) == {"planted by the test"}


def test_nothing_is_found_where_nothing_was_planted(clinmm: Clinmm, phantom: Path) -> None:
    said = clinmm("check", phantom, "--json")
    assert said.code == 0
    findings = json.loads(said.out)
    assert not [f for f in findings if f["severity"] == "error"]
    # A word that is honest evidence may be told of, but no note states its label.
    told = [f for f in findings if f["check"] == "stated_label" and f["severity"] != "info"]
    assert not [f for f in told if any(f"'{name}" in f["detail"][:30] for name in FINDINGS)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "{tmp}/none.yaml"], "none.yaml is no config file"),
        (["check", "{tmp}/broken.yaml"], "not valid YAML"),
        (["check", "{tmp}/list.yaml"], "`key: value`"),
        (["run", "{tmp}/typo.yaml"], "unknown key 'fuson'. Did you mean 'fusion'?"),
        (["run", "{tmp}/study.yaml", "train.epochs"], "Write key.path=value"),
        (["run", "{tmp}/study.yaml", "encoders.image.size=8"], "encoders.image"),
        (["run", "{tmp}/study.yaml", "cohort=/nowhere/c.yaml"], "/nowhere/c.yaml"),
        (["check", "{tmp}/encoder.yaml"], "encoders.note: no encoder named 'bag_of_word'. Did you"),
        (["train", "{tmp}"], "is not a run folder"),
        (["evaluate", "{tmp}/none"], "is not a run folder"),
        (["evaluate"], "give a RUN, or --predictions"),
        (["evaluate", "--predictions", "{tmp}/p.csv"], "--out DIR"),
        (["evaluate", "{tmp}", "--group-by", "sex"], "go with --predictions"),
        (["predict", "{tmp}", "{tmp}/c.yaml", "--out", "{tmp}/o"], "is not a run folder"),
        (["list", "encoder"], "Did you mean 'encoders'?"),
        (["traim"], "No such command"),
        (["run"], "Missing argument"),
        (["check", "{tmp}/study.yaml", "--jsn"], "No such option"),
    ],
)
def test_unusable_input_and_usage_end_with_2_and_say_why(
    clinmm: Clinmm, phantom: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    write_config(tmp_path, phantom)
    (tmp_path / "broken.yaml").write_text("cohort: [a\nb: }", encoding="utf-8")
    encoder = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    encoder = encoder.replace("bag_of_words", "bag_of_word")
    (tmp_path / "encoder.yaml").write_text(encoder, encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    (tmp_path / "typo.yaml").write_text(f"cohort: {phantom}\nfuson: {{}}\n", encoding="utf-8")
    shown = clinmm(*[argument.replace("{tmp}", str(tmp_path)) for argument in arguments])
    assert shown.code == 2
    assert said in shown.err, shown.err
    assert shown.out == ""


@pytest.mark.parametrize("stage", ["train", "calibrate", "evaluate", "audit", "explain", "report"])
def test_every_stage_prints_json_that_can_be_read(
    clinmm: Clinmm, small_copy: Path, stage: str
) -> None:
    said = clinmm(stage, small_copy, "--json")
    assert said.code == 0
    content = json.loads(said.out)
    assert content
    assert said.err == ""
    assert stage in Run.open(small_copy).facts["stages"]


def test_a_stage_says_where_its_result_is(clinmm: Clinmm, small_copy: Path) -> None:
    shown = " ".join(clinmm("calibrate", small_copy).out.split())
    assert f"calibrate: done, see {small_copy}" in shown
    shown = clinmm("explain", small_copy, "--cases", _tested(small_copy)).out
    assert "explain: 1 cases" in shown


def _tested(folder: Path) -> str:
    predictions = Run.open(folder).read("predictions")
    return str(predictions.query("split == 'test' and arm == 'fused'")["case_id"].iloc[0])


def test_a_finished_study_shows_its_numbers_and_the_next_command(
    clinmm: Clinmm, finished: Run
) -> None:
    config = finished.folder.parent / "study.yaml"
    said = clinmm("run", config, "--out", finished.folder)
    assert said.code == 0
    for shown in (
        "effusion",
        "auroc",
        "95 % intervals, clustered by patient.",
        "not for use in patient care",
        f"clinmm review {finished.folder}",
        "report.html",
    ):
        assert shown in " ".join(said.out.split()), shown
    document = json.loads(clinmm("run", config, "--out", finished.folder, "--json").out)
    assert document["run"] == str(finished.folder)
    assert list(document["stages"])[-1] == "report"


def test_new_cases_are_predicted_and_a_study_validated_outside(
    clinmm: Clinmm, finished: Run, own_cohort: Path, tmp_path: Path
) -> None:
    said = clinmm("evaluate", finished.folder, "--cohort", own_cohort, "--out", tmp_path / "e")
    assert said.code == 0, said.err
    outside = Run.open(tmp_path / "e")
    assert outside.facts["kind"] == "prediction"
    assert list(outside.facts["stages"]) == ["predict", "evaluate"]
    assert set(outside.read("metrics")["split"]) == {"test"}

    table = pd.read_csv(own_cohort.parent / "cases.csv", dtype=str)
    table.drop(columns=list(FINDINGS)).head(5).to_csv(own_cohort.parent / "cases.csv", index=False)
    said = clinmm("predict", finished.folder, own_cohort, "--out", tmp_path / "p", "--json")
    assert said.code == 0, said.err
    rows = json.loads(said.out)
    assert len(rows) == 5 * len(FINDINGS)
    assert {row["target"] for row in rows} == {None}
    assert clinmm("evaluate", tmp_path / "p").code == 2


def test_families_are_listed(clinmm: Clinmm) -> None:
    told = clinmm("list", "--help").out
    for family in registry.FAMILIES:
        assert family in told
        members = json.loads(clinmm("list", family, "--json").out)
        assert members
        shown = clinmm("list", family).out
        assert all(name in shown for name in members)


def test_a_first_cohort_file_is_written_and_never_over_another(
    clinmm: Clinmm, phantom: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.yaml"
    assert clinmm("init", phantom.parent / "cases.csv", "--out", out).code == 0
    before = out.read_text(encoding="utf-8")
    assert yaml.safe_load(before)["case_id"] == "case_id"
    said = clinmm("init", phantom.parent / "cases.csv", "--out", out)
    assert said.code == 2
    assert "is there already" in said.err
    assert out.read_text(encoding="utf-8") == before


def test_a_message_with_brackets_is_shown_as_it_is(clinmm: Clinmm, tmp_path: Path) -> None:
    place = tmp_path / "[bold]odd[/bold]"
    assert str(place) in clinmm("train", place).err


def seconds_of_programs() -> float:
    """What programs that were started and have ended took of a processor, however busy it was."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['clinmm', '--help']\n"
        "from pipelines import cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'monai', 'transformers', 'sklearn', 'scipy', 'captum', 'matplotlib',"
        " 'streamlit', 'pandas', 'lightning_fabric'}\n"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))"
    )
    began = seconds_of_programs()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert seconds_of_programs() - began < 5, "about a second"
    assert done.stderr == ""
    for verb in ("demo", "init", "check", "run", "predict", "review", "list"):
        assert verb in done.stdout


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    code = "from pipelines.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "is not a run folder" in done.stderr


def test_stopping_by_hand_says_that_the_same_command_goes_on(
    clinmm: Clinmm, monkeypatch: pytest.MonkeyPatch, finished: Run
) -> None:
    from pipelines import report
    from pipelines.run import STAGE_MAINS

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    assert STAGE_MAINS["report"] is report.main
    monkeypatch.setitem(STAGE_MAINS, "report", interrupted)
    said = clinmm("report", finished.folder)
    assert said.code == 130
