"""A whole reading study on a copy of a run, carried out by scripted readers in a real browser.

    python benchmarks/reading_study.py RUN [--cases 20] [--readers 3] [--dprime 1.2] [--follow 0.5]
        [--arms blind_first,without_model] [--database URL] [--work FOLDER] [--pictures FOLDER]
        [--headed] [--seed 0]

RUN has a target of one or several findings; it is copied first. `clinmm reading people add` lets
everybody in, `clinmm reading new` draws the cases by class and repeats a tenth, `clinmm review
--sign-in` serves the room. All readers read at once, by keyboard alone, each in a session of their
own. A scripted reader sees the truth through noise (`--dprime` standard deviations between absent
and present), says so in five steps, locks, reads the model's risk off the page, and where that lies
on the other side of how common the finding is goes over to it with a chance of `--follow`. With
several `--arms` one is drawn for each case of a reader; without the model there is one answer. An
adjudicator decides what is disputed, the administrator opens the results; then `clinmm reading
results`, `labels` and `export`.

At the end: is every answer that a page said was locked in the database once and as it was given,
with no version missing; are the counts of helped, harmed and changed, and every exported label, as
the scripts expect; did nobody see a risk before locking, and was the risk that of the run. Times
are seconds as the reader waits. A PostgreSQL database is left with the study in it.
"""

import argparse
import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from playwright.async_api import Browser, Page, async_playwright

from clinmm.review.answers import POSITIVE, UNDECIDED, called
from clinmm.review.database import default_url
from clinmm.review.events import LOCKED, Event, Events
from clinmm.review.results.of_model import model_rows
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run

CLINMM = [sys.executable, "-m", "pipelines.cli"]
STUDY = "scripted"
ADJUDICATOR, ADMINISTRATOR = "Adjudicator", "Administrator"
ADJUDICATORS_DPRIME = 2.5
BLIND = ("blind_first", "without_explanation", "without_model")
"""Arms in which the first answer is given before the model is seen."""

REASON = "plausible"
"""Typed into the field of reasons, it leaves one."""

Key = tuple[str, str, int]
"""Reader, case and which reading of it."""


@dataclass
class Tally:
    """What the scripts were told by the pages.

    locked: reading -> `opinion` and `final`, ratings and confidence as given. drafts: changes that
    the page took. decided: case -> ratings. risks: (case, class) -> of a hundred, as shown.
    early: risks on a page before the opinion was locked. wrong: errors of the pages.
    """

    locked: dict[Key, dict[str, tuple[dict[str, int], int]]] = field(default_factory=dict)
    drafts: Counter[Key] = field(default_factory=Counter)
    decided: dict[str, dict[str, int]] = field(default_factory=dict)
    risks: dict[tuple[str, str], int] = field(default_factory=dict)
    early: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    async def timed(self, name: str, act: Awaitable[Any]) -> None:
        began = time.perf_counter()
        await act
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)


@dataclass(frozen=True)
class Plan:
    """What every script knows. truth: (case, class) -> recorded. cases: ids, by number in links."""

    address: str
    passwords: Mapping[str, str]
    truth: Mapping[tuple[str, str], float]
    cases: list[str]
    classes: list[str]
    dprime: float
    follow: float
    seed: int
    pictures: Path | None


