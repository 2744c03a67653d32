"""Readings: the opinion is locked once, the verdict needs it, and both outlive the program."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, text

from clinmm.errors import InputError
from clinmm.review.readings import Opinion, Verdict
from clinmm.review.store import (
    OpinionLocked,
    OpinionMissing,
    ReviewStore,
    default_url,
    run_id,
)

OPINION = Opinion(ratings={"effusion": 4, "nodule": 1}, confidence=3, seconds=41.5)
AGREE = Verdict(verdict="agree")
DISAGREE = Verdict(verdict="disagree", reason="false_alarm", comment="a fold of skin")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return default_url(tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[ReviewStore]:
    with closing(ReviewStore(url, "run-1")) as opened:
        yield opened


def test_a_reading_is_there_again_after_a_restart(url: str) -> None:
    first = ReviewStore(url, "run-1")
    first.save_opinion("AB", "case-1", OPINION)
    first.save_verdict("AB", "case-1", DISAGREE)
    first.close()
    reading = ReviewStore(url, "run-1").reading("AB", "case-1")
    assert reading is not None
    assert (reading.opinion, reading.verdict) == (OPINION, DISAGREE)
    assert reading.opinion_at.tzinfo == UTC
    assert abs(datetime.now(UTC) - reading.opinion_at) < timedelta(minutes=1)


def test_a_locked_opinion_cannot_be_replaced(store: ReviewStore) -> None:
    store.save_opinion("AB", "case-1", OPINION)
    other = Opinion(ratings={"effusion": 1, "nodule": 5}, confidence=1)
    with pytest.raises(OpinionLocked, match="'AB' has already locked an opinion on case case-1"):
        store.save_opinion(" AB ", "case-1", other)
    reading = store.reading("AB", "case-1")
    assert reading is not None
    assert reading.opinion == OPINION


def test_a_verdict_before_the_opinion_is_refused(store: ReviewStore) -> None:
    with pytest.raises(OpinionMissing, match="no locked opinion on case case-1"):
        store.save_verdict("AB", "case-1", AGREE)
    store.save_opinion("CD", "case-1", OPINION)
    with pytest.raises(OpinionMissing):
        store.save_verdict("AB", "case-1", AGREE)
    assert store.readings()["verdict"].isna().all()


def test_the_latest_verdict_counts_and_the_earlier_one_stays(store: ReviewStore, url: str) -> None:
    store.save_opinion("AB", "case-1", OPINION)
    store.save_verdict("AB", "case-1", AGREE)
    store.save_verdict("AB", "case-1", DISAGREE)
    reading = store.reading("AB", "case-1")
    assert reading is not None
    assert reading.verdict == DISAGREE
    with create_engine(url).connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM reading_events ORDER BY id")).scalars()
        assert list(kinds) == ["opinion", "verdict", "verdict"]


def test_runs_and_readers_do_not_see_each_other(store: ReviewStore, url: str) -> None:
    store.save_opinion("AB", "case-1", OPINION)
    assert store.reading("CD", "case-1") is None
    assert ReviewStore(url, "run-2").reading("AB", "case-1") is None


def test_readings_is_one_row_per_reader_and_case(store: ReviewStore) -> None:
    assert list(store.readings().columns)[:2] == ["reader", "case_id"]
    store.save_opinion("AB", "case-1", OPINION)
    store.save_opinion("CD", "case-1", Opinion(choice="melanoma", confidence=2))
    store.save_verdict("AB", "case-1", DISAGREE)
    table = store.readings().set_index("reader")
    assert table.loc["AB", "reason"] == "false_alarm"
    assert table.loc["AB", "ratings"] == {"effusion": 4, "nodule": 1}
    assert table.loc["CD", "choice"] == "melanoma"
    assert table["verdict"].isna().tolist() == [False, True]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_reader_needs_a_name_of_1_to_80_characters(store: ReviewStore, name: str) -> None:
    with pytest.raises(InputError, match="1 to 80 characters"):
        store.save_opinion(name, "case-1", OPINION)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        (Opinion, {"ratings": {"nodule": 6}, "confidence": 2}, "less than or equal to 5"),
        (Opinion, {"ratings": {"nodule": 3}, "confidence": 0}, "greater than or equal to 1"),
        (Opinion, {"confidence": 2}, "either ratings per class or one choice"),
        (Opinion, {"ratings": {"a": 1}, "choice": "a", "confidence": 2}, "one choice"),
        (Verdict, {"verdict": "disagree"}, "needs a reason"),
        (Verdict, {"verdict": "partly", "reason": "other", "comment": " "}, "needs a comment"),
        (Verdict, {"verdict": "disagree", "reason": "bad_mood"}, "reason"),
        (Verdict, {"verdict": "agree", "stars": 5}, "Extra inputs"),
    ],
)
def test_an_incomplete_answer_is_refused(kind: type, content: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        kind.model_validate(content)


def test_threads_racing_for_one_opinion_lock_exactly_one(store: ReviewStore) -> None:
    def lock(rating: int) -> bool:
        try:
            store.save_opinion("AB", "case-1", Opinion(ratings={"nodule": rating}, confidence=1))
        except OpinionLocked:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lock, [1, 2, 3, 4, 5] * 4))
    assert sum(won) == 1
    assert len(store.readings()) == 1


WRITER = """
import sys
from clinmm.review.readings import Opinion, Verdict
from clinmm.review.store import OpinionLocked, ReviewStore
store, me, won = ReviewStore(sys.argv[1], "run-1"), sys.argv[2], 0
for i in range(25):
    store.save_opinion(me, f"case-{i}", Opinion(ratings={"nodule": 2}, confidence=2))
    store.save_verdict(me, f"case-{i}", Verdict(verdict="agree"))
    try:
        store.save_opinion("both", f"case-{i}", Opinion(ratings={"nodule": 5}, confidence=2))
        won += 1
    except OpinionLocked:
        pass
