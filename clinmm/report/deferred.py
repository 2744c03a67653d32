"""Deferral: in how many models handing cases back to people is on, and why not."""

import re

import pandas as pd

from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.lines import each
from clinmm.report.material import Material, matching
from clinmm.report.wording import class_label, counted, estimate, listing

RISKS = ("deferral_share", "risk_without_deferral", "retained_risk")
_HEADS = ("handed back", "wrong calls without it", "wrong among the kept")


def deferral(material: Material) -> Exhibit:
    heading = "Handing cases back"
    reading = (
        "A model hands its least certain cases back only if that was shown, on other "
        f"{material.unit}s, to leave fewer wrong calls among the kept, and more in no group. "
        "Figures are of the test part."
    )
    if "deferral" not in material.tables:
        return exhibit("deferral", heading, reading, material.absent("deferral"))
    rows = matching(material.tables["deferral"], {"arm": material.arm})
    lines: list[list[str]] = []
    said: dict[str, list[str]] = {}
    names = [name for name in material.classes if name in set(rows["class_name"])]
    for name in names[:MOST_CLASSES]:
        for point, of in rows[rows["class_name"] == name].groupby("operating_point", sort=False):
            on = int((of["kept"] == "yes").sum())
            state = f"on in {on} of {counted(len(of), 'model')}" if on else "off"
            said.setdefault(state, []).append(class_label(name))
            cells = _measured(material, name, str(point))
            label = f"{class_label(name)}, {str(point).replace('_', ' ')}"
            lines.append([label, state, _why(of), *cells])
    head = ["Class, operating point", "on", "why, models", *(f"{name} (95 %)" for name in _HEADS)]
    sheets = [Sheet("What the rule decided", head, lines)] if lines else []
    words = " ".join(f"{state.capitalize()}: {listing(of)}." for state, of in said.items())
    return exhibit("deferral", heading, reading, "Nothing decided.", said=words, sheets=sheets)


def _why(rows: pd.DataFrame) -> str:
    """The reasons without their figures, counted, the commonest first."""
    bare = rows["reason"].map(lambda text: re.sub(r" \(handing back [^)]*\)", "", text))
    counts = bare.map(lambda text: text.split(": ")[0]).value_counts()
    return "; ".join(f"{reason}, {n} of {len(rows)}" for reason, n in counts.items())


def _measured(material: Material, class_name: str, point: str) -> list[str]:
    """What it came to on test rows, or dashes where it is off."""
    if not material.scored:
        return ["–"] * len(RISKS)
    rows = material.metrics(arm=material.arm, class_name=class_name, operating_point=point)
    rows = rows[rows["status"] != "withheld"]
    return [next(map(estimate, each(rows[rows["metric"] == name])), "–") for name in RISKS]