# --- the command line ------------------------------------------------------------------------
def clinmm(*words: str, typed: str | None = None) -> str:
    """What a command prints."""
    done = subprocess.run([*CLINMM, *words], input=typed, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"clinmm {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def protocol(readers: list[str], n_cases: int, arms: list[str], seed: int) -> dict[str, Any]:
    return {
        "name": STUDY,
        "arms": arms,
        "cases": {"n": n_cases, "by": ["class"]},
        "readers": readers,
        "adjudicators": [ADJUDICATOR],
        "administrators": [ADMINISTRATOR],
        "repeats": {"share": 0.1, "washout_days": 0},
        "seed": seed,
    }


@contextmanager
def served(run: Path, people: Path, url: str) -> Iterator[str]:
    """The address of the room while `clinmm review` runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["review", str(run), "--sign-in", "--people", str(people), "--port", str(port)]
    with (run.parent / "server.log").open("w") as log:
        room = subprocess.Popen([*CLINMM, *words, "--database", url], stdout=log, stderr=log)
    try:
        for _ in range(600):
            if room.poll() is not None:
                raise SystemExit((run.parent / "server.log").read_text())
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        room.send_signal(signal.SIGINT)
        room.wait(timeout=120)


# --- in the browser --------------------------------------------------------------------------
async def drawn(page: Page) -> None:
    await page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.getAttribute("aria-label") || at?.innerText || "";
}"""


async def tab_to(page: Page, label: str) -> None:
    """Presses Tab until the field or button of this label has the focus."""
    for _ in range(150):
        if (await page.evaluate(FOCUS)).startswith(label):
            return
        await page.keyboard.press("Tab")
    raise RuntimeError(f"no key leads to {label!r}")


async def signed_in(plan: Plan, browser: Browser, name: str, tally: Tally) -> Page:
    context = await browser.new_context(viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: tally.wrong.append(str(error)))
    await page.goto(plan.address)
    await page.get_by_label("Password", exact=True).wait_for()
    await drawn(page)
    for label, text in (("Name", name), ("Password", plan.passwords[name])):
        await tab_to(page, label)
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Worklist").first.wait_for()
    await drawn(page)
    return page


async def pictured(plan: Plan, page: Page, name: str) -> None:
    if plan.pictures:
        await page.wait_for_timeout(800)
        await page.screenshot(path=plan.pictures / f"{name}.png")


async def strike(page: Page, key: str) -> None:
    """A key, until the form asks another question."""
    was = await page.inner_text(".ask")
    await page.keyboard.press(key)
    await page.wait_for_function(
        "was => (document.querySelector('.ask')?.innerText ?? was) !== was",
        arg=was,
    )
    await drawn(page)


async def until(page: Page, button: str) -> None:
    """Until the page offers this button and the image stands."""
    await page.get_by_role("button", name=re.compile(f"^{button}")).first.wait_for()
    await page.locator(".viewer[data-window]").first.wait_for()
    await drawn(page)


async def press_until(page: Page, key: str, button: str) -> None:
    await page.keyboard.press(key)
    await until(page, button)


async def read_everything(plan: Plan, browser: Browser, number: int, tally: Tally) -> None:
    """One reader, from sign-in to the last reading."""
    name = readers_of(plan)[number]
    page = await signed_in(plan, browser, name, tally)
    shown = number == 0
    if shown:
        await pictured(plan, page, "worklist")
    await page.get_by_role("button", name="Read the next one").wait_for()
    await drawn(page)
    await press_until(page, "n", "Lock my opinion")
    while True:
        await read_one(plan, page, name, number, tally, pictures=shown)
        shown = False
        if await page.get_by_role("button", name="Next unread").is_disabled():
            break
        await tally.timed("next case", press_until(page, "u", "Lock my opinion"))
    await page.context.close()


async def read_one(
    plan: Plan, page: Page, name: str, number: int, tally: Tally, pictures: bool
) -> None:
    """One reading, in both phases, or the one of an arm without the model."""
    case_number = int(re.findall(r"case=(\d+)", page.url)[0])
    reading = 2 if "reading=2" in page.url else 1
    key = (name, plan.cases[case_number], reading)
    rng = np.random.default_rng([plan.seed, number, case_number, reading])
    in_two = await page.locator(".steps li").count() == len(("opinion", "final", "done"))
    tally.early += await page.locator(".risk").count()
    said, sure = opinion(plan, key, rng)
    for rating in said.values():
        await tally.timed("an answer", strike(page, str(rating)))
    await tally.timed("an answer", strike(page, str(sure)))
    tally.drafts[key] += len(said) + 1
    if pictures:
        await pictured(plan, page, "case_blind")
    if not in_two:
        await tally.timed("lock, case done", finish(page))
        tally.locked[key] = {"final": (said, sure)}
        return
    await tally.timed("lock, model shown", press_until(page, "l", "Lock my final opinion"))
    tally.locked[key] = {"opinion": (said, sure)}

    final = dict(said)
    for name_of, (risk, common) in (await risks(page, plan.classes)).items():
        tally.risks[key[1], name_of] = risk
        present = risk >= common
        if called(said[name_of]) != present and rng.random() < plan.follow:
            final[name_of] = POSITIVE if present else 6 - POSITIVE
    changed = [one for one in plan.classes if final[one] != said[one]]
    for one in changed:
        for _ in range(plan.classes.index(one) + 1):
            await strike(page, "q")
        await tally.timed("an answer", strike(page, str(final[one])))
    if changed:
        await tally.timed("a reason", give_reason(page))
    tally.drafts[key] += len(changed) + bool(changed)
    if pictures:
        await pictured(plan, page, "case_final")
    await tally.timed("lock, case done", finish(page))
    tally.locked[key]["final"] = (final, sure)
    if pictures:
        await pictured(plan, page, "case_done")


async def finish(page: Page) -> None:
    """Locks the final answer. A case to be read again is taken off the screen at once."""
    await page.keyboard.press("l")
    done = page.get_by_role("button", name="Correct")
    await done.or_(page.get_by_text("to be read again now")).first.wait_for()
    await drawn(page)


async def give_reason(page: Page) -> None:
    await tab_to(page, "Reasons")
    await page.keyboard.type(REASON)
    await page.get_by_role("option").first.wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("stMultiSelect").get_by_text(re.compile(REASON)).first.wait_for()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Shift+Tab")  # a key in a text field is text
    await page.wait_for_timeout(200)
    await drawn(page)


async def risks(page: Page, classes: list[str]) -> dict[str, tuple[int, float]]:
    """Class -> the model's risk and how common the finding is, of a hundred, as the page says."""
    found = {}
    for line in await page.locator(".risk").all():
        label = (await line.locator("b").inner_text()).lower()
        said = await line.locator(".sentence").inner_text()
        tick = await line.locator(".tick").get_attribute("style")
        n = int(re.findall(r"\d+", said)[0])
        of_hundred = {"fewer": 0, "more": 100}.get(said.split()[0], n)
        name = next(one for one in classes if one.replace("_", " ").lower() == label)
        found[name] = (of_hundred, float(re.findall(r"left:([\d.]+)", tick or "")[0]))
    return found


def opinion(plan: Plan, key: Key, rng: np.random.Generator) -> tuple[dict[str, int], int]:
    """The truth through noise: a rating for each class, and confidence from how far it lies off."""
    signals = np.array([plan.dprime * (plan.truth[key[1], one] - 0.5) for one in plan.classes])
    signals += rng.normal(size=len(signals))
    ratings = np.digitize(signals, [-1.0, -0.2, 0.2, 1.0]) + 1
    sure = int(np.digitize(np.abs(signals).min(), [0.2, 0.6, 1.2])) + 1
    return {name: int(one) for name, one in zip(plan.classes, ratings, strict=True)}, sure


async def decide_everything(plan: Plan, browser: Browser, tally: Tally) -> None:
    """The adjudicator, until no case waits."""
    page = await signed_in(plan, browser, ADJUDICATOR, tally)
    await page.get_by_role("link", name="Adjudication").click()
    rng = np.random.default_rng([plan.seed, 99])
    first = True
    while True:
        await page.get_by_text(re.compile("waits? for you|No case waits")).first.wait_for()
        await drawn(page)
        if await page.get_by_text("No case waits").count():
            break
        opener = page.locator(".listing button").first
        case_id = await opener.inner_text()
        if first:
            await pictured(plan, page, "adjudication_list")
        await opener.focus()
        await page.keyboard.press("Enter")
        await until(page, "Lock the decision")
        decision = {}
        for name in plan.classes:
            group = page.get_by_role("radiogroup", name=name.replace("_", " ").capitalize())
            if await group.locator("[aria-checked=true]").count():
                continue  # what readers agree on stands there
            signal_ = ADJUDICATORS_DPRIME * (plan.truth[case_id, name] - 0.5) + rng.normal()
            decision[name] = 5 if signal_ > 0 else 1
            await group.get_by_role("radio").nth(decision[name] - 1).click()
        sure = page.get_by_role("radiogroup", name="Confidence")
        await sure.get_by_role("radio").nth(2).click()
        if first:
            await pictured(plan, page, "adjudication")
        await page.keyboard.press("l")
        await page.get_by_text("The decision is locked.").wait_for()
        tally.decided[case_id] = decision
        first = False
    await page.context.close()


async def look_at_results(plan: Plan, browser: Browser, tally: Tally) -> None:
    """The administrator, on the page of reading studies."""
    page = await signed_in(plan, browser, ADMINISTRATOR, tally)
    await page.get_by_role("link", name="Reading studies").click()
    await page.get_by_role("heading", name="Progress").wait_for()
    await drawn(page)
    for tab in ("Readers", "Arms and groups", "Changes of mind", "Agreement", "Time"):
        await page.get_by_role("tab", name=tab, exact=True).click()
        await drawn(page)
        await pictured(plan, page, f"results_{tab.split()[0].lower()}")
    await page.context.close()


def readers_of(plan: Plan) -> list[str]:
    return [name for name in plan.passwords if name not in (ADJUDICATOR, ADMINISTRATOR)]


async def carry_out(plan: Plan, headed: bool, chromium: str) -> Tally:
    tally = Tally()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, headless=not headed, args=["--no-sandbox", "--disable-gpu"]
        )
        numbers = range(len(readers_of(plan)))
        await asyncio.gather(*(read_everything(plan, browser, n, tally) for n in numbers))
        await decide_everything(plan, browser, tally)
        await look_at_results(plan, browser, tally)
        await browser.close()
    return tally


