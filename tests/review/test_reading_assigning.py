"""Who reads what: loads, pairs, orders, repeats and arms."""

from collections import Counter
from itertools import combinations
from typing import Any

import pandas as pd
import pytest

from clinmm.review.assigning import ASSIGNMENTS, assign
from clinmm.review.protocol import Protocol

CASES = [f"c{i:03d}" for i in range(41)]


def protocol(n_readers: int = 4, **settings: Any) -> Protocol:
    readers = [f"r{i}" for i in range(n_readers)]
    return Protocol.model_validate({"name": "s", "readers": readers, **settings})


def first(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["reading"] == 1]


def spread(counts: Any) -> int:
    return int(max(counts) - min(counts))


def test_every_reader_reads_every_case_where_nothing_else_is_said() -> None:
    table = assign(CASES, protocol(3))
    assert list(table.columns) == ASSIGNMENTS
    assert not table.duplicated(["reader", "case_id"]).any()
    assert len(table) == 3 * len(CASES)
    for _, mine in table.groupby("reader"):
        assert mine["position"].tolist() == list(range(len(CASES)))


@pytest.mark.parametrize(("n_readers", "k"), [(4, 2), (5, 3), (6, 2), (3, 1), (7, 7)])
def test_loads_and_pairs_are_balanced(n_readers: int, k: int) -> None:
    table = assign(CASES, protocol(n_readers, reads_per_case=k))
    assert (table.groupby("case_id")["reader"].nunique() == k).all()
    assert spread(table["reader"].value_counts()) <= 1
    pairs = Counter(dict.fromkeys(combinations(sorted(table["reader"].unique()), 2), 0))
    for _, who in table.groupby("case_id")["reader"]:
        pairs.update(combinations(sorted(who), 2))
    assert spread(pairs.values()) <= 1


def test_orders_differ_between_readers_and_come_back_with_the_seed() -> None:
    table = assign(CASES, protocol(2, seed=4))
    orders = [mine["case_id"].tolist() for _, mine in table.groupby("reader")]
    assert orders[0] != orders[1]
    assert CASES not in orders
    pd.testing.assert_frame_equal(table, assign(CASES[::-1], protocol(2, seed=4)))
    assert not table.equals(assign(CASES, protocol(2, seed=5)))


def test_a_case_stands_anywhere_in_the_order() -> None:
    places = [
        int(table.loc[table["case_id"] == "b", "position"].iloc[0])
        for table in (assign(list("abcd"), protocol(1, seed=seed)) for seed in range(200))
    ]
    assert all(35 <= n <= 65 for n in Counter(places).values())
    assert len(Counter(places)) == 4


def test_repeats_come_last_in_an_order_of_their_own_and_keep_their_arm() -> None:
    arms = ["blind_first", "model_first"]
    table = assign(CASES, protocol(2, repeats={"share": 0.5}, arms=arms))
    for _, mine in table.groupby("reader"):
        again = mine[mine["reading"] == 2]
        assert len(again) == 20  # half of 41
        assert again["position"].tolist() == list(range(41, 61))
        before = first(mine).set_index("case_id").loc[again["case_id"]]
        assert again["arm"].tolist() == before["arm"].tolist()
        assert not before["position"].is_monotonic_increasing
    chosen = [set(mine["case_id"]) for _, mine in table[table["reading"] == 2].groupby("reader")]
    assert chosen[0] != chosen[1]


def test_a_small_share_repeats_one_case_and_none_repeats_none() -> None:
    assert (assign(CASES[:4], protocol(1, repeats={"share": 0.01}))["reading"] == 2).sum() == 1
    assert (assign(CASES[:4], protocol(1))["reading"] == 2).sum() == 0


def test_each_reader_reads_as_much_in_each_arm() -> None:
    arms = ["blind_first", "model_first", "without_model"]
    table = assign(CASES, protocol(4, reads_per_case=3, arms=arms))
    for _, mine in table.groupby("reader"):
        assert spread(mine["arm"].value_counts()) <= 1


def test_a_reader_who_counts_cannot_tell_the_arm_of_the_next_case() -> None:
    """Who guesses the arm that came less often so far is right in half of the cases, and in a few
    more since both come as often in the end. In blocks of two it would be in three quarters."""
    arms, right, n = ["blind_first", "model_first"], 0.0, 0
    for seed in range(60):
        so_far = Counter(dict.fromkeys(arms, 0))
        for arm in assign(CASES, protocol(1, arms=arms, seed=seed))["arm"]:
            rarer = [name for name in arms if so_far[name] == min(so_far.values())]
            right += (arm in rarer) / len(rarer)
            n += 1
            so_far[arm] += 1
    assert 0.5 < right / n < 0.65


def test_arms_are_drawn() -> None:
    seeds = range(100)
    tables = [
        assign(["a"], protocol(1, arms=["blind_first", "model_first"], seed=s)) for s in seeds
    ]
    drawn = Counter(table["arm"].iloc[0] for table in tables)
    assert all(35 <= n <= 65 for n in drawn.values())


def test_a_reader_may_stay_in_one_arm() -> None:
    arms = ["blind_first", "model_first"]
    table = assign(CASES, protocol(5, assign="reader", arms=arms, repeats={"share": 0.1}))
    assert (table.groupby("reader")["arm"].nunique() == 1).all()
    of_readers = table.drop_duplicates("reader")["arm"].value_counts()
    assert sorted(of_readers) == [2, 3]
    drawn = {
        assign(["a"], protocol(2, assign="reader", arms=arms, seed=s))["arm"][0] for s in range(40)
    }
    assert drawn == set(arms)


def test_two_cases_of_one_patient_do_not_follow_each_other() -> None:
    patients = {case: f"p{i // 3}" for i, case in enumerate(CASES)}
    seeds = range(30)
    apart, together = (
        sum(_neighbours(assign(CASES, protocol(2, seed=seed), known), patients) for seed in seeds)
        for known in (patients, None)
    )
    assert together > 60
    assert apart == 0


def test_cases_of_one_patient_alone_are_still_dealt() -> None:
    table = assign(CASES[:5], protocol(1), dict.fromkeys(CASES, "p"))
    assert sorted(table["case_id"]) == CASES[:5]


def _neighbours(table: pd.DataFrame, patients: dict[str, str]) -> int:
    whose = table["case_id"].map(patients)
    return int(((whose == whose.shift()) & (table["position"] > 0)).sum())
