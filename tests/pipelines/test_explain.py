"""Explaining and auditing a whole study; killed and gone on with; chosen cases; new cases."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_runs import same_tables

from clinmm.errors import InputError
from clinmm.explain.display import Asked
from clinmm.explain.kept import FOLDER, Kept
from clinmm.runs import Run
from clinmm.summary import explained
from pipelines import explain

TABLES = ("explanations", "explanation_audit", "explanation_readings", "what_if", "effects")
METHODS = ["integrated_gradients", "grad_cam", "input_shapley"]

KILLED = """
import os, signal, sys
from pathlib import Path
from clinmm.explain.kept import Kept
from pipelines import explain

pieces, piece, write = [], Kept.piece, Path.write_text

def and_die(self, *key, make):
    found = piece(self, *key, make=make)
    pieces.append(key)
    if len(pieces) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return found

Kept.piece = and_die
explain.main(Path(sys.argv[1]))
"""


def with_settings(run: Run, folder: Path, **explaining: Any) -> Run:
    """A copy of a finished study that explains otherwise."""
    copy = Run(Path(shutil.copytree(run.folder, folder)))
    settings = yaml.safe_load((copy.folder / "config.yaml").read_text())
    settings["explain"] = {**settings["explain"], **explaining}
    (copy.folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return copy


@pytest.fixture(scope="module")
def unexplained(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A study that explains and audits a few cases, before it does."""
    return with_settings(
        finished,
        tmp_path_factory.mktemp("unexplained") / "run",
        cases=2,
        methods=METHODS,
        audit={"cases": 2, "gate": False},
    )


@pytest.fixture(scope="module")
def audited(unexplained: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same once it has. Nobody may change it."""
    folder = tmp_path_factory.mktemp("audited") / "run"
    run = Run(Path(shutil.copytree(unexplained.folder, folder)))
    explain.main(run.folder)
    return run


@pytest.fixture
def own(audited: Run, tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(audited.folder, tmp_path / "own")))


def test_every_method_input_and_class_of_the_sample_has_a_verdict(audited: Run) -> None:
    readings, audit = audited.read("explanation_readings"), audited.read("explanation_audit")
    assert readings.groupby(["case_id", "class_name"]).ngroups == 2
    assert np.isfinite(readings["value"]).all()
    of_all = audit[audit["group_by"] == "all"]
    overall = of_all[of_all["test"] == "overall"]
    found = readings[readings["input"] != "joint"]
    keys = ["method", "input", "class_name"]
    assert set(overall[keys].itertuples(index=False, name=None)) == set(
        found[keys].itertuples(index=False, name=None)
    )
    assert set(overall["verdict"]) <= {"weak", "fail"}, "so few patients pass nothing"
    assert overall["reason"].notna().all()
    assert {"sex", "age"} <= set(audit["group_by"])
    assert audit.loc[audit["group_by"] != "all", "verdict"].isna().all()
    assert {"share", "completeness_error", "weight_randomisation", "label_randomisation"} <= set(
        readings["test"]
    )


def test_nothing_that_did_not_pass_is_shown_and_each_says_why(audited: Run) -> None:
    table = audited.read("explanations")
    assert set(table["method"]) == set(METHODS)
    assert set(table["status"]) == {"withheld"}
    assert table["reason"].str.contains("audit").all()
    assert table["stability"].between(-1, 1).mean() > 0.8
    low, high = table["share_low"], table["share_high"]
    parts = table["method"].isin(["integrated_gradients", "input_shapley"])
    assert (low[parts] <= table["share"][parts]).all()
    assert (table["share"][parts] <= high[parts]).all()
    assert low[~parts].isna().all()
    for file in table["file"].unique():
        assert audited.path(file).is_file()
    assert set(audited.read("what_if")["case_id"]) == set(table["case_id"])
    assert len(audited.read("effects"))
    assert (explained(audited) or "").startswith("0 of ")
    assert not (audited.folder / "checkpoints").exists(), "nothing is left lying about"


def killed(folder: Path, after: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(after)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def counting_pieces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The pieces that are made and not found, from now on."""
    made: list[tuple[str, ...]] = []
    piece = Kept.piece

    def counted(self: Kept, *key: str, make: Callable[[], Any]) -> Any:
        def making() -> Any:
            made.append(key)
            return make()

        return piece(self, *key, make=making)

    monkeypatch.setattr(Kept, "piece", counted)
    return made


def test_a_killed_explain_goes_on_to_the_same_tables_bit_for_bit(
    unexplained: Run, audited: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Run(Path(shutil.copytree(unexplained.folder, tmp_path / "killed")))
    killed(copy.folder, 4)  # two cases of the sample, the effects, the first explained case
    assert not copy.finished("explain")
    (half,) = (copy.folder / FOLDER).iterdir()
    assert len(list(half.glob("[!.]*.json"))) == 4
    (half / ".half.json").write_text('{"readings": [')
    made = counting_pieces(monkeypatch)
    explain.main(copy.folder)
    assert [key[0] for key in made] == ["case"]
    same_tables(audited, copy, *TABLES)
    for file in audited.read("explanations")["file"].unique():
        with np.load(audited.path(file)) as ours, np.load(copy.path(file)) as theirs:
            assert set(ours.files) == set(theirs.files)
            for key in ours.files:
                np.testing.assert_array_equal(ours[key], theirs[key])
    assert not (copy.folder / "checkpoints").exists()


def test_what_was_kept_under_other_settings_is_not_used(
    unexplained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"cases": 4, "gate": False, "retrain": 0}
    copy = with_settings(unexplained, tmp_path / "copy", audit=quick)
    explain_no_more_than(1, copy, monkeypatch)
    other = with_settings(copy, tmp_path / "other", steps=9)
    made = explain_no_more_than(1, other, monkeypatch)
    assert len(made) == 1, "made again"
    assert len(list((other.folder / FOLDER).iterdir())) == 1, "the old pieces are gone"


class Enough(Exception):
    pass


def explain_no_more_than(
    n: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, ...]]:
    """Explains until n pieces are made."""
    with monkeypatch.context() as patch:
        made = counting_pieces(patch)
        counted = Kept.piece

        def stopping(self: Kept, *key: str, make: Callable[[], Any]) -> Any:
            if len(made) == n:
                raise Enough
            return counted(self, *key, make=make)

        patch.setattr(Kept, "piece", stopping)
        with pytest.raises(Enough):
            explain.main(run.folder)
    return made


# --- chosen cases -------------------------------------------------------------------------
def test_chosen_cases_are_put_beside_the_others_and_stand_on_the_audit(own: Run) -> None:
    before, audit = own.read("explanations"), own.read("explanation_audit")
    tested = own.read("predictions").query("arm == 'fused' and split == 'test'")
    new = next(c for c in tested["case_id"] if c not in set(before["case_id"]))
    known = before["case_id"].iloc[0]
    asked = Asked(methods=("occlusion",), classes=("effusion",), rather_than="consolidation")
    explain.main(own.folder, cases=[new, known], asked=asked)
    after = own.read("explanations")
    added = after[after["method"] == "occlusion"]
    assert set(added["case_id"]) == {new, known}
    assert set(added["class_name"]) == {"effusion"}
    assert set(added["rather_than"]) == {"consolidation"}
    assert added["reason"].str.contains("not among explain.methods").all()
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before)
    pd.testing.assert_frame_equal(own.read("explanation_audit"), audit)
    for file in after["file"].unique():
        assert own.path(file).is_file()
    explain.main(own.folder, cases=[new, known], asked=asked)
    assert len(own.read("explanations")) == len(after), "asked twice, told once"
    assert set(own.read("what_if")["case_id"]) == set(after["case_id"])
    assert own.finished("explain")