# --- what came of it -------------------------------------------------------------------------
def check(plan: Plan, tally: Tally, run: Run, url: str, labels: Path, kept: Path) -> Iterator[str]:
    """Everything that is not as the scripts expect."""
    with closing(ReadingRoom(url, run_id(run.facts))) as room:
        desk = room.steward(STUDY)
        events = Events(room.engine, desk.study.id).all()
        kept_readings, arms = desk.readings(), desk.study.protocol.arms
    yield from _events_as_told(tally, events)
    for row in kept_readings.itertuples():
        if len(tally.locked[row.reader, row.case_id, row.reading]) != len(arms[row.arm].steps):
            yield f"{row.case_id}: {row.reader} was asked otherwise than the arm {row.arm} says"
    if len(pd.read_parquet(kept / "events.parquet")) != len(events):
        yield "the export holds another number of events than the database"
    if tally.early:
        yield f"{tally.early} risks stood on a page before the opinion was locked"
    known = model_rows(run).set_index(["case_id", "class_name"])["risk"]
    for place, shown in tally.risks.items():
        if abs(100 * known[place] - shown) > 0.51:
            yield f"{place}: the page said {shown} of 100, the run {100 * known[place]:.1f}"
    yield from (f"error on a page: {one}" for one in tally.wrong)
    results = run.read("reading_results")
    for metric, name, told in _counts(plan, tally):
        rows = results[(results["study"] == STUDY) & (results["metric"] == metric)]
        rows = rows[(rows[["reader", "arm", "group_by"]] == "all").all(axis=1)]
        found = rows.loc[rows["class_name"] == name, "value"].tolist()
        if found != [told]:
            yield f"{metric} of {name}: the results say {found}, the scripts {told}"
    yield from _labels_as_told(plan, tally, pd.read_csv(labels / "labels.csv"))


