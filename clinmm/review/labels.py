"""The final label of each case of a reading study, and how it came about.

First readings alone count, each with its latest correction. `label_from` of a label:

    adjudicated   an adjudicator decided it
    agreed        two readers or more were to read the case, all have, and all call it the same
    single        one reader was to read it, and has
    none          not settled: readings are missing, readers differ and nobody has decided, or
                  nobody can say; such a label is left empty

A repeat, a draft and an opinion before the model make no label. In the open room, which assigns
nothing, whoever has read a case was to read it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from clinmm.review.adjudicating import agreed, disputed
from clinmm.review.answers import Answer
from clinmm.review.assigned import Assigned
from clinmm.review.desk import Desk
from clinmm.review.events import LOCKED, Event, Events
from clinmm.review.protocol import Adjudication
from clinmm.review.refusals import NotAllowed
from clinmm.review.room import ReadingRoom

LABELS = ["case_id", "class_name", "label", "label_from", "reason", "n_readings"]
"""Columns of the labels. label: True or False; the class of a choice; a value; None."""

HISTORY = [
    *("case_id", "class_name", "kind", "by", "reading", "at", "answer", "confidence"),
    *("reasons", "comment"),
]
"""Columns of the history. kind: opinion, final, correction or adjudication. at: UTC."""


def final_labels(
    room: ReadingRoom, desk: Desk, target: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The labels of every case of the study, and every answer that they rest on.

    Args:
        room: that the desk is in.
        desk: of an administrator of the study, or the steward's.
        target: as run.json has it: name, kind, classes.

    Returns:
        The labels, one row per case and class (per case of a choice or a value, whose `class_name`
        is the target's name), and the history, one row per answer and class; columns LABELS and
        HISTORY.

    Raises:
        NotAllowed: the desk is not an administrator's.
    """
    if "administrator" not in desk.roles:
        raise NotAllowed(f"the labels of '{desk.study.name}' are given to its administrators.")
    protocol, names = desk.study.protocol, judged(target, desk.study.protocol.classes)
    events = Events(room.engine, desk.study.id)
    wanted, finals = Assigned(room.engine, desk.study.id).n_readers(), events.finals()
    kept = [one for one in events.all() if one.kind in (*LOCKED, "adjudication")]
    decisions = {one.case_id: one for one in kept if one.kind == "adjudication"}
    labels = []
    for case_id in sorted({*wanted, *finals}):
        answers = [Answer.model_validate(one) for one in finals.get(case_id, {}).values()]
        decision = _answer(decisions.get(case_id))
        n_wanted = wanted.get(case_id, len(answers))
        for key, name in names.items():
            label, whence, reason = _label(key, answers, n_wanted, decision, protocol.adjudicate)
            labels.append((case_id, name, label, whence, reason, len(answers)))
    history = [row for one in kept for row in _told(one, names)]
    return (
        pd.DataFrame(labels, columns=LABELS).astype({"label": object}),
        pd.DataFrame(history, columns=HISTORY).astype({"answer": object}),
    )


def judged(target: Mapping[str, Any], classes: Sequence[str] = ()) -> dict[str, str]:
    """What readers judge, as answers name it -> as the label is named.

    >>> judged({"kind": "multiclass", "name": "grade", "classes": ["a", "b"]})
    {'choice': 'grade'}
    """
    one_answer = {"multiclass": "choice", "continuous": "value"}.get(target["kind"])
    if one_answer:
        return {one_answer: target["name"]}
    return {name: name for name in target["classes"] if not classes or name in classes}


def _label(
    key: str,
    answers: Sequence[Answer],
    n_wanted: int,
    decision: Answer | None,
    rule: Adjudication,
) -> tuple[object, str, str]:
    """(label, where it is from, why there is none)."""
    if decision and _says(decision, key):
        found = agreed([decision])
        if key in found:
            return found[key], "adjudicated", ""
        return None, "none", "the adjudicator cannot say"
    n = sum(_says(one, key) for one in answers)
    if n < max(1, n_wanted):
        return None, "none", f"{n} of {max(1, n_wanted)} readings"
    if rule.when == "all":
        return None, "none", "waits for the adjudicator"
    if key in disputed(answers, rule.tolerance):
        return None, "none", "readers differ"
    found = agreed(answers, rule.tolerance)
    if key not in found:
        return None, "none", "readers cannot say"
    return found[key], "agreed" if n > 1 else "single", ""


def _says(answer: Answer, key: str) -> bool:
    return _said(answer, key) is not None


def _said(answer: Answer, key: str) -> object:
    return {"choice": answer.choice, "value": answer.value}.get(key, answer.ratings.get(key))


def _answer(event: Event | None) -> Answer | None:
    return Answer.model_validate(event.payload) if event else None


def _told(event: Event, names: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    answer = Answer.model_validate(event.payload)
    for key, name in names.items():
        if _says(answer, key):
            yield (
                *(event.case_id, name, event.kind, event.by, event.reading),
                event.created.isoformat(timespec="seconds"),
                *(_said(answer, key), answer.confidence, " ".join(answer.reasons), answer.comment),
            )
