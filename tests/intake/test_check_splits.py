from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_config import SplitConfig
from clinmm.cohort.splits import make_splits
from clinmm.intake.checks import splits
from clinmm.intake.context import Context

Make = Callable[..., Cohort]


def linked(*pairs: tuple[str, str]) -> pd.DataFrame:
    rows = [
        {"case_id": a, "other_case_id": b, "input": "image", "kind": "same_bytes", "distance": 0.0}
        for a, b in pairs
    ]
    return schema.LINKS.fill(pd.DataFrame(rows)) if rows else schema.LINKS.empty()


def test_nothing_is_said_without_a_config_and_sizes_with_one(make: Make) -> None:
    cohort = make(160, outcome=[str(int(i % 4 < 2)) for i in range(160)])
    assert splits.check(cohort, Context()) == []
    (told,) = splits.check(cohort, Context(SplitConfig(folds=5), links=linked()))
    assert told.severity == "info"
    assert (
        told.detail
        == "The parts of the first fold: train 128 cases of 64 patients, test 32 "
        + ("cases of 16 patients.")
    )


def test_too_few_patients_are_an_error_that_says_how_many_are_needed(make: Make) -> None:
    found = splits.check(make(12), Context(SplitConfig(folds=5), links=linked()))
    assert [f.severity for f in found] == ["error", "error"]
    assert "2 patients with 'died', this split needs at least 5" in found[0].detail
    (by_site,) = splits.check(make(12), Context(SplitConfig(by="site"), links=linked()))
    assert "names no site" in by_site.detail


def test_linked_patients_count_once(make: Make) -> None:
    cohort = make(36)  # 6 patients with the class, c0 and c1 to c30 and c31
    split = SplitConfig(folds=5)
    links = linked(("c0", "c6"), ("c6", "c12"))
    (error, *_) = splits.check(cohort, Context(split, links=links))
    assert "4 patients with 'died' (2 are counted with the patient they are linked to)" in (
        error.detail
    )
    apart = split.model_copy(update={"keep_linked_together": False})
    assert {f.severity for f in splits.check(cohort, Context(apart, links=links))} == {"info"}


def test_a_large_linked_group_and_one_sided_sites_are_warned_of(make: Make) -> None:
    n = 240
    outcome = [str(int(i % 4 < 2)) for i in range(n)]
    site = ["A" if outcome[i] == "1" and i < 120 else "B" for i in range(n)]
    cohort = make(n, {"site": "site"}, outcome=outcome, site=site)
    chain = linked(*((f"c{i}", f"c{i + 2}") for i in range(120, 160, 2)))
    found = splits.check(cohort, Context(SplitConfig(folds=5), links=chain))
    warned = {f.subject: f for f in found if f.severity == "warning"}
    assert set(warned) == {"large groups", "site and died"}
    assert warned["large groups"].value == 42 / 240
    assert warned["site and died"].count == 1


def mixed(n: int) -> list[str]:
    return [str(int(i % 4 < 2)) for i in range(n)]


def test_a_group_too_large_to_spread_is_told_by_the_share_of_the_class(make: Make) -> None:
    n = 240
    cohort = make(n, patient_id=[f"p{i}" for i in range(n)], outcome=["0", "1"] * (n // 2))
    split = SplitConfig(folds=5)
    assert [f.severity for f in splits.check(cohort, Context(split, links=linked()))] == ["info"]
    chain = linked(*((f"c{i}", f"c{i + 2}") for i in range(1, 199, 2)))  # 100 of the 120 with it
    found = {f.subject: f for f in splits.check(cohort, Context(split, links=chain))}
    assert "The share of 'died' is 0.500 in the cohort, but" in found["share of died"].detail
    apart = split.model_copy(update={"keep_linked_together": False})
    assert len(splits.check(cohort, Context(apart, links=chain))) == 1


def test_sites_on_one_side_of_the_division_are_told(make: Make) -> None:
    n = 240
    date = ["2020-01-01"] * 200 + ["2021-01-01"] * 40
    site = ["A"] * 60 + ["B"] * 140 + ["B"] * 20 + ["C"] * 20
    spec = {"site": "site", "index_time": {"column": "date"}}
    cohort = make(n, spec, outcome=mixed(n), site=site, date=date)
    later = SplitConfig.model_validate({"by": "time", "test_from": "2021-01-01"})
    found = {f.severity: f for f in splits.check(cohort, Context(later, links=linked()))[1:]}
    assert found["warning"].case_ids == tuple(f"c{i}" for i in range(220, 240))
    assert found["info"].count == 1
    assert len(splits.check(cohort, Context(SplitConfig(folds=5), links=linked()))) == 1


def test_the_division_is_that_of_the_study(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def recorded(*args: Any) -> pd.DataFrame:
        seeds.append(args[2])
        return make_splits(*args)

    monkeypatch.setattr(splits, "make_splits", recorded)
    splits.check(make(160, outcome=mixed(160)), Context(SplitConfig(), seed=7))
    assert seeds == [7]
