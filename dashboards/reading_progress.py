"""How far the reading studies are that whoever sits here administers."""

import pandas as pd

from clinmm.review.progress import progress, waiting
from clinmm.review.room import ReadingStudy
from dashboards import panels, reading_told, run_data, seat, selections
from dashboards.language import t, tn


def administered() -> list[ReadingStudy]:
    """The studies of the person who sits here, the oldest first; none without a person."""
    person = seat.person()
    return [one for one in run_data.room().studies() if person in one.protocol.administrators]


def sentence(table: pd.DataFrame, wait: int) -> str:
    """How many readings are done, and whether the adjudicator has something to do.

    table: from `clinmm.review.progress.progress`. wait: from `waiting`.
    """
    n, done = int(table["assigned"].sum()), int(table["done"].sum())
    said = tn("{done} of {n} reading is done.", "{done} of {n} readings are done.", n, done=done)
    if not wait:
        return said
    return t(
        "{done} {waiting}",
        done=said,
        waiting=tn(
            "{n} case waits for an adjudicator.", "{n} cases wait for an adjudicator.", wait
        ),
    )


def by_reader(table: pd.DataFrame) -> str:
    """HTML: each reader's share done as a bar, with the counts."""
    heads = (t("Reader"), t("assigned"), t("begun"), t("done"), "", t("median seconds"))
    head = "".join(
        f'<th scope="col">{panels.escape(said)}</th>' if said else "<td></td>" for said in heads
    )
    body = "".join(
        f'<tr><th scope="row">{panels.escape(row.reader)}</th><td>{row.assigned}</td>'
        f"<td>{row.begun}</td><td>{row.done}</td>"
        '<td class="share"><div class="hundred"><i class="fill" '
        f'style="width:{100 * row.done / max(row.assigned, 1):.1f}%"></i></div></td>'
        f"<td>{'' if pd.isna(row.seconds) else round(row.seconds)}</td></tr>"
        for row in table.itertuples()
    )
    return (
        f'<table class="record progress"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def card() -> list[str]:
    """The answer of the overview: how far the latest study is, what it found if that is on file,
    and how far the others are. Nothing where this person administers none."""
    studies, room = administered()[::-1], run_data.room()
    if not studies:
        return []
    said = {}
    for one in studies:
        desk = room.desk(seat.person(), one.name)
        said[one.name] = sentence(progress(room, desk), waiting(room, desk))
    latest, *others = said
    table = run_data.table_if_made("reading_results")
    found = selections.matching(table, {"study": latest}) if table is not None else ()
    detail = ""
    if len(found):
        detail += "".join(panels.small(one) for one in reading_told.sentences(found))
    for name in others:
        detail += panels.small(t("{study}: {said}", study=name, said=said[name]))
    lead = t("{study}: {said}", study=latest, said=said[latest])
    return [panels.answer(t("What do its readers do with it?"), lead, detail)]
