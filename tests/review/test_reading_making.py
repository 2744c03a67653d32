"""A protocol becomes a study of a run, or everything that does not fit is told."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_for_reading import rows, run_of

from clinmm.errors import InputError, NotMadeYet
from clinmm.review.database import default_url
from clinmm.review.making import make_study, plan_study
from clinmm.review.protocol import OPEN, Protocol
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from pipelines.reading import listing, new

PROTOCOL = """
name: trial
readers: [ana, ben]
adjudicators: [cem]
arms: [blind_first, without_model]
cases: {n: 4, by: [class]}
repeats: {share: .25}
"""


def asking(**settings: Any) -> Protocol:
    return Protocol.model_validate({"name": "s", "readers": ["ana", "ben"], **settings})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    risks = {"fused": [0.1 * i for i in range(1, 9)], "image": [0.5] * 8}
    return run_of(tmp_path / "run", rows(risks, [0, 0, 0, 0, 0, 0, 1, 1]))


@pytest.fixture
def room(run: Run) -> Iterator[ReadingRoom]:
    with closing(ReadingRoom(default_url(run.folder), run_id(run.facts))) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trial.yaml"
    path.write_text(PROTOCOL, encoding="utf-8")
    return path


def test_a_made_study_is_found_by_its_readers(run: Run, room: ReadingRoom) -> None:
    study = make_study(run, asking(cases={"n": 4, "by": ["class"]}), room, "owner")
    assert room.study("s") == study
    work = room.desk("ana", "s").worklist()
    assert len(work) == 4
    assert set(work["why"]) == {"drawn at random, 4 of 8 test cases"}
    plan = plan_study(run, study.protocol, "owner")
    mine = plan.assignments[plan.assignments["reader"] == "ana"]
    assert work["case_id"].tolist() == mine["case_id"].tolist()
    assert plan.cases.groupby("stratum")["weight"].sum().to_dict() == {
        "class: died": 2,
        "class: not died": 6,
    }


def test_what_a_protocol_leaves_out_comes_from_the_run_and_its_maker(run: Run) -> None:
    filled = plan_study(run, asking(), "owner").protocol
    assert (filled.classes, filled.administrators) == (("died",), ("owner",))
    named = plan_study(run, asking(administrators=["dan"]), "owner").protocol
    assert named.administrators == ("dan",)


@pytest.mark.parametrize("by", ["ana", "cem", "steward", "command line"])
def test_who_reads_decides_or_is_nobody_does_not_administer(run: Run, by: str) -> None:
    assert plan_study(run, asking(adjudicators=["cem"]), by).protocol.administrators == ()


def test_cases_of_one_patient_are_kept_apart_in_the_order(run: Run) -> None:
    patient = run.read("cases").set_index("case_id")["patient_id"]
    neighbours = 0
    for seed in range(10):
        plan = plan_study(run, asking(seed=seed), "owner")
        for _, mine in plan.assignments.groupby("reader"):
            whose = mine["case_id"].map(patient)
            neighbours += int((whose == whose.shift()).sum())
    assert neighbours == 0  # about 20 had nobody looked


def test_everything_that_does_not_fit_the_run_is_told_at_once(run: Run) -> None:
    protocol = asking(
        classes=["deid"],
        adjudicate={"tolerance": 2},
        cases={"ids": ["c00", "nobody"]},
    )
    with pytest.raises(InputError) as refused:
        plan_study(run, protocol, "owner")
    starts = [line.split(": ")[0] for line in refused.value.problems]
    assert starts == ["classes", "adjudicate.tolerance", "cases.ids"]
    assert "no class 'deid'. Did you mean 'died'?" in refused.value.problems[0]


def test_a_tolerance_is_for_values(tmp_path: Path) -> None:
    values = rows({"fused": [1.0, 2.0]}, [1, 2], "score", "value")
    run = run_of(tmp_path / "values", values, "continuous")
    protocol = asking(adjudicate={"tolerance": 2})
    assert plan_study(run, protocol, "owner").protocol.classes == ("score",)


def test_a_choice_is_made_among_all_classes(tmp_path: Path) -> None:
    made = pd.concat([rows({"fused": [0.3] * 3}, [0, 0, 1], name) for name in "abc"])
    run = run_of(tmp_path / "several", made, "multiclass")
    with pytest.raises(InputError, match="a reader chooses one of all classes"):
        plan_study(run, asking(classes=["a", "b"]), "owner")
    assert plan_study(run, asking(classes=["c", "b", "a"]), "owner")


def test_a_case_id_that_the_database_would_cut_is_refused(tmp_path: Path) -> None:
    made = rows({"fused": [0.3] * 3}, [0, 0, 1])
    made["case_id"] = made["case_id"].str.pad(201, fillchar="x")
    with pytest.raises(InputError, match="3 have a case_id of more than the 200 characters"):
        plan_study(run_of(tmp_path / "long", made), asking(), "owner")


def test_the_open_room_is_not_made(run: Run) -> None:
    with pytest.raises(InputError, match="open: of the room without a study"):
        plan_study(run, OPEN, "owner")


def test_a_run_without_predictions_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotMadeYet, match="clinmm train"):
        plan_study(run_of(tmp_path / "bare", None), asking(), "owner")


# The command


def test_the_command_makes_the_study_and_says_what_it_is(
    run: Run, room: ReadingRoom, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new.main(run.folder, file, None, "owner")
    said = capsys.readouterr().out
    for words in ("class: died", "class: not died", "ana", "ben", "Adjudicates: cem"):
        assert words in said
    assert f"clinmm review {run.folder}" in said
    assert [study.name for study in room.studies()] == ["trial"]
    assert room.study("trial").created_by == "owner"
    with pytest.raises(InputError, match="has a reading study 'trial' already"):
        new.main(run.folder, file, None, "owner")


def test_a_dry_run_keeps_nothing(run: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new.main(run.folder, file, None, "owner", dry_run=True)
    assert "Nothing was kept" in capsys.readouterr().out
    assert not (run.folder / "review.sqlite").exists()


def test_a_study_that_nobody_administers_says_so(
    run: Run, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new.main(run.folder, file, None, "command line", dry_run=True)
    assert "Nobody administers it in the browser" in capsys.readouterr().out


def test_another_database_is_named_in_what_comes_next(
    run: Run, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/team.sqlite"
    new.main(run.folder, file, url, "owner")
    assert f"--database {url}" in capsys.readouterr().out
    assert not (run.folder / "review.sqlite").exists()


def test_the_summary_counts_cases_and_readings(run: Run) -> None:
    plan = plan_study(run, Protocol.model_validate(_settings()), "owner")
    strata = new.drawn(plan).set_index("stratum")
    assert strata.loc["class: died"].tolist() == [2, 2, "1"]
    assert strata.loc["class: not died"].tolist() == [6, 2, "3"]
    loads = new.loads(plan).set_index("reader")
    assert loads["all"].tolist() == [5, 5]
    assert loads["of them again"].tolist() == [1, 1]
    assert (loads["blind_first"] + loads["without_model"]).tolist() == [5, 5]


def test_the_list_says_who_has_come_how_far(
    run: Run, room: ReadingRoom, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing.main(run.folder)
    assert "clinmm reading new" in capsys.readouterr().out
    new.main(run.folder, file, None, "owner")
    capsys.readouterr()
    listing.main(run.folder)
    assert "trial (blind_first, without_model)" in capsys.readouterr().out
    listing.main(run.folder, json=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["by"], told["waiting"]) == ("trial", "owner", 0)
    assert told["readers"] == [
        {"reader": name, "assigned": 5, "begun": 0, "done": 0, "seconds": None}
        for name in ("ana", "ben")
    ]


def _settings() -> dict[str, Any]:
    return {
        "name": "trial",
        "readers": ["ana", "ben"],
        "arms": ["blind_first", "without_model"],
        "cases": {"n": 4, "by": ["class"]},
        "repeats": {"share": 0.25},
    }
