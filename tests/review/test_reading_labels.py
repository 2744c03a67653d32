"""The final labels of a reading study, and the cohort that they make: reviewing feeds training."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from clinmm.cohort.manifest import load_cohort, spec_from
from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.review.adjudicating import agreed
from clinmm.review.answers import Answer, Draft
from clinmm.review.database import default_url
from clinmm.review.labelled_cohort import export_labels
from clinmm.review.labels import final_labels
from clinmm.review.protocol import Protocol
from clinmm.review.refusals import NotAllowed
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from clinmm.study import start_study

FINDINGS = ("cardiomegaly", "effusion", "consolidation", "nodule")
CONFIG: dict[str, Any] = {
    "seed": 0,
    "split": {"fractions": {"train": 0.4, "validate": 0.2, "calibrate": 0.2, "test": 0.2}},
    "intake": {"accept": [{"check": "splits", "subject": "split", "reason": "a small test"}]},
    "encoders": {
        "image": {
            **{"name": "densenet", "size": 32, "init_features": 4},
            **{"growth_rate": 2, "block_config": [1, 1]},
        },
        "note": {"name": "bag_of_words", "out_dim": 4},
        "record": {"name": "mlp", "out_dim": 4},
    },
    "fusion": {"name": "concat"},
    "train": {"epochs": 1, "device": "cpu", "arms": "single", "baselines": False},
}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its cohort.yaml. Nobody may change it."""
    return make_phantom(tmp_path_factory.mktemp("phantom") / "cohort", seed=3, n_patients=48)


