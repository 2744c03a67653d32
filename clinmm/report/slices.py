"""Groups that nobody named: proposed on one half of the patients, tested on the other."""

from typing import Any

from clinmm.fairness import told
from clinmm.report.exhibit import Exhibit, exhibit
from clinmm.report.forest import Line, forest
from clinmm.report.material import Material
from clinmm.report.wording import class_label, interval, metric, present, signed


def slices(material: Material) -> Exhibit:
    heading, reading = "Groups nobody named", told.HOW["slices"]
    if "slices" not in material.tables:
        return exhibit("slices", heading, reading, material.absent("slices"))
    pairs = told.slices(material.tables["slices"], material.arm)
    lines = []
    for found, confirmed in pairs:
        what = f"{found.slice}: {metric(found.metric)}, {class_label(found.class_name)}"
        lines.append(Line(what, "", "", heading=True))
        lines.append(_line(found, "proposed on one half").standing_back())
        if confirmed is not None:
            lines.append(_line(confirmed, "on the other half"))
    head = ("Slice", f"{material.unit}s", "slice − everyone else", "(95 %), verdict")
    drawn = forest("Slices that were proposed", head, lines, reference=0.0, centred=True)
    missing = "No slice was proposed."
    forests = [drawn] if lines else []
    said = told.of_slices(pairs)
    return exhibit("slices", heading, reading, missing, said=said, forests=forests)


def _line(row: Any, label: str) -> Line:
    verdict = told.slice_verdict(row) if present(row.verdict) else ""
    said = verdict or "too few for an estimate"
    if present(row.difference):
        said = f"{signed(row.difference)} ({interval(row.difference_low, row.difference_high)})"
        said += f", {verdict}" if verdict else ""
    ends = (row.difference, row.difference_low, row.difference_high)
    strong = present(row.verdict) and row.verdict == "worse"
    return Line(label, str(row.n_patients), said, *ends, strong=strong)
