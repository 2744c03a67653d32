"""Make a reading study from a run and a protocol.

Reads   run.json, cases, predictions, the protocol          Writes   the review database
"""

from pathlib import Path

import pandas as pd

from clinmm.review.database import default_url
from clinmm.review.making import Plan, plan_study
from clinmm.review.protocol import Protocol, load_protocol
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from pipelines.screen import console, show


def main(
    run: Path, protocol_file: Path, database: str | None, by: str, dry_run: bool = False
) -> None:
    """Makes the study and prints what it consists of.

    Args:
        run: a run folder with predictions.
        protocol_file: YAML, see `clinmm.review.protocol`.
        database: URL; None: `review.sqlite` in the run folder.
        by: who makes it, its administrator where the protocol names none.
        dry_run: only print; nothing is kept.

    Raises:
        NotMadeYet: the run has no predictions.
        InputError: every problem of the protocol, everything in which it does not fit the run, or
            the run has a study of this name.
    """
    folder = Run.open(Path(run).resolve())
    plan = plan_study(folder, load_protocol(protocol_file), by)
    if not dry_run:
        room = ReadingRoom(database or default_url(folder.folder), run_id(folder.facts))
        try:
            room.make(plan.protocol, plan.cases, plan.assignments, by)
        finally:
            room.close()
    _print(plan, folder)
    if dry_run:
        console.print("Nothing was kept. Without --dry-run the study is made like this.")
        return
    where = f" --database {database}" if database else ""
    console.print(
        f"Readers now open their worklist: clinmm review {folder.folder}{where}",
        highlight=False,
        soft_wrap=True,
    )


def _print(plan: Plan, run: Run) -> None:
    protocol, cases = plan.protocol, plan.cases
    patients = plan.pool.set_index("case_id")["patient_id"].reindex(cases["case_id"]).nunique()
    show(
        drawn(plan),
        f"{protocol.name}: {len(cases)} cases of {patients} {run.facts['unit_name']}s",
        "Weight: how many cases each drawn one stands for.",
    )
    show(loads(plan), "Readings")
    for line in _facts(protocol):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def drawn(plan: Plan) -> pd.DataFrame:
    """Per stratum: how many cases there are, how many are drawn, and the weight of each of them."""
    there = plan.pool["stratum"].value_counts(sort=False).sort_index()
    by = plan.cases.groupby("stratum")["weight"]
    return pd.DataFrame(
        {
            "stratum": there.index,
            "cases": there.to_numpy(),
            "drawn": by.size().reindex(there.index, fill_value=0).to_numpy(),
            "weight": [
                "" if pd.isna(weight) else f"{weight:.3g}"
                for weight in by.first().reindex(there.index)
            ],
        }
    )


def loads(plan: Plan) -> pd.DataFrame:
    """Per reader: readings in each arm, and how many of all are repeats."""
    rows = plan.assignments
    by_arm = pd.crosstab(rows["reader"], rows["arm"])
    by_arm = by_arm.reindex(index=list(plan.protocol.readers), columns=list(plan.protocol.arms))
    table = by_arm.fillna(0).astype(int)
    table["all"] = table.sum(axis=1)
    if (rows["reading"] > 1).any():
        table["of them again"] = rows[rows["reading"] > 1].groupby("reader").size()
    return table.fillna(0).astype(int).rename_axis("reader").reset_index()


def _facts(protocol: Protocol) -> list[str]:
    shown = {
        name: f"{name}: {arm.mode.replace('_', '-')}, shows {', '.join(arm.show) or 'nothing'}"
        for name, arm in protocol.arms.items()
    }
    people = {"Adjudicates": protocol.adjudicators, "Administers": protocol.administrators}
    lines = [f"Arm {line}" for line in shown.values()]
    lines += [f"{role}: {', '.join(names)}" for role, names in people.items() if names]
    if not protocol.administrators:
        lines.append(
            "Nobody administers it in the browser: name administrators, or give --by NAME."
        )
    if protocol.repeats.share:
        lines.append(
            f"Repeats open {protocol.repeats.washout_days:g} days after the first reading."
        )
    if protocol.adjudicate.when != "none" and not protocol.adjudicators:
        lines.append("Nobody adjudicates: where readers differ, nothing is decided.")
    return lines
