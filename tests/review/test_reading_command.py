"""`clinmm reading`: a reading study from the command line, from its people to its labels."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from clinmm.cohort.manifest import load_cohort
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from clinmm.study import start_study
from pipelines.cli import app

READING = get_command(app).commands["reading"].commands  # type: ignore[attr-defined]
VERBS = [
    *((name,) for name in READING if name != "people"),
    *(("people", name) for name in READING["people"].commands),
]


def clinmm(*arguments: object, given: str | None = None) -> str:
    """What is printed; what is refused is raised."""
    shown = CliRunner().invoke(app, [str(a) for a in arguments], input=given)
    if shown.exception is not None:
        raise shown.exception
    return shown.output


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A study that has predicted: 24 cases of 24 patients."""
    rows = [
        {"id": f"c{i:02d}", "who": f"p{i}", "died": "NY"[i % 2], "sex": "FM"[i % 2], "lab": i}
        for i in range(24)
    ]
    (tmp_path / "data").mkdir()
    pd.DataFrame(rows).to_csv(tmp_path / "data" / "cases.csv", index=False)
    (tmp_path / "data" / "cohort.yaml").write_text(
        "name: small\ntable: cases.csv\ncase_id: id\npatient_id: who\n"
        "target: {name: died, kind: binary, column: died, positive: [Y], negative: [N]}\n"
        "inputs: {record: {kind: record, numeric: {lab: units}}}\nsensitive: {sex: sex}\n"
    )
    config: dict[str, Any] = {
        "cohort": str(tmp_path / "data" / "cohort.yaml"),
        "encoders": {"record": {"name": "mlp"}},
        "split": {"folds": 2},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    cohort = load_cohort(tmp_path / "data" / "cohort.yaml")
    made = start_study(load_config(tmp_path / "study.yaml"), cohort, tmp_path / "run").run
    made.write("cases", cohort.for_run().assign(image_display=""))
    predictions = pd.DataFrame(
        {
            "arm": "fused",
            "repeat": 0,
            "fold": 0,
            "case_id": cohort.table["case_id"],
            "patient_id": cohort.table["patient_id"],
            "split": "test",
            "class_name": "died",
            "target": cohort.targets()[:, 0],
            "probability_raw": [0.3 + 0.02 * i for i in range(24)],
            "probability": [0.3 + 0.02 * i for i in range(24)],
            "pattern": "record",
        }
    )
    made.write("predictions", predictions)
    return made


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    settings = {
        "name": "one",
        "readers": ["Ada", "Ben"],
        "adjudicators": ["Cy"],
        "administrators": ["Dee"],
        "mode": "blind_first",
        "cases": {"n": 12},
    }
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "one.yaml"


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_and_option_explains_itself(verb: tuple[str, ...]) -> None:
    assert "Usage" in clinmm("reading", *verb, "--help")
    command = READING["people"].commands[verb[1]] if len(verb) == 2 else READING[verb[0]]
    assert [p.name for p in command.params if hasattr(p, "help") and not p.help] == []


def test_a_study_from_its_protocol_to_its_labels(run: Run, protocol: Path, tmp_path: Path) -> None:
    clinmm("reading", "new", run.folder, protocol, "--dry-run")
    assert json.loads(clinmm("reading", "list", run.folder, "--json")) == []
    clinmm("reading", "new", run.folder, protocol, "--by", "Dee")
    (study,) = json.loads(clinmm("reading", "list", run.folder, "--json"))
    assert (study["name"], study["by"]) == ("one", "Dee")
    room = ReadingRoom(default_url(run.folder), run_id(run.facts))
    for reader in ("Ada", "Ben"):
        desk = room.desk(reader, "one")
        for number, case in enumerate(desk.worklist()["case_id"].sort_values()):
            rating = 2 if reader == "Ben" and number == 0 else 5
            for _ in range(2):
                answer = Answer(ratings={"died": rating}, confidence=3, seconds=20)
                desk.lock(case, 1, answer, desk.state(case).version)
    adjudicator = room.desk("Cy", "one")
    (disputed,) = adjudicator.disputes()
    adjudicator.adjudicate(disputed, Answer(ratings={"died": 1}, confidence=4), 0)
    room.close()
    clinmm("reading", "results", run.folder, "--study", "one")
    assert set(run.read("readings")["step"]) == {"alone", "with_model", "adjudication"}
    said = clinmm("reading", "labels", run.folder, "--study", "one", "--out", tmp_path / "new")
    assert "1  labels adjudicated" in said
    assert "11  labels agreed" in said
    assert "do not score this model against them" in " ".join(said.split())
    assert "clinmm check" in said
    assert load_cohort(tmp_path / "new" / "cohort.yaml").n_cases == 24
    clinmm("reading", "export", run.folder, "--study", "one", "--out", tmp_path / "kept")
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    said = clinmm("reading", "import", tmp_path / "kept", run.folder, "--database", elsewhere)
    assert "Took in 'one'" in said
    (again,) = json.loads(clinmm("reading", "list", run.folder, "--database", elsewhere, "--json"))
    assert again["readers"] == study_now(run)["readers"]


def study_now(run: Run) -> dict[str, Any]:
    (study,) = json.loads(clinmm("reading", "list", run.folder, "--json"))
    return dict(study)


def test_people_are_added_without_a_password_on_the_command_line(tmp_path: Path) -> None:
    file = ("--people", tmp_path / "people.json")
    twice = "nine green bottles\n" * 2
    said = clinmm("reading", "people", "add", "Ada", "--administrator", *file, given=twice)
    said += clinmm(
        *("reading", "people", "add", "Ben", "--password-stdin", *file), given="a password of Ben\n"
    )
    assert "bottles" not in said
    assert "password of" not in said
    assert json.loads(clinmm("reading", "people", "list", "--json", *file)) == [
        {"name": "Ada", "role": "administrator"},
        {"name": "Ben", "role": ""},
    ]
    clinmm("reading", "people", "password", "Ben", *file, given="another one\nanother one\n")
    clinmm("reading", "people", "remove", "Ada", *file)
    assert "Ada" not in clinmm("reading", "people", "list", *file)
    assert not [p for p in tmp_path.iterdir() if b"bottles" in p.read_bytes()]


def test_no_verb_takes_a_password_as_an_argument() -> None:
    taken = {p.name for c in READING["people"].commands.values() for p in c.params}
    assert taken <= {"name", "administrator", "password_stdin", "people", "json"}


def test_people_in_a_run_folder_are_refused(run: Run) -> None:
    with pytest.raises(InputError, match="lies in the run folder"):
        clinmm("reading", "people", "list", "--people", run.folder / "people.json")


def test_a_study_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no reading study 'two'"):
        clinmm("reading", "labels", run.folder, "--study", "two", "--out", tmp_path / "out")
