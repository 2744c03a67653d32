"""Whether the content of an exported study can have been one."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from clinmm.review.answers import Answer, Draft
from clinmm.review.events import KINDS
from clinmm.review.protocol import Protocol
from clinmm.review.room import ROLES
from clinmm.review.unfit import holds_nul

Rows = list[dict[str, Any]]

ONCE = ("opinion", "final")
"""Kinds of which a reading has one at most."""

SHOWN = 5
"""Rows that a problem names, at most."""


def problems_of(facts: dict[str, Any], tables: dict[str, Rows]) -> list[str]:
    """What is wrong; nothing where all is well. Payloads become objects, from JSON text.

    Args:
        facts: content of study.json, of the right types.
        tables: rows of cases, assignments and events, with the right columns.
    """
    problems = []
    try:
        protocol = Protocol.model_validate(facts["protocol"])
    except ValidationError as error:
        return [f"study.json: the protocol is not valid ({error.error_count()} problems)."]
    try:
        whole = datetime.fromisoformat(facts["created"]).tzinfo is not None
    except ValueError:
        whole = False
    if not whole:
        problems.append("study.json: 'created' is no time with its zone.")
    if facts["name"] != protocol.name:
        problems.append("study.json: the study and its protocol have different names.")
    members = {(name, role) for key, role in ROLES.items() for name in getattr(protocol, key)}
    said = [(one.get("person"), one.get("role")) for one in facts["members"] if type(one) is dict]
    if sorted(map(str, said)) != sorted(map(str, members)) or len(said) != len(facts["members"]):
        problems.append("study.json: the members are not those of the protocol.")
    return problems + _of_rows(protocol, tables)


def _of_rows(protocol: Protocol, tables: dict[str, Rows]) -> list[str]:
    cases = {row["case_id"] for row in tables["cases"]}
    assigned = {_reading(row): row["arm"] for row in tables["assignments"]}
    events = tables["events"]

    def unassigned(row: dict[str, Any]) -> bool:
        if row["kind"] == "adjudication":
            return row["case_id"] not in cases or row["by"] not in protocol.adjudicators
        return not protocol.open and _reading(row) not in assigned

    rules: list[tuple[str, str, Callable[[dict[str, Any]], bool]]] = [
        ("cases", "a value is missing", _has_gaps),
        ("assignments", "a value is missing", _has_gaps),
        ("assignments", "the case is none of cases", lambda row: row["case_id"] not in cases),
        ("assignments", "no reader of the protocol", lambda r: r["reader"] not in protocol.readers),
        ("assignments", "no arm of the protocol", lambda row: row["arm"] not in protocol.arms),
        ("events", "a value is missing", _has_gaps),
        ("events", "no known kind", lambda row: row["kind"] not in KINDS),
        ("events", "not assigned", unassigned),
        ("events", "a version is missing or beyond", lambda r: _versioned(r) != r["kind"]),
        ("events", "the payload is not what its kind holds", _unreadable),
    ]
    keys: list[tuple[str, str, Callable[[dict[str, Any]], object]]] = [
        ("cases", "twice", lambda row: row["case_id"]),
        ("assignments", "twice", _reading),
        ("events", "a version twice", lambda r: r["version"] and (*_reading(r), r["version"])),
        ("events", "locked twice", lambda r: r["kind"] in ONCE and (*_reading(r), r["kind"])),
    ]
    found = []
    for table, what, wrong in rules:
        found += _told(table, what, [i for i, row in enumerate(tables[table]) if wrong(row)])
    for table, what, key in keys:
        found += _told(table, what, _twice([key(row) for row in tables[table]]))
    versions = [row for row in events if row["version"] is not None]
    highest = Counter[Any]()
    for row in versions:
        highest[_reading(row)] = max(highest[_reading(row)], row["version"])
    if any(highest[key] != n for key, n in Counter(_reading(row) for row in versions).items()):
        found.append("events.parquet: versions of a reading are missing.")
    return found


def _reading(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["reader"], row["case_id"], row["reading"]


def _has_gaps(row: dict[str, Any]) -> bool:
    return any(value is None for name, value in row.items() if name != "version")


def _versioned(row: dict[str, Any]) -> str:
    """The row's kind if it has a version where it needs one."""
    fits = (row["version"] is None) == (row["kind"] == "opened") and (row["version"] or 1) >= 1
    return str(row["kind"]) if fits else ""


def _unreadable(row: dict[str, Any]) -> bool:
    """Whether the payload is no JSON object of its kind. Leaves the object in its place."""
    try:
        payload = json.loads(row["payload"])
        if row["kind"] == "draft":
            Draft.model_validate(payload)
        elif row["kind"] != "opened":
            Answer.model_validate(payload)
        if holds_nul(row["payload"]):
            return True
    except (TypeError, ValueError):
        return True
    row["payload"] = payload
    return not isinstance(payload, dict)


def _twice(keys: list[Any]) -> list[int]:
    """Places of keys that came before; what is no key, such as None, may come often."""
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    return [i for i, key in enumerate(keys) if key and first[key] != i]


def _told(table: str, what: str, rows: Iterable[int]) -> list[str]:
    places = list(rows)
    if not places:
        return []
    shown = ", ".join(f"{i + 1}" for i in places[:SHOWN])
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return [f"{table}.parquet: {what}: row {shown}{more}."]
