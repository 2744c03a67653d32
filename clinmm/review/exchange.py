"""A reading study as a folder of files, to keep or to carry to another database.

study.json            protocol, members, who made it and when; length and SHA-256 of the tables
cases.parquet         case_id, stratum, weight, why
assignments.parquet   reader, case_id, reading, position, arm
events.parquet        everything that happened, in order; payload as JSON text
"""

import hashlib
import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from clinmm.errors import InputError
from clinmm.review.events import utc
from clinmm.review.exchanged import problems_of
from clinmm.review.protocol import OPEN
from clinmm.review.room import ReadingRoom, ReadingStudy
from clinmm.review.tables import AssignmentRow, CaseRow, EventRow, MemberRow, StudyRow

FORMAT = 1
"""Of the folder; another one is refused."""

_TEXT, _WHOLE = pa.string(), pa.int64()
TABLES: dict[str, tuple[Any, pa.Schema]] = {
    "cases": (
        CaseRow,
        pa.schema(
            [("case_id", _TEXT), ("stratum", _TEXT), ("weight", pa.float64()), ("why", _TEXT)]
        ),
    ),
    "assignments": (
        AssignmentRow,
        pa.schema(
            [
                ("reader", _TEXT),
                ("case_id", _TEXT),
                ("reading", _WHOLE),
                ("position", _WHOLE),
                ("arm", _TEXT),
            ]
        ),
    ),
    "events": (
        EventRow,
        pa.schema(
            [
                ("reader", _TEXT),
                ("case_id", _TEXT),
                ("reading", _WHOLE),
                ("version", _WHOLE),
                ("kind", _TEXT),
                ("by", _TEXT),
                ("payload", _TEXT),
                ("created", pa.timestamp("us", tz="UTC")),
            ]
        ),
    ),
}
"""Name of a file -> the table of the database that it holds, and its columns."""

Rows = list[dict[str, Any]]


