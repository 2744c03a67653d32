"""Findings that the study's author has seen and goes on with, each with a reason."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import yaml

from clinmm.errors import FindingsStand
from clinmm.intake.finding import Finding


class Entry(Protocol):
    """One entry of `intake.accept`; the subject `*` covers every subject of the check."""

    @property
    def check(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def reason(self) -> str: ...


def _covers(entry: Entry, finding: Finding) -> bool:
    return entry.check == finding.check and entry.subject in ("*", finding.subject)


def accept(findings: Sequence[Finding], entries: Sequence[Entry]) -> list[Finding]:
    """The findings; those above `info` that an entry covers are marked with its reason.

    An entry that covers nothing adds a warning, so that none outlives its cause unseen.
    """
    marked = []
    used: set[int] = set()
    for finding in findings:
        covering = [n for n, entry in enumerate(entries) if _covers(entry, finding)]
        if covering and finding.severity != "info":
            used.update(covering)
            finding = replace(finding, accepted=entries[covering[0]].reason)
        marked.append(finding)
    return marked + [_unused(entry) for n, entry in enumerate(entries) if n not in used]


def _unused(entry: Entry) -> Finding:
    subject = "" if entry.subject == "*" else f" about '{entry.subject}'"
    return Finding(
        "accept",
        "warning",
        entry.subject,
        f"intake.accept names check '{entry.check}', which found no error or warning{subject}.",
        "Take the entry out of the config.",
        count=1,
    )


def standing_errors(findings: Sequence[Finding]) -> list[Finding]:
    """The errors that no entry accepts."""
    return [f for f in findings if f.severity == "error" and not f.accepted]


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raises FindingsStand listing every error that is not accepted; nothing if there is none."""
    if standing := standing_errors(findings):
        lines = [f"{f.check}, {f.subject}: {f.detail} {f.advice}" for f in standing]
        first = {"check": standing[0].check, "subject": standing[0].subject}
        named = yaml.safe_dump(first, default_flow_style=True, sort_keys=False, width=1000)
        entry = named.strip().removesuffix("}") + ", reason: ...}"
        raise FindingsStand(
            "\n".join(
                [
                    f"{len(standing)} intake findings of severity error stand:",
                    *lines,
                    f"Mend the data, or accept one with its reason in the config: "
                    f"intake: {{accept: [{entry}]}}",
                ]
            )
        )
