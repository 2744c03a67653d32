from collections.abc import Callable

import pandas as pd

from clinmm import schema
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_config import SplitConfig
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
