"""A short run of benchmarks/fuzz_cohort.py: nothing but a cohort or a refusal comes out."""

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("fuzz_cohort", ROOT / "benchmarks/fuzz_cohort.py")
assert _spec is not None
assert _spec.loader is not None
fuzz: Any = importlib.util.module_from_spec(_spec)
sys.modules["fuzz_cohort"] = fuzz
_spec.loader.exec_module(fuzz)

TABLE = (",".join(fuzz.HEADER) + "\nc0,p0,0,a.png,n.txt,A cough,s,t,37,2020-01-02\n").encode()


def test_the_file_that_the_inputs_vary_is_a_cohort(tmp_path: Path) -> None:
    assert fuzz.outcome(tmp_path, fuzz.GOOD, TABLE, TABLE, b"a note") == "cohort"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@seed(0)
@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(*fuzz.inputs)
def _try_one(content: Any, table: bytes, second: bytes, note: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = fuzz.outcome(_PLACE[0], content, table, second, note)
    assert outcome in ("cohort", "refused")


_PLACE: list[Path] = []


def test_random_files_give_a_cohort_or_a_refusal(folder: Path) -> None:
    _PLACE[:] = [folder]
    _try_one()