def test_a_case_that_is_named_twice_is_told_once_and_leaves_the_audit_finished(
    own: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = own.facts["stages"]
    own.add_facts(stages={**stages, "report": {"seconds": 1.0}})
    case = own.read("explanations")["case_id"].iloc[0]
    asked = Asked(methods=("input_shapley",))
    table = explain.main(own.folder, cases=[case, case], asked=asked)
    assert not table.duplicated(["class_name", "method", "input", "rather_than"]).any()
    assert own.facts["stages"] == stages, "the report is to be made again, and nothing else"
    with monkeypatch.context() as patch:
        patch.setattr(explain, "explain_cases", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            explain.main(own.folder, cases=[case], asked=asked)
    assert own.finished("explain"), "a call that fails leaves the audit as it was"


def test_an_audit_of_what_was_done_again_since_passes_nothing(own: Run) -> None:
    case = own.read("explanations")["case_id"].iloc[0]
    audit = own.read("explanation_audit")
    audit.loc[audit["test"] == "overall", ["verdict", "reason"]] = ["pass", None]
    own.write("explanation_audit", audit)
    asked = Asked(methods=("input_shapley",))
    before = explain.main(own.folder, cases=[case], asked=asked)
    assert not before["reason"].str.contains("since", na=False).any()
    with own.stage("evaluate"):
        pass
    table = explain.main(own.folder, cases=[case], asked=asked)
    table = table[table["method"] == "input_shapley"]
    assert set(table["status"]) == {"withheld"}
    assert table["reason"].str.contains("not audited since something before it was done").all()
    assert not own.finished("explain")


def test_without_an_audit_everything_is_explained_and_withheld(
    unexplained: Run, tmp_path: Path
) -> None:
    run = with_settings(
        unexplained, tmp_path / "run", cases=1, methods=["input_shapley"], audit={"cases": 0}
    )
    table = explain.main(run.folder)
    assert len(table)
    assert set(table["status"]) == {"withheld"}
    assert table["reason"].str.contains("explain.audit.cases is 0").all()
    assert run.read("explanation_audit").empty
    assert run.read("explanation_readings").empty


def test_what_there_is_not_is_refused_with_what_there_is(own: Run) -> None:
    case = own.read("explanations")["case_id"].iloc[0]
    with pytest.raises(InputError, match=r"no attribution 'grad_cram'. Did you mean 'grad_cam'"):
        explain.main(own.folder, cases=[case], asked=Asked(methods=("grad_cram",)))
    with pytest.raises(InputError, match=r"no class 'efusion'. Did you mean 'effusion'"):
        explain.main(own.folder, cases=[case], asked=Asked(classes=("efusion",)))
    asked = Asked(classes=("effusion",), rather_than="effusion")
    with pytest.raises(InputError, match="cannot be set against itself"):
        explain.main(own.folder, cases=[case], asked=asked)


# --- new cases ----------------------------------------------------------------------------
def test_new_cases_stand_on_the_verdicts_of_the_study(
    audited: Run, phantom: Path, tmp_path: Path
) -> None:
    from pipelines import predict

    made = predict.main(audited.folder, phantom, tmp_path / "new")
    case = made.read("predictions")["case_id"].iloc[0]
    table = explain.main(made.folder, cases=[case], asked=Asked(methods=("input_shapley",)))
    assert not made.has("explanation_audit")
    assert not made.has("effects")
    assert len(made.read("what_if"))
    assert table["reason"].str.contains("did not pass the audit").any()
    assert not table["reason"].str.contains("not audited yet").any()