def _events_as_told(tally: Tally, events: list[Event]) -> Iterator[str]:
    told = Counter(
        (key, kind, tuple(sorted(ratings.items())), sure)
        for key, answers in tally.locked.items()
        for kind, (ratings, sure) in answers.items()
    )
    found = Counter(
        (one.key, one.kind, tuple(sorted(one.payload["ratings"].items())), confidence(one))
        for one in events
        if one.kind in LOCKED
    )
    yield from (f"locked on the page, not in the database: {one}" for one in (told - found))
    yield from (f"in the database, not locked on the page: {one}" for one in (found - told))
    drafts = Counter(one.key for one in events if one.kind == "draft")
    if drafts != tally.drafts:
        yield f"drafts: {drafts.total()} in the database, {tally.drafts.total()} taken by the page"
    decided = Counter(one.case_id for one in events if one.kind == "adjudication")
    if decided != Counter(tally.decided.keys()):
        yield f"decisions: {decided} in the database, {sorted(tally.decided)} on the page"
    versions: dict[Key, list[int]] = {}
    for one in events:
        if one.version is not None:
            versions.setdefault(one.key, []).append(one.version)
    for key, numbers in versions.items():
        if numbers != [*range(1, len(numbers) + 1)]:
            yield f"versions of {key}: {numbers}"
    opened = {
        (one.key, one.payload["phase"]): one.payload["shown"]
        for one in events
        if one.kind == "opened"
    }
    for key, answers in tally.locked.items():
        if opened.get((key, next(iter(answers)))) != []:
            yield f"it is not on record that {key} saw nothing of the model at first"
        if len(answers) > 1 and not opened.get((key, "final")):
            yield f"what {key} saw of the model is not on record"