def export_study(room: ReadingRoom, study: str, folder: Path) -> Path:
    """Writes a study into a new folder, which is there when all of it is; returns the folder.

    Raises:
        InputError: the run has no such study, or the folder is there already.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} is there already. Name a new folder.")
    kept = room.study(study)
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        tables = _tables(room, kept)
        facts = {
            "format": FORMAT,
            "run": room.run,
            "name": kept.name,
            "created": kept.created.isoformat(),
            "created_by": kept.created_by,
            "protocol": kept.protocol.model_dump(mode="json"),
            "members": tables.pop("members"),
            "tables": {
                name: _write(making / f"{name}.parquet", rows, TABLES[name][1])
                for name, rows in tables.items()
            },
        }
        said = json.dumps(facts, indent=2, ensure_ascii=False)
        (making / "study.json").write_text(said, encoding="utf-8")
        making.chmod(0o755)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return folder


def import_study(folder: Path, room: ReadingRoom) -> ReadingStudy:
    """Brings a study from a folder into the room, as it was: events with their times and versions.

    All of it in one transaction, so that nothing or everything is there afterwards. The open room
    takes the place of one in which nobody has read.

    Raises:
        InputError: files are missing, damaged or of another shape; or what they hold cannot have
            been a study, is of another run, or has the name of a study of this one. All problems
            at once.
    """
    facts, tables = _read(Path(folder))
    problems = problems_of(facts, tables)
    if facts["run"] != room.run:
        problems.append(
            f"{folder} holds a study of run {facts['run']}, and this is run {room.run}: its case "
            "ids mean other cases. Import it into the run that it was made from."
        )
    if facts["name"] in _names(room):
        problems.append(
            f"this run has a reading study '{facts['name']}' already; what is kept is not changed."
        )
    if problems:
        raise InputError(problems)
    try:
        with room.engine.begin() as connection:
            made = {
                "run": room.run,
                "name": facts["name"],
                "protocol": facts["protocol"],
                "created": datetime.fromisoformat(facts["created"]),
                "created_by": facts["created_by"],
            }
            if facts["name"] == OPEN.name:
                connection.execute(delete(StudyRow).where(*_unread_open(room)))
            connection.execute(insert(StudyRow), made)
            asked = select(StudyRow.id).filter_by(run=room.run, name=facts["name"])
            number = connection.scalar(asked)
            of_study = [(MemberRow, facts["members"])]
            of_study += [(TABLES[name][0], rows) for name, rows in tables.items()]
            for table, rows in of_study:
                if rows:
                    connection.execute(insert(table), [{"study": number, **row} for row in rows])
    except IntegrityError as error:
        raise InputError(
            f"'{facts['name']}' was imported by somebody else at this moment, or holds rows twice. "
            "Nothing was imported."
        ) from error
    return room.study(facts["name"])


def _names(room: ReadingRoom) -> set[str]:
    asked = select(StudyRow.name).filter_by(run=room.run)
    unread = asked.where(*_unread_open(room))
    with room.engine.connect() as connection:
        return set(connection.scalars(asked)) - set(connection.scalars(unread))


def _unread_open(room: ReadingRoom) -> tuple[Any, ...]:
    """Where a study is the open room, which is made when it is looked at, and has no event."""
    read = select(EventRow.id).where(EventRow.study == StudyRow.id).exists()
    return StudyRow.run == room.run, StudyRow.name == OPEN.name, ~read


def _tables(room: ReadingRoom, study: ReadingStudy) -> dict[str, Rows]:
    """The rows of a study. Only events are ever added to, and these come in one look, in order."""
    orders = {
        CaseRow: (CaseRow.case_id,),
        AssignmentRow: (AssignmentRow.reader, AssignmentRow.position),
        EventRow: (EventRow.id,),
    }
    found: dict[str, Rows] = {}
    with room.engine.connect() as connection:
        asked = select(MemberRow.person, MemberRow.role).where(MemberRow.study == study.id)
        found["members"] = [dict(row._mapping) for row in connection.execute(asked)]
        for name, (table, shape) in TABLES.items():
            columns = [getattr(table, column) for column in shape.names]
            asked = select(*columns).where(table.study == study.id).order_by(*orders[table])
            found[name] = [dict(row._mapping) for row in connection.execute(asked)]
    for event in found["events"]:
        event["payload"] = json.dumps(event["payload"], ensure_ascii=False)
        event["created"] = utc(event["created"])
    return found


def _write(path: Path, rows: Rows, shape: pa.Schema) -> dict[str, Any]:
    pq.write_table(pa.Table.from_pylist(rows, schema=shape), path)
    return {"rows": len(rows), "sha256": _digest(path)}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Rows]]:
    """study.json and the tables, if they are whole and of the right shape."""
    try:
        facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} holds no study.json that can be read. Wanted: a folder written by "
            "clinmm reading export."
        ) from error
    wanted = {"run": str, "name": str, "created": str, "created_by": str, "protocol": dict}
    wanted |= {"members": list, "tables": dict}
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"{folder}/study.json is not of format {FORMAT}, which this clinmm reads.")
    problems = [
        f"study.json: '{key}' is missing or not what it should be."
        for key, kind in wanted.items()
        if not isinstance(facts.get(key), kind)
    ]
    if problems:
        raise InputError(problems)
    tables: dict[str, Rows] = {}
    for name, (_, shape) in TABLES.items():
        path, said = folder / f"{name}.parquet", facts["tables"].get(name)
        if not path.is_file():
            problems.append(f"{path.name} is missing.")
        elif not isinstance(said, dict) or said.get("sha256") != _digest(path):
            problems.append(f"{path.name} is not the file that was written: its SHA-256 differs.")
        else:
            try:
                table = pq.read_table(path)
            except pa.ArrowInvalid:
                problems.append(f"{path.name} is no Parquet file.")
                continue
            if not table.schema.equals(shape):
                problems.append(f"{path.name}: wanted the columns {', '.join(shape.names)}.")
            else:
                tables[name] = table.to_pylist()
    if problems:
        raise InputError([f"{folder}: {one}" for one in problems])
    return facts, tables
