"""What may be asked of a model that serves groups alike, and which of it the data contradict."""

from clinmm.fairness import criteria as asked
from clinmm.fairness import told
from clinmm.report.exhibit import Exhibit, Sheet, exhibit
from clinmm.report.material import Material
from clinmm.report.wording import class_label
from clinmm.schema import GROUPS

_HEAD = ["Criterion", "What it means for a patient", "In these data"]
_MARKS = {asked.NO: "▲", asked.NOT_SHOWN: "–", asked.CANNOT_TELL: "?"}


def criteria(material: Material) -> Exhibit:
    heading, reading = "What may be asked of it", told.HOW["criteria"]
    if not material.scored or "comparisons" not in material.tables:
        missing = material.absent("metrics" if not material.scored else "comparisons")
        return exhibit("criteria", heading, reading, missing)
    comparisons, metrics = material.tables["comparisons"], material.tables["metrics"]
    compared = comparisons[comparisons["rival"] == "complement"]
    names = [name for name in dict.fromkeys(compared["group_by"]) if "*" not in name]
    which = material.headline_class
    groups = material.tables.get("groups", GROUPS.empty())
    sheets = []
    for name in names:
        found = asked.criteria(metrics, comparisons, name, which, material.arm)
        rows = [[one.name, one.means, f"{_MARKS[one.holds]} {one.said}"] for one in found]
        if len(groups):
            why = asked.why_not_all(groups, name, which)
            rows.append(["all of them", "Every one of these holds.", why])
        caption = f"{told.name_of(name).capitalize()}, {class_label(which)}"
        sheets.append(Sheet(caption, _HEAD, rows))
    missing = f"No group was compared. Make it with: clinmm audit {material.run.folder.name}"
    return exhibit("criteria", heading, reading, missing, sheets=sheets)