def confidence(event: Event) -> int:
    return int(event.payload["confidence"])


def _counts(plan: Plan, tally: Tally) -> Iterator[tuple[str, str, float]]:
    """(metric, class, count) over first readings. `cannot say` counts as a negative call."""
    for name in plan.classes:
        counts = Counter[str]()
        for (_, case_id, reading), answers in tally.locked.items():
            if len(answers) < 2:
                continue
            before, after = (answers[kind][0][name] for kind in ("opinion", "final"))
            right = [
                (one >= POSITIVE) == bool(plan.truth[case_id, name]) for one in (before, after)
            ]
            if reading == 1:
                counts["helped"] += right == [False, True]
                counts["harmed"] += right == [True, False]
                counts["changed"] += before != after
        yield from (
            (metric, name, float(counts[metric])) for metric in ("helped", "harmed", "changed")
        )


def _labels_as_told(plan: Plan, tally: Tally, labels: pd.DataFrame) -> Iterator[str]:
    said = {"True": True, "False": False}  # an empty cell: not settled
    keys = zip(labels["case_id"], labels["class_name"], strict=True)
    found = dict(zip(keys, labels["label"].astype(str).map(said.get), strict=True))
    cases = sorted({case_id for _, case_id, _ in tally.locked})
    if len(found) != len(cases) * len(plan.classes):
        yield f"{len(found)} labels of {len(cases)} cases"
    for case_id in cases:
        for name in plan.classes:
            calls = {
                called(answers["final"][0][name])
                for (_, case, reading), answers in tally.locked.items()
                if case == case_id and reading == 1
            }
            decided = tally.decided.get(case_id, {}).get(name, UNDECIDED)
            label = next(iter(calls)) if len(calls) == 1 else called(decided)
            if len(calls) == 1 and None in calls:
                label = called(decided)
            exported = found.get((case_id, name))
            if exported != label:
                yield f"label of {case_id} {name}: exported {exported}, expected {label}"


