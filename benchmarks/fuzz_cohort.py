"""Random cohort files and tables: whatever comes, only a Cohort or an InputError may come out.

    python benchmarks/fuzz_cohort.py --n 20000

Prints how many inputs gave a cohort, how many were refused, and anything else with its traceback.
Inputs are near-misses, a working cohort with parts replaced, and plain noise; both by Hypothesis.
"""

import argparse
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from clinmm.cohort.manifest import load_cohort
from clinmm.errors import InputError
from clinmm.intake.checks import columns, notes, ranges, time_travel
from clinmm.intake.context import Context

GOOD: dict[str, Any] = {
    "name": "fuzz",
    "table": "t.csv",
    "case_id": "c",
    "patient_id": "p",
    "missing": ["?"],
    "target": {
        "name": "y", "kind": "binary", "column": "y", "positive": ["1"], "negative": ["0"],
        "time": "d",
    },
    "inputs": {
        "image": {"kind": "image", "column": "f"},
        "note": {"kind": "note", "column": "t", "mask": ["died*"]},
        "file": {"kind": "note", "column": "f2", "file": True, "time": "d"},
        "parts": {"kind": "note", "column": "whole", "sections": ["s1", "s2"]},
        "many": {
            "kind": "note", "column": "all",
            "table": {"path": "n.csv", "case_id": "c", "text": "t", "time": "d",
                      "until": "index_time"},
        },
        "record": {"kind": "record", "numeric": {"a": {"unit": "years", "range": [0, 120]}}},
    },
    "sensitive": {"a": {"column": "a", "bins": [0, 40, 90]}},
    "index_time": {"column": "d", "formats": ["%Y-%m-%d", "%Y"]},
}  # fmt: skip
HEADER = ["c", "p", "y", "f", "f2", "t", "s1", "s2", "a", "d"]
FILES = ["n.txt", "../x", "/etc/passwd", "link", "rtf.txt", "", "\0", "a" * 300, "loop"]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([*HEADER, "note", "image", "%Y", "%Q", "%z %H", "n.csv", "t.csv"]),
    st.dates(), st.binary(max_size=4),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=6), st.integers()), inner, max_size=3),
    ),
    max_leaves=6,
)
cells = st.one_of(
    st.sampled_from(["c1", "c2", "p1", "0", "1", "?", "", "37.5", "1e400", "nan", "2020-01-02",
                     "2020", "2020-13-41", "0001-01-01", "9999", "<p>a</p>", "{\\rtf1 a}", "{\\rtf",
                     "[**Name**] <DATE> XXXX ___", "&lt;b&gt;x&lt;/b&gt;", *FILES]),
    st.text(max_size=12),
)  # fmt: skip


@st.composite
def settings_files(draw: st.DrawFn) -> Any:
    """The working file with up to three values replaced, taken away or added anywhere in it."""
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        here: Any = content
        while True:
            key = draw(st.sampled_from(sorted(here, key=str))) if here else "x"
            inner = here.get(key)
            if isinstance(inner, dict) and inner and draw(st.booleans()):
                here = inner
                continue
            change = draw(st.sampled_from(["replace", "remove", "add"]))
            if change == "remove":
                here.pop(key, None)
            else:
                here[key if change == "replace" else draw(st.text(max_size=5))] = draw(values)
            break
    return content


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A table of the right columns with any cells, or any bytes."""
    if draw(st.integers(0, 11)) == 7:
        return draw(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(
            lambda text: text.encode("utf-8", "surrogatepass"))))  # fmt: skip
    rows = draw(st.lists(st.lists(cells, min_size=len(HEADER), max_size=len(HEADER)), max_size=5))
    if draw(st.integers(0, 7)) < 7:
        file = draw(
            st.sampled_from(["n.txt", "rtf.txt", "none.txt", "", "", "../x", "link", "loop"])
        )
        rows = [
            [f"c{i}", f"p{i}", "01"[i % 2], "a.png", file, row[5] or "-", *row[6:]]
            for i, row in enumerate([*rows, [""] * len(HEADER)])
        ]
    sign = draw(st.sampled_from([*[","] * 8, ";", "\t"]))
    lines = [HEADER, *rows]
    text = "\n".join(
        sign.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in lines
    )
    encoding = draw(st.sampled_from([*["utf-8"] * 8, "utf-16", "latin-1"]))
    content = text.encode(encoding, "replace")
    cut = draw(st.integers(0, len(content))) if draw(st.integers(0, 11)) == 7 else len(content)
    return content[:cut]


def outcome(folder: Path, content: Any, table: bytes, second: bytes, note: bytes) -> str:
    """Writes the files, loads the cohort, runs the checks of its text and numbers."""
    for name, data in (("t.csv", table), ("n.csv", second), ("n.txt", note)):
        (folder / name).write_bytes(data)
    (folder / "t.parquet").write_bytes(b"PAR1" + table + b"PAR1")
    (folder / "rtf.txt").write_bytes(b"{\\rtf1 " + note)
    for name, target in (("link", "/etc/hostname"), ("loop", "loop")):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    path = folder / "cohort.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(yaml.safe_dump(content), encoding="utf-8", errors="surrogatepass")
    try:
        cohort = load_cohort(path, for_prediction=True)
        for check in (columns, notes, ranges, time_travel):
            check.check(cohort, Context())
        cohort.for_run()
        assert len(cohort.fingerprint) == 64
    except InputError as error:
        return "refused" if all(error.problems) else "refused without a word"
    return "cohort"


inputs = (
    st.one_of(settings_files(), settings_files(), settings_files(), values, st.binary(max_size=80)),
    tables(),
    tables(),
    st.binary(max_size=60),
)


BATCH = 250
"""Inputs between two looks at the clock."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600)
    given_args = parser.parse_args()
    counts: Counter[str] = Counter()
    started = time.monotonic()
    slowest = 0.0
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        batch = 0
        while (
            sum(counts.values()) < given_args.n and time.monotonic() - started < given_args.seconds
        ):

            @seed(given_args.seed * 1_000_000 + batch)
            @settings(
                max_examples=min(BATCH, given_args.n), deadline=None, database=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(*inputs)
            def try_one(content: Any, table: bytes, second: bytes, note: bytes) -> None:
                nonlocal slowest
                begun = time.monotonic()
                counts[outcome(Path(place), content, table, second, note)] += 1
                slowest = max(slowest, time.monotonic() - begun)

            try_one()
            batch += 1
    print(f"{sum(counts.values())} inputs: {dict(counts)}; slowest {slowest:.2f} s")


if __name__ == "__main__":
    main()
