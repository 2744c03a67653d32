"""The intake table for a terminal."""

import pandas as pd
from rich.table import Table
from rich.text import Text

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def show_findings(findings: pd.DataFrame) -> Table:
    """A rich table of `schema.INTAKE`: severity, check, subject, what was found, what to do."""
    table = Table(title="Intake", title_justify="left", show_lines=False, expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("subject", overflow="fold")
    table.add_column("found", ratio=3)
    table.add_column("what to do", ratio=2)
    for row in findings.itertuples():
        accepted = row.accepted if isinstance(row.accepted, str) else ""
        stands = "accepted" if accepted else str(row.severity)
        advice = f"Accepted: {accepted}" if accepted else str(row.advice)
        # Text, so that a bracket in a column's name is not read as markup.
        table.add_row(
            Text(stands, style=_STYLES.get(stands, "green")),
            Text(str(row.check)),
            Text(str(row.subject)),
            Text(str(row.detail)),
            Text(advice),
        )
    return table
