"""The table of the cohort, its `cohort.yaml` and its README."""

from datetime import timedelta
from typing import Any

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.image_files import image_path
from clinmm.cohort.phantom.latents import PROSE, Case, stream
from clinmm.cohort.phantom.notes import reword, write_note
from clinmm.cohort.phantom.records import LABS

_COHORT_YAML = """\
# An invented cohort: no person stands behind any row. Made by clinmm, seed {seed}.
name: {name}
table: cases.csv
case_id: case_id
patient_id: patient_id
unit_name: patient
missing: [""]
target: {{name: finding, kind: multilabel, columns: [{findings}]}}
inputs:
  image: {{kind: image, column: image{dimensions}, masks: masks}}
  note: {{kind: note, column: note{note_time}}}
  record: {{kind: record, numeric: {{age: years, {labs}}}, categorical: [{words}]{record_time}}}
sensitive: {{sex: sex, age: {{column: age, bins: [0, 40, 65, 120]}}}}
site: site
index_time: {{column: seen_on}}
"""

_README = """\
An invented chest cohort for testing clinmm. No person stands behind any row. For research only.

{images}
cases.csv        empty cells were not recorded. A finding's column holds 1, 0 or nothing.
truth.json       what is really so, and what was planted. No model may read it.
"""

_IMAGES = {
    "dx": """\
images/CASE.dcm  DX radiographs, MONOCHROME1 and MONOCHROME2, 12 and 16 bits.
masks/CASE.npz   numpy archive: per finding a bool array (rows, columns) of the radiograph's size.
                 It is empty unless the finding is present and drawn strongly enough to be seen.""",
    "ct": """\
images/CASE/     one CT series, a file per slice, names in no order. Hounsfield units.
masks/CASE.npz   numpy archive: per finding a bool array (slices, rows, columns), slices from the
                 feet up. It is empty unless the finding is present and drawn strongly enough.""",
}


def readme(modality: str) -> str:
    return _README.format(images=_IMAGES[modality])


def cohort_yaml(seed: int, modality: str, timed: bool, wards: bool = False) -> str:
    """timed: the table says when notes and records were written. wards: and where patients lay."""
    return _COHORT_YAML.format(
        seed=seed,
        name="phantom" if modality == "dx" else f"phantom-{modality}",
        findings=", ".join(FINDINGS),
        labs=", ".join(f"{name}: {lab.unit}" for name, lab in LABS.items()),
        dimensions=", dimensions: 3" if modality == "ct" else "",
        words="sex, ward" if wards else "sex",
        note_time=", time: note_on" if timed else "",
        record_time=", time: record_on" if timed else "",
    )


def row(seed: int, case: Case, modality: str) -> dict[str, Any]:
    """One row of cases.csv; "" where nothing was recorded."""
    here = case.present
    cells: dict[str, Any] = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "site": case.site,
        "seen_on": case.seen_on.isoformat(),
        "image": image_path(case, modality) if here["image"] else "",
        "note": _note(seed, case) if here["note"] else "",
        "age": case.age if here["record"] else "",
        "sex": case.sex if here["record"] else "",
    }
    for name, value in case.record.items():
        value = case.flaws.mistyped.get(name, value)
        shown = int(value) if LABS[name].decimals == 0 else value
        cells[name] = shown if here["record"] and case.measured[name] else ""
    for finding, label, known in zip(FINDINGS, case.labels, case.label_recorded, strict=True):
        wrong = finding in case.flaws.mislabelled
        cells[finding] = int(label) ^ wrong if known else ""
        if case.flaws.read_twice:
            cells[f"{finding}_second"] = int(label) if known else ""
    if case.flaws.ward:
        cells["ward"] = case.flaws.ward if here["record"] else ""
    for name, days in case.flaws.days_after.items():
        written = (case.seen_on + timedelta(days=days)).isoformat()
        cells[f"{name}_on"] = written if here[name] else ""
    return cells


def _note(seed: int, case: Case) -> str:
    flaws = case.flaws
    if flaws.reworded is None:
        text = write_note(stream(seed, PROSE, case.index), case.facts, case.sex, flaws.stated)
    else:
        first = stream(seed, PROSE, flaws.reworded)
        text = write_note(first, case.facts, case.sex, flaws.stated)
        text = reword(stream(seed, PROSE, case.index), text)
    return f"{text} {flaws.added}" if flaws.added else text
