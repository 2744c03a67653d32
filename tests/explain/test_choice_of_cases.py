import numpy as np
import pandas as pd
import pytest

from clinmm.explain.choice import choose_cases


def predictions(n: int = 30, classes: tuple[str, ...] = ("died",)) -> pd.DataFrame:
    """Half test, half train; a single-input arm and a second repeat that must not count."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "arm": arm,
            "repeat": repeat,
            "split": "test" if i % 2 else "train",
            "case_id": f"{arm}{repeat}-{i}" if arm == "image" or repeat else f"c{i}",
            "class_name": name,
            "target": [0.0, 1.0, np.nan][int(rng.integers(0, 3))],
            "probability": round(float(rng.random()), 3),
        }
        for arm in ("fused", "image")
        for repeat in (0, 1)
        for name in classes
        for i in range(n)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("classes", [("died",), ("effusion", "nodule")])
def test_only_test_cases_of_the_fused_arm_are_chosen(classes: tuple[str, ...]) -> None:
    allowed = {f"c{i}" for i in range(1, 30, 2)}
    for n in (1, 5, 15, 99):
        chosen = choose_cases(predictions(classes=classes), n, seed=0)
        assert set(chosen) <= allowed
        assert len(chosen) == len(set(chosen)) == min(n, 15)


def test_the_choice_depends_on_table_number_and_seed_alone() -> None:
    table = predictions()
    first = choose_cases(table, 8, seed=1)
    assert choose_cases(table.sample(frac=1, random_state=3), 8, seed=1) == first
    assert choose_cases(table, 4, seed=1) == first[:4]
    assert choose_cases(table, 8, seed=2) != first


def test_found_missed_false_alarm_and_a_random_case_come_in_turn() -> None:
    table = pd.DataFrame(
        {
            "arm": "fused",
            "repeat": 0,
            "split": "test",
            "case_id": list("abcdefgh"),
            "class_name": "died",
            "target": [1, 1, 1, 0, 0, 0, np.nan, np.nan],
            "probability": [0.5, 0.9, 0.1, 0.7, 0.2, 0.4, 0.99, 0.01],
        }
    )
    chosen = choose_cases(table, 8, seed=0)
    assert chosen[:3] == ["b", "c", "d"]  # surest positive, missed positive, false alarm
    assert set(chosen) == set("abcdefgh")


def test_nothing_to_explain_is_no_case() -> None:
    assert choose_cases(predictions(), 0, seed=0) == []
    assert choose_cases(predictions().iloc[:0], 5, seed=0) == []