def study_of(cohort: Path, folder: Path, **config: Any) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"cohort": str(cohort), **CONFIG, **config}
    (folder / "study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    loaded = load_config(folder / "study.yaml")
    return start_study(loaded, load_cohort(loaded.cohort), folder / "run").run


@pytest.fixture(scope="module")
def started(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A study of it. Nobody may change it."""
    return study_of(phantom, tmp_path_factory.mktemp("study"))


@pytest.fixture
def run(started: Run, tmp_path: Path) -> Run:
    """A copy that the test may change."""
    return Run(Path(shutil.copytree(started.folder, tmp_path / "run")))


def reading_study(
    run: Run, cases: list[str], readers: tuple[str, ...] = ("Ada", "Ben"), **protocol: Any
) -> ReadingRoom:
    """A study `one` in which every reader reads every case without the model."""
    settings = {"name": "one", "readers": readers, "adjudicators": ("Cy",), **protocol}
    arm = next(iter(Protocol.model_validate({"mode": "without_model", **settings}).arms))
    drawn = pd.DataFrame({"case_id": cases, "stratum": "", "weight": 1.0, "why": "all"})
    rows = [
        {"reader": reader, "case_id": case, "reading": 1, "position": i, "arm": arm}
        for reader in readers
        for i, case in enumerate(cases)
    ]
    room = ReadingRoom(default_url(run.folder), run_id(run.facts))
    made = Protocol.model_validate({"mode": "without_model", **settings})
    room.make(made, drawn, pd.DataFrame(rows), "test")
    return room


def rated(rating: int, **others: int) -> Answer:
    """A rating of effusion; the other findings are absent where nothing else is said."""
    return Answer(
        ratings={**dict.fromkeys(FINDINGS, 1), "effusion": rating, **others}, confidence=3
    )


def reads(room: ReadingRoom, reader: str, case: str, answer: Answer) -> None:
    desk = room.desk(reader, "one")
    desk.lock(case, 1, answer, desk.state(case).version)


def labels_of(room: ReadingRoom, run: Run) -> pd.DataFrame:
    labels, _ = final_labels(room, room.steward("one"), run.facts["target"])
    return labels[labels["class_name"] == "effusion"].set_index("case_id")


def test_what_readers_agree_on_is_neither_disputed_nor_unknown() -> None:
    assert agreed([Draft(choice="mild"), Draft(choice="mild")]) == {"choice": "mild"}
    assert agreed([Draft(choice="mild"), Draft(choice="severe")]) == {}
    assert agreed([Draft(value=2.0), Draft(value=3.0)], tolerance=1.0) == {"value": 2.5}
    assert agreed([Draft(value=2.0), Draft(value=3.0)]) == {}
    assert agreed([Draft(ratings={"a": 4}), Draft(ratings={"a": 5})]) == {"a": True}


def test_each_label_says_where_it_is_from(run: Run) -> None:
    cases = list(load_cohort(run.folder / "cohort.yaml").table["case_id"][:7])
    room = reading_study(run, cases)
    both, decided, differ, unsure, unread, part, corrected = cases
    for case, ada, ben in (
        (both, 5, 4),
        (decided, 5, 1),
        (differ, 4, 3),
        (unsure, 3, 3),
        (corrected, 5, 1),
    ):
        reads(room, "Ada", case, rated(ada))
        reads(room, "Ben", case, rated(ben))
    reads(room, "Ada", part, rated(5))
    room.desk("Cy", "one").adjudicate(decided, rated(2), 0)
    desk = room.desk("Ben", "one")
    desk.correct(
        corrected,
        1,
        Answer(ratings={"effusion": 4}, confidence=4, reasons=("overlooked",)),
        desk.state(corrected).version,
    )
    labels = labels_of(room, run)
    told = {
        case: (labels.label[case], labels.label_from[case], labels.reason[case]) for case in cases
    }
    assert told == {
        both: (True, "agreed", ""),
        decided: (False, "adjudicated", ""),
        differ: (None, "none", "readers differ"),
        unsure: (None, "none", "readers cannot say"),
        unread: (None, "none", "0 of 2 readings"),
        part: (None, "none", "1 of 2 readings"),
        corrected: (True, "agreed", ""),
    }
    _, history = final_labels(room, room.steward("one"), run.facts["target"])
    of_one = history[(history.case_id == corrected) & (history.class_name == "effusion")]
    assert list(zip(of_one.kind, of_one.by, of_one.answer, strict=True)) == [
        ("final", "Ada", 5),
        ("final", "Ben", 1),
        ("correction", "Ben", 4),
    ]
    (decision,) = history[(history.kind == "adjudication") & (history.class_name == "effusion")].by
    assert decision == "Cy"


def test_one_reader_is_enough_where_one_was_to_read(run: Run) -> None:
    (case,) = load_cohort(run.folder / "cohort.yaml").table["case_id"][:1]
    room = reading_study(run, [case], ("Ada",))
    reads(room, "Ada", case, rated(5))
    assert labels_of(room, run).label_from[case] == "single"


def test_where_all_is_adjudicated_agreement_waits(run: Run) -> None:
    cases = list(load_cohort(run.folder / "cohort.yaml").table["case_id"][:2])
    room = reading_study(run, cases, adjudicate={"when": "all"})
    for case in cases:
        reads(room, "Ada", case, rated(5))
        reads(room, "Ben", case, rated(5))
    room.desk("Cy", "one").adjudicate(cases[0], rated(3), 0)
    reasons = labels_of(room, run).reason
    assert list(reasons[cases]) == ["the adjudicator cannot say", "waits for the adjudicator"]


def test_labels_are_for_administrators(run: Run) -> None:
    room = reading_study(run, list(load_cohort(run.folder / "cohort.yaml").table["case_id"][:1]))
    for person in ("Ada", "Cy"):
        with pytest.raises(NotAllowed, match="administrators"):
            final_labels(room, room.desk(person, "one"), run.facts["target"])


def test_a_choice_and_a_value_are_one_label_of_a_case(run: Run, tmp_path: Path) -> None:
    (case,) = load_cohort(run.folder / "cohort.yaml").table["case_id"][:1]
    room = reading_study(run, [case])
    reads(room, "Ada", case, Answer(value=4.0, confidence=2))
    reads(room, "Ben", case, Answer(value=4.0, confidence=2))
    target = {"kind": "continuous", "name": "score", "classes": ["score"]}
    labels, _ = final_labels(room, room.steward("one"), target)
    assert labels[["class_name", "label", "label_from"]].values.tolist() == [
        ["score", 4.0, "agreed"]
    ]


# --- a cohort to train on ------------------------------------------------------------------


def reviewed(run: Run, out: Path, cases: list[str], others: Any = "keep") -> Any:
    """Both readers turn the recorded effusion of every case round; one case is disputed, one is
    decided by the adjudicator."""
    cohort = load_cohort(run.folder / "cohort.yaml")
    recorded = cohort.table.set_index("case_id")["effusion"]
    room = reading_study(run, cases)
    disputed, decided, *_ = cases
    for case in cases:
        turned = 1 if recorded[case] == "1" else 5
        reads(room, "Ada", case, rated(turned))
        reads(room, "Ben", case, rated(6 - turned if case in (disputed, decided) else turned))
    room.desk("Cy", "one").adjudicate(decided, rated(5), 0)
    return export_labels(run, room, room.steward("one"), out, others)


def test_reviewing_feeds_training(run: Run, phantom: Path, tmp_path: Path) -> None:
    from pipelines import check, train

    before = {p: p.read_bytes() for p in phantom.parent.iterdir() if p.is_file()}
    old = load_cohort(phantom)
    cases = list(old.table["case_id"][:12])
    made = reviewed(run, tmp_path / "out", cases)
    assert {p: p.read_bytes() for p in before} == before
    assert made.columns == [f"reviewed_{name}" for name in FINDINGS]
    new = load_cohort(made.file)
    assert new.class_names == list(FINDINGS)
    assert new.image_paths("image") == old.image_paths("image")
    table = new.table.set_index("case_id")
    was = old.table.set_index("case_id")["effusion"]
    now, whence = table["reviewed_effusion"], table["reviewed_effusion_from"]
    assert (now[cases[0]], whence[cases[0]]) == (None, "none")
    assert (now[cases[1]], whence[cases[1]]) == ("1", "adjudicated")
    assert set(whence[cases[2:]]) == {"agreed"}
    assert [now[case] for case in cases[2:]] == ["0" if was[c] == "1" else "1" for c in cases[2:]]
    rest = [case for case in was.index if case not in cases]
    assert list(now[rest]) == list(was[rest])
    assert set(whence[rest][was[rest].notna()]) == {"recorded"}
    assert set(whence[rest][was[rest].isna()]) == {"none"}
    findings, stands = check.check_file(made.file)
    assert not stands, findings[findings["severity"] == "error"]
    second = study_of(made.file, tmp_path / "again")
    check.main(second.folder)
    train.main(second.folder)
    rows = second.read("predictions")
    rows = rows[(rows.class_name == "effusion") & rows.target.notna()]
    learned = rows.drop_duplicates("case_id").set_index("case_id")["target"]
    known = [case for case in cases if case in learned.index]
    assert len(known) > 2
    assert [learned[case] for case in known] == [float(now[case]) for case in known]
    assert cases[0] not in known


def test_cases_that_were_not_read_can_be_dropped(run: Run, tmp_path: Path) -> None:
    cases = list(load_cohort(run.folder / "cohort.yaml").table["case_id"][:4])
    made = reviewed(run, tmp_path / "out", cases, others="drop")
    table = pd.read_csv(made.file.with_name("cases.csv"))
    assert list(table["case_id"]) == cases
    assert made.counts["recorded"] == 0
    assert {"labels.csv", "history.csv"} <= {p.name for p in made.file.parent.iterdir()}


def test_a_second_review_leaves_the_labels_of_the_first(run: Run, tmp_path: Path) -> None:
    cases = list(load_cohort(run.folder / "cohort.yaml").table["case_id"][:4])
    first = reviewed(run, tmp_path / "out", cases)
    again = study_of(first.file, tmp_path / "again")
    second = reviewed_once_more(again, cases[2], tmp_path / "out_2")
    assert second.columns[1] == "reviewed_2_effusion"
    spec = yaml.safe_load(second.file.read_text())
    assert spec["name"] == "phantom-reviewed"
    images = load_cohort(second.file).image_paths("image")
    assert all(path is None or path.is_file() for path in images)


def reviewed_once_more(run: Run, case: str, out: Path) -> Any:
    room = reading_study(run, [case], ("Ada",))
    reads(room, "Ada", case, rated(5))
    return export_labels(run, room, room.steward("one"), out)


def test_cells_are_those_of_the_target_and_no_label_becomes_an_input(
    tmp_path: Path,
) -> None:
    rows = [
        {"id": f"c{i}", "who": f"p{i}", "survival": "NY?"[i % 3], "lab_a": i, "lab_b": -i}
        for i in range(9)
    ]
    (tmp_path / "data").mkdir()
    pd.DataFrame(rows).to_csv(tmp_path / "data" / "cases.csv", index=False)
    (tmp_path / "data" / "cohort.yaml").write_text(
        "name: small\ntable: cases.csv\ncase_id: id\npatient_id: who\nmissing: ['?']\n"
        "target: {name: died, kind: binary, column: survival, positive: [N], negative: [Y]}\n"
        "inputs: {record: {kind: record, numeric: {'*': units}}}\n"
    )
    run = study_of(tmp_path / "data" / "cohort.yaml", tmp_path)
    room = reading_study(run, ["c0"], ("Ada",))
    reads(room, "Ada", "c0", Answer(ratings={"died": 1}, confidence=3))
    made = export_labels(run, room, room.steward("one"), tmp_path / "out")
    assert (made.changed, made.counts["single"], made.counts["recorded"]) == (1, 1, 5)
    table = pd.read_csv(made.file.with_name("cases.csv"))
    assert list(table["reviewed_died"][:3]) == ["Y", "Y", "N"]
    new = load_cohort(made.file)
    assert list(new.spec.inputs["record"].columns) == ["lab_a", "lab_b"]
    assert new.class_names == ["died"]


@pytest.mark.parametrize(
    ("target", "answer", "reviewed_cells"),
    [
        (
            "{name: grade, kind: multiclass, readers: [a, b], classes: [mild, severe]}",
            {"choice": "severe"},
            ["severe", "mild", None],
        ),
        ("{name: score, kind: continuous, column: v, unit: points}", {"value": 4.5}, ["4.5", "2"]),
        ("{name: p, kind: binary, column: s, soft: true}", {"ratings": {"p": 2}}, ["0", "0.25"]),
    ],
    ids=["choice", "value", "soft"],
)
def test_every_kind_of_target_takes_its_labels(
    tmp_path: Path, target: str, answer: dict[str, Any], reviewed_cells: list[str | None]
) -> None:
    rows = [
        {
            **{"id": f"c{i}", "who": f"p{i}", "lab": i, "v": 2.0, "s": 0.25, "a": "mild"},
            "b": "severe" if i == 2 else "mild",
        }
        for i in range(8)
    ]
    (tmp_path / "data").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "data" / "cases.parquet")
    (tmp_path / "data" / "cohort.yaml").write_text(
        "name: small\ntable: cases.parquet\ncase_id: id\npatient_id: who\n"
        f"target: {target}\ninputs: {{record: {{kind: record, numeric: {{lab: units}}}}}}\n"
    )
    run = study_of(tmp_path / "data" / "cohort.yaml", tmp_path)
    room = reading_study(run, ["c0"], ("Ada",))
    reads(room, "Ada", "c0", Answer(confidence=3, **answer))
    made = export_labels(run, room, room.steward("one"), tmp_path / "out")
    (column,) = made.columns
    table = pd.read_parquet(made.file.with_name("cases.parquet"))
    cells = [cell if isinstance(cell, str) else None for cell in table[column]]
    assert cells[: len(reviewed_cells)] == reviewed_cells
    assert load_cohort(made.file).class_names == load_cohort(run.folder / "cohort.yaml").class_names


def test_what_cannot_be_labelled_is_refused(run: Run, tmp_path: Path) -> None:
    cohort = load_cohort(run.folder / "cohort.yaml")
    room = reading_study(run, list(cohort.table["case_id"][:2]))
    steward = room.steward("one")
    with pytest.raises(InputError, match="is settled yet: of 2 cases"):
        export_labels(run, room, steward, tmp_path / "out")
    with pytest.raises(InputError, match="holds something already"):
        export_labels(run, room, steward, run.folder)
    for reader in ("Ada", "Ben"):
        reads(room, reader, cohort.table["case_id"][0], rated(5))
    run.add_facts(cohort={**run.facts["cohort"], "fingerprint": "another"})
    with pytest.raises(InputError, match="have changed since"):
        export_labels(run, room, steward, tmp_path / "out")
    run.add_facts(target=None)
    with pytest.raises(InputError, match="has no cohort"):
        export_labels(run, room, steward, tmp_path / "out")


# --- the folder of files -------------------------------------------------------------------


def test_paths_in_cells_start_from_the_folder_of_files(phantom: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "cases.csv").write_bytes((phantom.parent / "cases.csv").read_bytes())
    settings = yaml.safe_load(phantom.read_text())
    settings["files"] = str(phantom.parent)
    (moved / "cohort.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    cohort = load_cohort(moved / "cohort.yaml")
    assert cohort.image_paths("image") == load_cohort(phantom).image_paths("image")
    assert cohort.fingerprint == load_cohort(phantom).fingerprint
    run = study_of(moved / "cohort.yaml", tmp_path)
    kept = load_cohort(run.folder / "cohort.yaml")
    assert kept.image_paths("image") == cohort.image_paths("image")


@pytest.mark.parametrize(
    ("files", "cell", "problem"),
    [
        ("absent", "a.png", "files: .*absent is missing: there is no such folder"),
        ("${OTHER}/x", "a.png", "files: only a leading"),
        ("pictures", "../secret.png", "1 paths lead out of the folder of `files`"),
        ("pictures", "link.png", "1 paths lead out of the folder of `files`"),
    ],
)
def test_files_outside_their_folder_are_refused(
    tmp_path: Path, files: str, cell: str, problem: str
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "pictures" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "cases.csv").write_text(f"id,who,image,y\nc0,p0,{cell},1\n")
    (tmp_path / "cohort.yaml").write_text(
        f"name: small\ntable: cases.csv\nfiles: {files}\ncase_id: id\npatient_id: who\n"
        "target: {name: y, kind: binary, column: y, positive: [1], negative: [0]}\n"
        "inputs: {image: {kind: image, column: image}}\n"
    )
    with pytest.raises(InputError, match=problem):
        load_cohort(tmp_path / "cohort.yaml")


def test_names_of_findings_are_one_for_each_column() -> None:
    settings: dict[str, Any] = {
        **{"name": "x", "table": "t.csv", "case_id": "c", "patient_id": "p"},
        "target": {"name": "f", "kind": "multilabel", "columns": ["r_a", "r_b"], "names": ["a"]},
        "inputs": {"record": {"kind": "record", "numeric": {"age": "years"}}},
    }
    with pytest.raises(InputError, match="wanted one for each of the 2 columns, got 1"):
        spec_from(settings, "x.yaml")
    settings["target"]["names"] = ["a", "a"]
    with pytest.raises(InputError, match="named twice: a"):
        spec_from(settings, "x.yaml")