sys.stdout.write(str(won))
"""


def two_processes_write(url: str) -> None:
    """Two programs write at once, from before the tables exist: nothing lost, nothing double."""
    command = [sys.executable, "-c", WRITER, url]
    both = [
        subprocess.Popen([*command, me], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for me in ("AB", "CD")
    ]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum(int(out) for out, _ in said) == 25
    with closing(ReviewStore(url, "run-1")) as store:
        table = store.readings()
    assert table["reader"].value_counts().to_dict() == {"AB": 25, "CD": 25, "both": 25}
    assert table[table["reader"] != "both"]["verdict"].eq("agree").all()


def test_two_processes_can_write_one_sqlite_file(url: str) -> None:
    two_processes_write(url)


def test_sqlite_keeps_a_write_ahead_log(store: ReviewStore, url: str) -> None:
    with create_engine(url).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_postgresql_serves_two_processes(postgresql: str) -> None:
    two_processes_write(postgresql)
    with closing(ReviewStore(postgresql, "run-1")) as store, pytest.raises(OpinionLocked):
        store.save_opinion("AB", "case-1", OPINION)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot open the review database") as refused:
        ReviewStore(f"sqlite:///{tmp_path}/absent/review.sqlite", "run-1")
    assert "absent" in str(refused.value)
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as refused:
        ReviewStore("postgresql://reader:hunter2@127.0.0.1:1/none", "run-1")
    assert "hunter2" not in str(refused.value)


def test_a_url_that_cannot_be_read_says_what_was_wanted() -> None:
    with pytest.raises(InputError, match="wanted something like sqlite"):
        ReviewStore("not a url", "run-1")


def test_a_run_keeps_its_id_when_stages_are_added() -> None:
    facts = {"created": "2026-01-01", "seed": 1, "cohort": {"name": "a", "fingerprint": "f"}}
    assert run_id({**facts, "stages": {"train": {}}}) == run_id(facts)
    assert run_id({**facts, "seed": 2}) != run_id(facts)
