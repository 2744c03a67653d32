"""How fast is the reading room in a browser, on a run of 700 cases and on one of 100,000?

    python benchmarks/reading_room_speed.py [--cases 700 100000] [--times 20] [--keep FOLDER]
            [--chromium /usr/bin/chromium]

The runs are made from a seed, not trained: 14 findings; four arms with a prediction for every case
and finding (5.6 million of them in the large run); image, note and record; explanations of the
first cases. All cases share two small pictures. The real server and a headless Chromium:

- the very first page after the server was started, once, with the seconds until the server listens;
- the first page of a new session: overview, worklist and a case, until what it shows can be used;
- the next case: from pressing N until the next case can be read and answered;
- the filter of the worklist: from Enter until the list is the filtered one.

Each so many times in turn; median, and lowest to highest, in seconds, beside the limit. Also what
memory the server holds at the end.
"""

import argparse
import os
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from clinmm.runs import STAGES, Run
from pipelines.review import command

CLASSES = [
    "atelectasis",
    "cardiomegaly",
    "consolidation",
    "edema",
    "effusion",
    "emphysema",
    "fibrosis",
    "hernia",
    "infiltration",
    "mass",
    "nodule",
    "pleural_thickening",
    "pneumonia",
    "pneumothorax",
]
ARMS = ("fused", "image", "note", "record")
GROUPS = {"sex": ["F", "M"], "age": ["[0, 40)", "[40, 65)", "[65, 120)"]}
N_EXPLAINED = 200
LIMITS = {"first page": 2.0, "next case": 0.5, "filter": 0.5}
NOTE = (
    "HISTORY: {age:.0f}-year-old with cough and fever for {days} days.\n"
    "FINDINGS: The heart is {heart}. No pneumothorax. Small opacity at the right base.\n"
    "IMPRESSION: Compared with the earlier study there is no change."
)
COHORT: dict[str, Any] = {
    "name": "made",
    "table": "cases.csv",
    "case_id": "case_id",
    "patient_id": "patient_id",
    "unit_name": "patient",
    "target": {"name": "finding", "kind": "multilabel", "columns": CLASSES},
    "inputs": {
        "image": {"kind": "image", "column": "image"},
        "note": {"kind": "note", "column": "note"},
        "record": {
            "kind": "record",
            "numeric": {"age": "years", "temperature": "degC", "crp": "mg/L"},
            "categorical": ["sex"],
        },
    },
    "sensitive": {"sex": "sex", "age": {"column": "age", "bins": [0, 40, 65, 120]}},
}


