"""A first cohort.yaml from a table's columns: the one place where clinmm guesses, and says so."""

import os
from pathlib import Path

import pandas as pd

from clinmm.cohort.files import leads_out
from clinmm.cohort.plausible import likely_unit
from clinmm.cohort.table import read_table, without_missing
from clinmm.cohort.times import read_times
from clinmm.errors import InputError
from clinmm.readers.signal import read_signal

IMAGE_ENDINGS = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
VOLUME_ENDINGS = (".nii", ".nii.gz")
SIGNAL_ENDINGS = (".wav", ".npy", ".npz", ".hea")
NOTE_ENDINGS = (".txt", ".rtf", ".xml", ".html", ".htm")
TIME_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y%m%d", "%d.%m.%Y",
)  # fmt: skip
LONG_TEXT = 40
"""Mean length in characters from which a column of many different texts is taken for a note."""

_SENSITIVE = ("sex", "gender", "age", "age_years", "race", "ethnicity", "insurance", "language")
_UNKNOWN = ("?", "NA", "N/A", "n/a", "nan", "NaN", "null", "None", "unknown", "Unknown", "todo")
_OUTCOMES = (
    "target", "label", "outcome", "diagnosis", "died", "death", "dead", "mortality", "survival",
    "finding", "malignant", "class", "dx", "icu", "intubated", "y",
)  # fmt: skip


def draft_cohort(table_path: Path, out: Path | None = None) -> str:
    """Text of a cohort.yaml guessed from the columns, every guess marked for checking.

    Args:
        table_path: a .csv or .parquet table.
        out: the file it is meant for; beside the table by default.

    Raises:
        InputError: the table cannot be read.
    """
    table_path = Path(table_path)
    raw = read_table(table_path)
    missing = [value for value in _UNKNOWN if (raw == value).any().any()]
    table = without_missing(raw, missing)
    case_id, patient_id = _ids(table)
    names = [str(name) for name in table]
    left = [c for c in names if c not in (case_id, patient_id) and table[c].notna().any()]
    images = [c for c in left if _ends(table[c], IMAGE_ENDINGS)]
    volumes = [c for c in left if _is_volume(table[c], table_path.parent)]
    signals = [c for c in left if _ends(table[c], SIGNAL_ENDINGS)]
    files = [c for c in left if _ends(table[c], NOTE_ENDINGS)]
    paths = [*images, *volumes, *signals, *files]
    notes = [c for c in left if c not in paths and _is_note(table[c])]
    times = {c: formats for c in left if c not in notes and (formats := _formats(table[c]))}
    known = [*paths, *notes, *times]
    numeric = [c for c in left if c not in known and _is_numeric(table[c])]
    texts = [c for c in left if c not in known + numeric and table[c].nunique() <= 20]
    target = _target(table, texts + numeric)
    others = [c for c in texts + numeric if _names_outcome(c) and c != target]
    inputs = [c for c in texts + numeric if c != target and c not in others]
    inputs = [c for c in inputs if table[c].nunique() > 1]
    beside = out.parent if out else table_path.parent
    where = Path(os.path.relpath(table_path.resolve(), beside.resolve())).as_posix()
    return "\n".join(
        [
            *_head(where, case_id, patient_id, missing),
            *_target_lines(table, target, others),
            *_input_lines(
                _of_kind("image", "image", images) + _of_kind("volume", "image", volumes, _IS_3D),
                _of_kind("note", "note", notes, _NO_MASK)
                + _of_kind("letter", "note", files, ", file: true" + _NO_MASK),
                {c: _unit(table[c]) for c in inputs if c in numeric},
                [c for c in inputs if c in texts],
                [_signal_line(signals, c, table[c], table_path.parent) for c in signals],
            ),
            *_time_lines(times),
            *_sensitive_lines([c for c in left if c != target], set(numeric)),
            *_unused_lines(names, [*known, *inputs, *others, case_id, patient_id, str(target)]),
            "",
        ]
    )


