"""How the run was made: stages, versions, what the check found, and the files."""

from dataclasses import dataclass

import pandas as pd

from clinmm.report.exhibit import Sheet
from clinmm.report.lines import each
from clinmm.report.material import Material
from clinmm.report.wording import interval, number, present

MOST_FINDINGS = 30


@dataclass(frozen=True)
class Making:
    """sheets: tables of text; files: (name of a table in the run, rows); remarks: sentences."""

    facts: list[tuple[str, str]]
    sheets: list[Sheet]
    files: list[tuple[str, str]]
    remarks: list[str]


def making(material: Material) -> Making:
    facts = material.facts
    pairs = [
        ("Made", f"{str(facts['created'])[:16].replace('T', ' ')} UTC, clinmm {facts['clinmm']}"),
        ("Kind of run", material.kind),
        ("Seed", str(facts.get("seed", "not stated"))),
        ("Device", str(facts.get("device", "not stated"))),
        ("Config", str(facts.get("config_hash", "none"))),
        ("Cohort fingerprint", str((facts.get("cohort") or {}).get("fingerprint", "none"))),
    ]
    sheets = [_stages(facts), _packages(facts), *_findings(material)]
    remarks = [] if "intake" in material.tables else [material.absent("intake")]
    names = sorted(path.stem for path in material.run.folder.glob("*.parquet"))
    files = [(name, _rows(material.tables.get(name))) for name in names]
    return Making(pairs, [sheet for sheet in sheets if sheet.rows], files, remarks)


def _rows(table: pd.DataFrame | None) -> str:
    return "no rows" if table is None else f"{len(table)} rows"


def _stages(facts: dict[str, object]) -> Sheet:
    stages = facts.get("stages")
    rows = (
        [[name, f"{one.get('seconds', 0):.1f}"] for name, one in stages.items()]
        if isinstance(stages, dict)
        else []
    )
    return Sheet("Stages finished", ["Stage", "seconds"], rows)


def _packages(facts: dict[str, object]) -> Sheet:
    packages = facts.get("packages")
    rows = (
        [[str(name), str(version)] for name, version in packages.items()]
        if isinstance(packages, dict)
        else []
    )
    return Sheet("Versions", ["Package", "version"], rows)


def _findings(material: Material) -> list[Sheet]:
    if "intake" not in material.tables:
        return []
    table = material.tables["intake"]
    rows = []
    for row in each(table.head(MOST_FINDINGS)):
        value = number(row.value) if present(row.value) else ""
        if value and present(row.low) and present(row.high):
            value += f" ({interval(row.low, row.high)})"
        advice = row.advice if present(row.advice) else ""
        rows.append(
            [
                str(row.severity),
                str(row.check).replace("_", " "),
                str(row.subject),
                str(row.count),
                value,
                str(row.detail),
                f"accepted: {row.accepted}" if present(row.accepted) else str(advice),
            ]
        )
    head = ["Severity", "Check", "Subject", "count", "value (95 %)", "Finding", "Advice"]
    caption = "What the check of the data found"
    if len(table) > MOST_FINDINGS:
        caption += f": the first {MOST_FINDINGS} of {len(table)}"
    return [Sheet(caption, head, rows, keys=3)]