# --- a run, made from a seed -----------------------------------------------------------------
def made_run(folder: Path, n: int, seed: int = 0) -> Run:
    """A run of `n` cases that nobody trained. Its figures are invented."""
    rng = np.random.default_rng(seed)
    facts = {
        "seed": seed,
        "cohort": {"name": f"made of {n:,}", "fingerprint": f"{seed:064x}"},
        "n_cases": n,
        "n_patients": -(-n // 2),
        "unit_name": "patient",
        "target": {"name": "finding", "kind": "multilabel", "classes": CLASSES},
        "inputs": {"image": "image", "note": "note", "record": "record"},
        "predicted_when": "at the radiograph",
        "n_folds": 5,
        "n_repeats": 1,
        "arms": list(ARMS),
        "rival": "image",
        "stages": {stage: {"seconds": 1.0} for stage in STAGES},
    }
    run = Run.create(folder, "study", facts)
    run.write_text("cohort.yaml", yaml.safe_dump(COHORT, sort_keys=False))
    cases = _cases(run, n, rng)
    run.write("cases", cases)
    run.write("splits", _splits(cases))
    run.write("predictions", _predictions(cases, rng))
    run.write("explanations", _explanations(run, cases.head(N_EXPLAINED), rng))
    run.write("metrics", _metrics(n, rng))
    run.write("comparisons", _comparisons(n, rng))
    run.write("curves", _curves(n))
    return run


def _cases(run: Run, n: int, rng: np.random.Generator) -> pd.DataFrame:
    (run.folder / "images").mkdir()
    for i in range(2):
        pixels = rng.normal(2000, 300, (512, 512)).clip(0, 4095).astype(np.uint16)
        Image.fromarray(pixels).save(run.folder / f"images/made_{i}.png")
    age = rng.uniform(18, 95, n).round()
    has_note = rng.random(n) > 0.1
    notes = [
        NOTE.format(age=a, days=d, heart="enlarged" if big else "of normal size")
        for a, d, big in zip(age, rng.integers(1, 9, n), rng.random(n) > 0.8, strict=True)
    ]
    columns = {
        "case_id": [f"case_{i:06d}" for i in range(n)],
        "patient_id": [f"p{i // 2:06d}" for i in range(n)],
        "image": [f"files/{i}.dcm" for i in range(n)],
        "image_display": [f"images/made_{i % 2}.png" for i in range(n)],
        "note": np.where(has_note, np.array(notes, dtype=object), None),
        "age": age,
        "temperature": np.where(rng.random(n) > 0.2, rng.normal(37.2, 0.7, n).round(1), np.nan),
        "crp": np.where(rng.random(n) > 0.3, rng.gamma(1.2, 30.0, n).round(), np.nan),
        "sex": np.where(rng.random(n) > 0.5, "F", "M"),
        "pattern": np.where(has_note, "image+note+record", "image+record"),
    }
    findings = {name: (rng.random(n) < 0.1).astype(float) for name in CLASSES}
    return pd.DataFrame(columns | findings)


def _splits(cases: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "repeat": 0,
            "fold": np.arange(len(cases)) // 2 % 5,
            "case_id": cases["case_id"],
            "patient_id": cases["patient_id"],
            "split": "test",
            "member": 0,
        }
    )


