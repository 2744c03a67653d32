"""How far a reading study has come; for those who run it."""

from collections import Counter
from statistics import median

import pandas as pd

from clinmm.review.assigned import Assigned, Key
from clinmm.review.desk import Desk
from clinmm.review.disputes import Disputes
from clinmm.review.events import Events
from clinmm.review.refusals import NotAllowed
from clinmm.review.room import ReadingRoom


def progress(room: ReadingRoom, desk: Desk) -> pd.DataFrame:
    """One row per reader: reader, assigned, begun (and not done), done, and `seconds`, the median
    of the finished readings over all their phases (NaN without any).

    Args:
        room: that the desk is in.
        desk: of an administrator of the study.

    Raises:
        NotAllowed: the desk is not an administrator's.
    """
    _only_administrators(desk)
    events = Events(room.engine, desk.study.id)
    assigned = Counter(reader for reader, _, _ in Assigned(room.engine, desk.study.id).arms())
    spent: dict[Key, float] = {}
    done: dict[str, set[Key]] = {}
    for key, kind, seconds in events.seconds():
        spent[key] = spent.get(key, 0.0) + seconds
        if kind == "final":
            done.setdefault(key[0], set()).add(key)
    begun, rows = events.n_begun(), []
    for reader in sorted({*desk.study.protocol.readers, *assigned, *done}):
        finished = done.get(reader, set())
        n_begun = begun.get(reader, 0) - len(finished)
        usual = median(spent[key] for key in finished) if finished else float("nan")
        rows.append((reader, assigned[reader], n_begun, len(finished), usual))
    return pd.DataFrame(rows, columns=["reader", "assigned", "begun", "done", "seconds"])


def waiting(room: ReadingRoom, desk: Desk) -> int:
    """How many cases wait for the adjudicator: readers have finished, none has decided.

    Raises:
        NotAllowed: the desk is not an administrator's.
    """
    _only_administrators(desk)
    events, assigned = Events(room.engine, desk.study.id), Assigned(room.engine, desk.study.id)
    return len(Disputes(events, assigned, desk.study.protocol.adjudicate).waiting())


def _only_administrators(desk: Desk) -> None:
    if "administrator" not in desk.roles:
        raise NotAllowed(f"the progress of '{desk.study.name}' is shown to its administrators.")