def told(tally: Tally) -> None:
    print(f"\n{'seconds as a script waits':28} {'median':>8} {'lowest':>8} {'highest':>8} {'n':>5}")
    for name, seconds in sorted(tally.seconds.items()):
        ends = f"{min(seconds):8.2f} {max(seconds):8.2f} {len(seconds):5}"
        print(f"{name:28} {statistics.median(seconds):8.2f} {ends}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("run", type=Path, help="a run folder; it is copied")
    asked.add_argument("--cases", type=int, default=20)
    asked.add_argument("--readers", type=int, default=3)
    asked.add_argument("--dprime", type=float, default=1.2, help="skill of the readers alone")
    asked.add_argument(
        "--follow", type=float, default=0.5, help="chance of going over to the model"
    )
    asked.add_argument(
        "--arms",
        type=lambda said: said.split(","),
        default=["blind_first"],
        help=f"of {', '.join(BLIND)}, with commas between",
    )
    asked.add_argument("--database", help="SQLAlchemy URL; a file in the copy if left out")
    asked.add_argument("--work", type=Path, help="a new folder, kept; a temporary one if left out")
    asked.add_argument("--pictures", type=Path, help="a folder for screenshots, which show cases")
    asked.add_argument("--headed", action="store_true", help="with windows to watch")
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    if unknown := [name for name in given.arms if name not in BLIND]:
        raise SystemExit(f"--arms: {', '.join(unknown)}; the scripts read in {', '.join(BLIND)}")
    facts = Run.open(given.run).facts
    if facts["target"]["kind"] not in ("binary", "multilabel"):
        raise SystemExit(
            f"the scripts rate findings; this run's target is {facts['target']['kind']}"
        )
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        study(given, given.work or Path(temporary) / "work")


def study(given: argparse.Namespace, work: Path) -> None:
    """The whole story; ends with status 1 where anything is not as expected."""
    began = time.perf_counter()
    work.mkdir(parents=True)
    ignored = shutil.ignore_patterns("review.sqlite*")
    run = Run.open(Path(shutil.copytree(given.run, work / "run", ignore=ignored)))
    url = given.database or default_url(run.folder)
    readers = [f"Reader {i}" for i in range(1, given.readers + 1)]
    passwords = {n: secrets.token_urlsafe(12) for n in (*readers, ADJUDICATOR, ADMINISTRATOR)}
    people = work / "people.json"
    for name, password in passwords.items():
        more = ["--administrator"] if name == ADMINISTRATOR else []
        words = ["reading", "people", "add", name, "--password-stdin", "--people", str(people)]
        clinmm(*words, *more, typed=password)
    file = work / "protocol.yaml"
    asked = protocol(readers, given.cases, given.arms, given.seed)
    file.write_text(yaml.safe_dump(asked), encoding="utf-8")
    place = [str(run.folder), "--database", url]
    print(clinmm("reading", "new", str(run.folder), str(file), "--database", url))
    known = model_rows(run)
    places = zip(known["case_id"], known["class_name"], strict=True)
    with served(run.folder, people, url) as address:
        plan = Plan(
            address,
            passwords,
            dict(zip(places, known["target"], strict=True)),
            run.read("cases")["case_id"].astype(str).tolist(),
            list(run.facts["target"]["classes"]),
            given.dprime,
            given.follow,
            given.seed,
            given.pictures,
        )
        tally = asyncio.run(carry_out(plan, given.headed, given.chromium))
    print(clinmm("reading", "list", *place))
    print(clinmm("reading", "results", *place, "--study", STUDY))
    labels, kept = work / "labels", work / "kept"
    print(clinmm("reading", "labels", *place, "--study", STUDY, "--out", str(labels)))
    print(clinmm("reading", "export", *place, "--study", STUDY, "--out", str(kept)))
    told(tally)
    problems = list(check(plan, tally, run, url, labels, kept))
    n_locked = sum(len(answers) for answers in tally.locked.values())
    print(
        f"\n{len(tally.locked)} readings of {len(readers)} readers at once, {n_locked} locked "
        f"answers, {tally.drafts.total()} drafts, {len(tally.decided)} decisions, "
        f"{time.perf_counter() - began:.0f} s in all"
    )
    for metric, name, n in _counts(plan, tally):
        print(f"{name}: {metric} {n:.0f}, as the scripts count")
    print(
        "\n".join(problems)
        or "Everything is in the database once, and all is as the scripts expect."
    )
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