def _predictions(cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n, k = len(cases), len(CLASSES)
    truth = cases[CLASSES].to_numpy().ravel()
    parts = []
    for arm in ARMS:
        risk = 1 / (1 + np.exp(-(2.0 * truth - 2.5 + rng.normal(0, 1, n * k))))
        parts.append(
            pd.DataFrame(
                {
                    "arm": arm,
                    "repeat": 0,
                    "fold": np.repeat(np.arange(n) // 2 % 5, k),
                    "case_id": np.repeat(cases["case_id"].to_numpy(object), k),
                    "patient_id": np.repeat(cases["patient_id"].to_numpy(object), k),
                    "split": "test",
                    "class_name": np.tile(np.array(CLASSES, dtype=object), n),
                    "target": truth,
                    "probability_raw": risk,
                    "probability": risk,
                    "pattern": np.repeat(cases["pattern"].to_numpy(object), k),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _explanations(run: Run, cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every case shares one file: of the note, its first two words."""
    (run.folder / "attributions").mkdir()
    file = "attributions/made.npz"
    arrays = {
        "image/map": rng.normal(0, 0.01, (56, 56)).astype(np.float16),
        "note/start": np.array([0, 9], dtype=np.int32),
        "note/end": np.array([8, 11], dtype=np.int32),
        "note/score": np.array([0.2, -0.1], dtype=np.float32),
        "record/column": np.array(["age", "temperature", "crp", "sex"]),
        "record/score": rng.normal(0, 0.2, 4).astype(np.float32),
    }
    np.savez(run.folder / file, **arrays)
    same = {"arm": "fused", "method": "integrated_gradients", "status": "pass", "reason": None}
    figures = {"share": 1 / 3, "attribution": 0.3, "logit_change": 0.9, "completeness_error": 0.01}
    return pd.DataFrame(
        [
            {**same, **figures, "case_id": case_id, "class_name": name, "input": one, "file": file}
            for case_id in cases["case_id"]
            for name in CLASSES
            for one in ("image", "note", "record")
        ]
    )


def _places() -> list[tuple[str, str, str]]:
    """(group_by, group, pattern) of every slice."""
    groups = [(by, group, "any") for by, names in GROUPS.items() for group in names]
    return [("all", "all", "any"), ("all", "all", "image+record"), *groups]


def _metrics(n: int, rng: np.random.Generator) -> pd.DataFrame:
    middles = {"auroc": 0.8, "auprc": 0.4, "brier": 0.09, "log_loss": 0.3, "prevalence": 0.1}
    frame = pd.DataFrame(
        [
            (arm, metric, name, *place, middle - 0.03 * (arm != "fused"))
            for arm in ARMS
            for metric, middle in middles.items()
            for name in ("macro", *CLASSES)
            for place in _places()
        ],
        columns=["arm", "metric", "class_name", "group_by", "group", "pattern", "value"],
    )
    frame["value"] += rng.normal(0, 0.01, len(frame))
    calibrated = frame.assign(probability="calibrated")
    both = pd.concat([calibrated, frame.assign(probability="raw", value=frame["value"] + 0.01)])
    return both.assign(
        split="test",
        repeat="all",
        fold="all",
        operating_point=None,
        low=both["value"] - 0.02,
        high=both["value"] + 0.02,
        n_cases=n,
        n_patients=-(-n // 2),
        n_positive=n // 10,
        interval="patient bootstrap",
        status="ok",
        reason=None,
    )


def _comparisons(n: int, rng: np.random.Generator) -> pd.DataFrame:
    rivals = [("fused", rival, "auroc", "all", "all") for rival in ARMS[1:]]
    rivals += [("fused", "uncalibrated", "log_loss", "all", "all")]
    rivals += [
        ("fused", "complement", "auroc", by, group)
        for by, names in GROUPS.items()
        for group in names
    ]
    frame = pd.DataFrame(
        [(*rival, name) for rival in rivals for name in ("macro", *CLASSES)],
        columns=["arm", "rival", "metric", "group_by", "group", "class_name"],
    )
    difference = rng.normal(0, 0.01, len(frame))
    return frame.assign(
        pattern="any",
        difference=difference,
        low=difference - 0.02,
        high=difference + 0.02,
        p=0.5,
        p_holm=1.0,
        family="gaps",
        n_patients=-(-n // 2),
        verdict="not_shown",
    )


def _curves(n: int) -> pd.DataFrame:
    x = np.linspace(0.05, 0.95, 10)
    parts = [
        pd.DataFrame({"x": x, "y": x, "low": x - 0.02, "high": x + 0.02}).assign(class_name=name)
        for name in CLASSES
    ]
    return pd.concat(parts).assign(
        kind="reliability", arm="fused", group_by="all", group="all", pattern="any", n_cases=n // 10
    )


# --- the server and the browser --------------------------------------------------------------
@contextmanager
def served(run: Run) -> Iterator[tuple[int, int, float]]:
    """(port, process id, seconds until it listens) of the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = f"sqlite:///{run.folder / 'review.sqlite'}"
    environment = {
        **os.environ,
        "CLINMM_RUN": str(run.folder),
        "CLINMM_DATABASE": database,
        "OMP_NUM_THREADS": "1",
    }
    began = time.perf_counter()
    server = subprocess.Popen(
        command(port), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                if server.poll() is not None or time.perf_counter() - began > 120:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.05)
        yield port, server.pid, time.perf_counter() - began
    finally:
        server.terminate()
        server.wait(timeout=20)


def megabytes(pid: int) -> float:
    """What the process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


SETTLED = """
(wanted) => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.dataset.testScriptState !== "notRunning") return false;
  const within = (root) => [...root.querySelectorAll("*")].flatMap(
    (one) => one.shadowRoot ? [one, ...within(one.shadowRoot)] : [one]);
  const all = within(document);
  return wanted.every(([selector, text]) => all.some((one) =>
    one.matches(selector) && one.checkVisibility() && one.textContent.includes(text)));
}
"""
"""Whether the server is done and every (selector, text) is to be seen, in components too."""


def settled(page: Page, *wanted: tuple[str, str]) -> None:
    """Waits until the page shows what is wanted and can be used, looking at every frame drawn."""
    page.wait_for_function(SETTLED, arg=[list(one) for one in wanted], polling="raf")


class Visit:
    """A new session in a browser, with measures of what it does."""

    def __init__(self, browser: Browser, port: int) -> None:
        self.context = browser.new_context(viewport={"width": 1366, "height": 768})
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.address = f"http://127.0.0.1:{port}"

    def overview(self) -> None:
        self.page.goto(self.address)
        settled(self.page, ("h2", "Is fusion worth it?"), ("h2", "Whom does it serve worst?"))

    def desk(self) -> None:
        """The page that asks for a name; the name is written."""
        self.page.goto(f"{self.address}/worklist")
        settled(self.page, ("button", "Begin to read"))
        self.page.get_by_label("Reader").fill("AB")

    def worklist(self) -> None:
        self.page.get_by_role("button", name="Begin to read").click()
        settled(self.page, ("h1", "Worklist"), (".listing th button", "case_000000"))

    def first_case(self) -> None:
        self.page.get_by_role("button", name="Read the next one").click()
        self._on_case(0)

    def next_case(self, number: int) -> None:
        self.page.keyboard.press("n")
        self._on_case(number)

    def filtered(self, number: int) -> None:
        search = self.page.get_by_label("Search")
        search.fill(f"{number:06d}")
        search.press("Enter")
        settled(self.page, (".listing tbody tr:only-child th", f"case_{number:06d}"))

    def close(self) -> None:
        self.context.close()

    def _on_case(self, number: int) -> None:
        settled(
            self.page,
            ("h1.case", f"case_{number:06d}"),
            ("canvas", ""),
            ("button", "Lock my opinion"),
        )


def measure(run: Run, browser: Browser, times: int) -> dict[str, list[float]]:
    """Seconds of each act, and `memory` in megabytes at the end."""
    found: dict[str, list[float]] = {}
    n = int(run.facts["n_cases"])

    def note(name: str, act: Callable[[], None]) -> None:
        found.setdefault(name, []).append(timed(act))

    with served(run) as (port, pid, until_it_listens):
        found["server listens"] = [until_it_listens]
        first = Visit(browser, port)
        note("very first page", first.overview)
        first.close()
        first = Visit(browser, port)
        first.desk()
        note("very first worklist", first.worklist)
        note("very first case", first.first_case)
        first.close()
        for _ in range(times):
            visit = Visit(browser, port)
            note("first page: overview", visit.overview)
            visit.close()
            visit = Visit(browser, port)
            note("first page: name asked", visit.desk)
            note("first page: worklist", visit.worklist)
            visit.close()
        visit = Visit(browser, port)
        visit.desk()
        visit.worklist()
        for i in range(times):
            note("filter", lambda i=i: visit.filtered((37 * i + 5) % n))
        visit.close()
        visit = Visit(browser, port)
        visit.desk()
        visit.worklist()
        visit.first_case()
        for i in range(times):
            note("next case", lambda i=i: visit.next_case(i + 1))
        visit.close()
        found["memory"] = [megabytes(pid)]
    return found


def told(found: dict[str, list[float]]) -> None:
    print(f"{'':24} {'median':>8} {'lowest':>8} {'highest':>8} {'n':>4}   limit")
    for name, seconds in found.items():
        if name == "memory":
            print(f"{'server holds':24} {seconds[0]:8.0f} MB")
            continue
        limit = LIMITS.get(name.split(":")[0])
        middle = statistics.median(seconds)
        said = "" if limit is None else f"{limit} {'held' if middle <= limit else 'NOT HELD'}"
        ends = f"{min(seconds):8.2f} {max(seconds):8.2f} {len(seconds):4}"
        print(f"{name:24} {middle:8.2f} {ends}   {said}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--cases", type=int, nargs="+", default=[700, 100_000])
    asked.add_argument("--times", type=int, default=20)
    asked.add_argument("--keep", type=Path)
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=given.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for n in given.cases:
            folder = (given.keep or Path(temporary)) / f"made_{n}"
            run = Run.open(folder) if folder.is_dir() else made_run(folder, n)
            (folder / "review.sqlite").unlink(missing_ok=True)
            print(f"\n{n:,} cases, {len(CLASSES)} findings, {len(ARMS)} arms", flush=True)
            told(measure(run, browser, given.times))
        browser.close()


if __name__ == "__main__":
    main()