def _q(text: object) -> str:
    """A YAML scalar in double quotes: any column name or value is safe in it."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _list(values: list[str]) -> str:
    return f"[{', '.join(_q(value) for value in values)}]"


def _ids(table: pd.DataFrame) -> tuple[str, str]:
    """The first column without repeats named like an id, and one named like a patient's."""
    names = [str(name) for name in table]
    unique = [c for c in names if table[c].notna().all() and table[c].is_unique]
    named = [c for c in unique if "id" in c.lower() and "patient" not in c.lower()]
    case_id = (named or unique or names)[0]
    patients = [c for c in names if any(w in c.lower() for w in ("patient", "subject", "mrn"))]
    return case_id, (patients or [case_id])[0]


def _ends(cells: pd.Series, endings: tuple[str, ...]) -> bool:
    known = cells.dropna().str.lower()
    return bool(known.str.endswith(endings).mean() > 0.9)


def _is_volume(cells: pd.Series, folder: Path) -> bool:
    """NIfTI files, or folders that are there."""
    known = cells.dropna()
    first = [cell for cell in known[:20] if not leads_out(cell)]
    return _ends(cells, VOLUME_ENDINGS) or (
        bool(first) and all(cell != "." and os.path.isdir(folder / cell) for cell in first)
    )


def _formats(cells: pd.Series) -> list[str]:
    """The formats of times that read nearly every cell, together; none if they do not."""
    known = cells.dropna()
    read = {text: read_times(known, [text])["first"].notna() for text in TIME_FORMATS}
    used = [text for text, fits in read.items() if fits.any()]
    together = pd.DataFrame({text: read[text] for text in used}).any(axis=1)
    return used if used and together.mean() > 0.9 else []


def _unit(cells: pd.Series) -> str:
    numbers = pd.to_numeric(cells, errors="coerce").dropna()
    return likely_unit(str(cells.name), list(numbers))


def _is_note(cells: pd.Series) -> bool:
    known = cells.dropna()
    spaced = known.str.contains(" ").mean() > 0.5
    return bool(spaced and known.str.len().mean() >= LONG_TEXT and known.nunique() > 20)


def _is_numeric(cells: pd.Series) -> bool:
    known = cells.dropna()
    return bool(pd.to_numeric(known, errors="coerce").notna().mean() > 0.9)


def _target(table: pd.DataFrame, columns: list[str]) -> str | None:
    """A column named like an outcome, rather with two values; else the first with two values."""
    few = [c for c in columns if 2 <= table[c].nunique() <= 20]
    named = [c for c in few if _names_outcome(c)]
    two = [c for c in few if table[c].nunique() == 2 and c.lower() not in _SENSITIVE]
    choice = [c for c in named if c in two] + named + two
    return choice[0] if choice else None


def _names_outcome(column: str) -> bool:
    return any(part in _OUTCOMES for part in column.lower().split("_"))


def _head(table: str, case_id: str, patient_id: str, missing: list[str]) -> list[str]:
    alone = " It is the case id: give the patient's." if patient_id == case_id else ""
    return [
        f"# A first draft, guessed from the columns of {Path(table).name}. Check every line:",
        "# clinmm does not guess anywhere else. Then: clinmm check THIS_FILE",
        f"name: {_q(Path(table).stem)}",
        f"table: {_q(table)} # relative to this file; so are paths in cells, to the table",
        f"case_id: {_q(case_id)} # CHECK: different in every row",
        f"patient_id: {_q(patient_id)} # CHECK: no patient may be in two parts of a split.{alone}",
        "unit_name: patient",
        f"missing: {_list(['', *missing])} # CHECK: these values mean `not recorded`, everywhere",
        "# keep: {column: [value, ...]} # which rows belong",
        "# require: [note]              # inputs without which a case does not belong",
        "# drop_duplicates_of: image    # same file bytes: keep the first",
        "",
    ]


def _target_lines(table: pd.DataFrame, target: str | None, others: list[str]) -> list[str]:
    if target is None:
        return [
            "# CHECK: no column looks like an outcome. Name it; which values mean what?",
            'target: {name: outcome, kind: binary, column: FILL_IN, positive: ["1"], '
            'negative: ["0"]}',
            "",
        ]
    counts = table[target].value_counts()
    said = ", ".join(f"{_q(value)} {n} rows" for value, n in counts.items())
    name = _q(target)
    if len(counts) == 2:
        low, high = sorted(map(str, counts.index))
        kind = f"kind: binary, column: {name}, positive: [{_q(high)}], negative: [{_q(low)}]"
        check = "# CHECK: is this what you predict, and which value is the positive one? "
    else:
        kind = f"kind: multiclass, column: {name}, classes: {_list(sorted(map(str, counts.index)))}"
        check = "# CHECK: is this what you predict? "
    lines = [check + said.replace("\n", " ")]
    if others:
        listed = ", ".join(others).replace("\n", " ")
        lines.append(f"# These look like outcomes too, so they are no inputs: {listed}")
    return [*lines, f"target: {{name: {name}, {kind}}}", ""]


_IS_3D = ", dimensions: 3"
_NO_MASK = ", mask: []"


def _of_kind(name: str, kind: str, columns: list[str], more: str = "") -> list[str]:
    """A line per column: the input is called `name`, or `name_1`, `name_2` if there are several."""
    lines = []
    for place, column in enumerate(columns):
        own = name if len(columns) == 1 else f"{name}_{place + 1}"
        lines.append(f"  {own}: {{kind: {kind}, column: {_q(column)}{more}}}")
    return lines


def _signal_line(columns: list[str], column: str, cells: pd.Series, folder: Path) -> str:
    """A line with the rate, the channels and the length of the first file, where it can be read."""
    own = "signal" if len(columns) == 1 else f"signal_{columns.index(column) + 1}"
    rate, more = "FILL_IN", ""
    try:
        first = next(cell for cell in cells.dropna() if not leads_out(cell))
        found = read_signal(folder / first)
        channels, n = found.values.shape
        more = f", channels: {channels}"
        if found.rate:
            rate, more = f"{found.rate:g}", f"{more}, seconds: {max(n / found.rate, 0.1):.1f}"
    except (InputError, StopIteration):
        more = ", channels: 1, seconds: 10"
    check = "CHECK: samples a second and seconds that models see, as of the first file"
    return f"  {own}: {{kind: signal, column: {_q(column)}, rate: {rate}{more}}} # {check}"


def _input_lines(
    images: list[str],
    notes: list[str],
    numeric: dict[str, str],
    texts: list[str],
    signals: list[str],
) -> list[str]:
    """images, notes, signals: lines as they are. numeric: column -> unit."""
    lines = ["inputs: # CHECK: nothing here may be known only after the prediction is made"]
    lines += images + signals
    if notes:
        lines += ["  # CHECK: mask the words that give the answer away", *notes]
    if numeric or texts:
        lines += ["  record: # CHECK: units, and that no column follows from the outcome"]
        lines += ["    kind: record"]
        if numeric:
            lines += [
                "    numeric:",
                *(f"      {_q(c)}: {_q(unit)}" for c, unit in numeric.items()),
            ]
        if texts:
            lines += [f"    categorical: {_list(texts)}"]
    if len(lines) == 1:
        lines.append("  note: {kind: note, column: FILL_IN} # CHECK: no input was recognised")
    return [*lines, ""]


def _time_lines(times: dict[str, list[str]]) -> list[str]:
    """Times are never inputs; one may be when the prediction is made."""
    lines = [
        f"# index_time: {{column: {_q(column)}, formats: {_list(formats)}}}"
        for column, formats in times.items()
    ]
    check = "# CHECK: is one of these when the prediction is made? Else: time under an input"
    return [check, *lines, ""] if lines else []


def _sensitive_lines(columns: list[str], numeric: set[str]) -> list[str]:
    found = [column for column in columns if column.lower() in _SENSITIVE]
    if not found:
        return ["# CHECK: whom might the model fail? sensitive: {sex: COLUMN}", ""]
    lines = ["sensitive: # CHECK: whom might the model fail? Add what is missing here"]
    for column in found:
        name = column.replace("*", "_")
        cut = f"{{column: {_q(column)}, bins: [0, 40, 65, 120]}}"
        lines.append(f"  {_q(name)}: {cut if column in numeric else _q(column)}")
    return [*lines, ""]


def _unused_lines(columns: list[str], used: list[str]) -> list[str]:
    unused = [column for column in columns if column not in used]
    return [f"# Not used: {', '.join(unused)}".replace("\n", " ")] if unused else []
