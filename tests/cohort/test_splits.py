import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from clinmm import schema
from clinmm.cohort.allocation import deal
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.split_size import patients_needed
from clinmm.cohort.splits import SplitConfig, make_splits
from clinmm.errors import InputError

Make = Callable[..., Cohort]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(n patients, share positive, ...) -> cohort of 1 to 6 cases a patient."""

    def _make(n: int = 86, positive: float = 0.21, target: Any = None, seed: int = 5) -> Cohort:
        rng = np.random.default_rng(seed)
        rows = []
        for patient in range(n):
            sick = patient < round(positive * n)
            for visit in range(rng.integers(1, 7)):
                rows.append(
                    {
                        "case": f"c{len(rows)}",
                        "patient": f"p{patient}",
                        "died": int(sick and (visit == 0 or rng.random() < 0.7)),
                        "a": rng.integers(0, 2),
                        "b": int(rng.random() < 0.1),
                        "grade": "low" if patient % 3 else ("mid" if patient % 2 else "high"),
                        "note": "text",
                        "site": "ABCD"[min(patient % 5, 3)],
                        "date": f"20{10 + patient % 10}-01-01",
                    }
                )
        pd.DataFrame(rows).to_csv(tmp_path / "t.csv", index=False)
        settings = {
            "name": "t",
            "table": "t.csv",
            "case_id": "case",
            "patient_id": "patient",
            "target": target
            or {
                "name": "died",
                "kind": "binary",
                "column": "died",
                "positive": [1],
                "negative": [0],
            },
            "inputs": {"note": {"kind": "note", "column": "note"}},
            "site": "site",
            "index_time": {"column": "date"},
        }
        (tmp_path / "t.yaml").write_text(yaml.safe_dump(settings))
        return load_cohort(tmp_path / "t.yaml")

    return _make


def assert_no_patient_in_two_splits(splits: pd.DataFrame) -> None:
    roles = splits["split"] + splits["member"].astype(str)
    per_patient = roles.groupby([splits["repeat"], splits["fold"], splits["patient_id"]]).nunique()
    assert (per_patient == 1).all()


def assert_every_case_once(splits: pd.DataFrame, cohort: Cohort) -> None:
    for _, fold in splits.groupby(["repeat", "fold"]):
        assert sorted(fold["case_id"]) == sorted(cohort.table["case_id"])


def test_folds_test_every_case_once_per_repeat_and_share_no_patient(make: Make) -> None:
    cohort = make()
    splits = make_splits(cohort, SplitConfig(folds=5, repeats=3), seed=0)
    assert list(splits) == ["repeat", "fold", "case_id", "patient_id", "split", "member"]
    assert_no_patient_in_two_splits(splits)
    assert_every_case_once(splits, cohort)
    tests = splits[splits["split"] == "test"]
    for _, repeat in tests.groupby("repeat"):
        assert sorted(repeat["case_id"]) == sorted(cohort.table["case_id"])
    assert set(splits[splits["split"] == "train"]["member"]) == {0, 1, 2, 3}
    assert set(tests["member"]) == {-1}


def test_every_fold_and_inner_fold_has_its_share_of_positive_patients(make: Make) -> None:
    cohort = make()
    target = pd.Series(cohort.targets()[:, 0], index=cohort.table["case_id"])
    splits = make_splits(cohort, SplitConfig(folds=5, repeats=2), seed=0)
    splits["y"] = splits["case_id"].map(target)
    positive = splits[splits["y"] == 1]
    tests = positive[positive["split"] == "test"].groupby(["repeat", "fold"])["patient_id"]
    assert tests.nunique().agg(["min", "max"]).tolist() == [3, 4]  # 18 patients in 5 folds
    members = positive[positive["split"] == "train"].groupby(["repeat", "fold", "member"])
    assert members["patient_id"].nunique().between(3, 4).all()  # 14 or 15 in 4
    cases = splits[splits["split"] == "test"].groupby(["repeat", "fold"])["y"]
    assert cases.size().between(0.18 * cohort.n_cases, 0.22 * cohort.n_cases).all()
    assert cases.sum().max() - cases.sum().min() <= 3


def test_one_inner_fold_sets_a_validate_part_aside(make: Make) -> None:
    cohort = make()
    splits = make_splits(cohort, SplitConfig(folds=5, inner_folds=1), seed=0)
    assert_no_patient_in_two_splits(splits)
    assert_every_case_once(splits, cohort)
    members = splits.groupby("split")["member"].unique().map(list).to_dict()
    assert members == {"test": [-1], "train": [-1], "validate": [0]}
    share = splits[splits["split"] == "validate"].groupby("fold")["patient_id"].nunique() / 86
    assert share.between(0.10, 0.14).all()  # 0.15 of the four fifths that train


def test_fractions_divide_patients_and_cases_as_asked(make: Make) -> None:
    cohort = make(n=200)
    fractions = {"train": 0.6, "validate": 0.1, "calibrate": 0.15, "test": 0.15}
    splits = make_splits(cohort, SplitConfig(fractions=fractions), seed=0)
    assert_no_patient_in_two_splits(splits)
    assert_every_case_once(splits, cohort)
    patients = splits.groupby("split")["patient_id"].nunique()
    positive = cohort.table["case_id"][cohort.targets()[:, 0] == 1]
    sick = splits[splits["case_id"].isin(positive)].groupby("split")["patient_id"].nunique()
    for part, share in fractions.items():
        assert abs(patients[part] - share * 200) <= 2
        assert abs(sick[part] - share * sick.sum()) < 1
        assert abs((splits["split"] == part).mean() - share) < 0.02
    assert set(splits[splits["split"] == "validate"]["member"]) == {0}


def test_no_config_means_the_default_fractions(make: Make) -> None:
    splits = make_splits(make(), SplitConfig(), seed=0)
    assert set(splits["split"]) == {"train", "validate", "calibrate", "test"}


def test_the_seed_decides_and_repeats_differ(make: Make) -> None:
    cohort, config = make(), SplitConfig(folds=5, repeats=2)
    first = make_splits(cohort, config, seed=1)
    pd.testing.assert_frame_equal(first, make_splits(cohort, config, seed=1))
    other = make_splits(cohort, config, seed=2)
    assert not first.equals(other)
    by_repeat = [set(r.loc[(r.fold == 0) & (r.split == "test"), "case_id"])
                 for _, r in first.groupby("repeat")]  # fmt: skip
    assert by_repeat[0] != by_repeat[1]


def test_classes_are_balanced_within_a_patient_and_labels_nearly(make: Make) -> None:
    multiclass = {
        "name": "g",
        "kind": "multiclass",
        "column": "grade",
        "classes": ["low", "mid", "high"],
    }
    cohort = make(target=multiclass)
    splits = make_splits(cohort, SplitConfig(folds=4), seed=0)
    grade = cohort.table.set_index("case_id")["grade"]
    tests = splits[splits["split"] == "test"]
    counts = tests.groupby([tests["case_id"].map(grade), "fold"])["patient_id"].nunique().unstack()
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()

    multilabel = {"name": "f", "kind": "multilabel", "columns": ["a", "b", "died"]}
    cohort = make(target=multilabel)
    splits = make_splits(cohort, SplitConfig(folds=4), seed=0)
    assert_no_patient_in_two_splits(splits)
    tests = splits[splits["split"] == "test"].set_index("case_id").loc[cohort.table["case_id"]]
    for k in range(3):
        positive = tests[cohort.targets()[:, k] == 1]
        counts = positive.groupby("fold")["patient_id"].nunique()
        assert counts.max() - counts.min() <= 3


def test_a_class_with_too_few_patients_is_refused_with_the_number_needed(make: Make) -> None:
    with pytest.raises(InputError, match=r"4 patients with 'died', this split needs at least 5\."):
        make_splits(make(n=40, positive=0.1), SplitConfig(folds=5), seed=0)


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        (SplitConfig(folds=5, inner_folds=4), 5),  # one tests, 4 are left for four inner folds
        (SplitConfig(folds=5, inner_folds=5), 7),  # 2 may test, 5 are left
        (SplitConfig(folds=10, inner_folds=2), 10),
        (SplitConfig(folds=2, inner_folds=2), 4),
        (SplitConfig(folds=5, inner_folds=1), 9),  # 7 train, 15 % of them is one
        (SplitConfig(), 10),
    ],
)
def test_patients_needed_leave_no_part_without_the_class(
    config: SplitConfig, needed: int, make: Make
) -> None:
    assert patients_needed(config) == needed
    cohort = make(n=4 * needed, positive=0.25)
    sick = cohort.targets()[:, 0] == 1
    assert len(set(cohort.table["patient_id"][sick])) == needed
    splits = make_splits(cohort, config, seed=0)
    positive = splits[splits["case_id"].isin(cohort.table["case_id"][sick])]
    parts = splits.groupby(["repeat", "fold", "split", "member"]).ngroups
    assert positive.groupby(["repeat", "fold", "split", "member"]).ngroups == parts


def test_a_site_is_held_out_with_its_patients_and_small_sites_train(make: Make) -> None:
    cohort = make(n=120, positive=0.5)
    cohort.table.loc[cohort.table["patient_id"] == "p0", "site"] = ["A"] + ["B"] * (
        int((cohort.table["patient_id"] == "p0").sum()) - 1
    )
    cohort.table.loc[cohort.table["patient_id"].isin(["p1", "p6"]), "site"] = "small"
    splits = make_splits(cohort, SplitConfig(by="site"), seed=0)
    assert_no_patient_in_two_splits(splits)
    site = cohort.table.set_index("case_id")["site"]
    for fold, name in enumerate(["A", "B", "C", "D"]):
        rows = splits[splits["fold"] == fold]
        held_out = set(rows[rows["split"] == "test"]["case_id"])
        assert held_out == set(site.index[site == name])
        assert "p1" in set(rows[rows["split"] == "train"]["patient_id"])
    first = splits[(splits["fold"] == 0) & (splits["patient_id"] == "p0")]
    assert set(first["split"]) == {"test"}  # the case at B is left out of this fold
    assert len(first) == 1


def test_by_time_later_cases_test_and_their_patients_do_not_train(make: Make) -> None:
    cohort = make(n=150, positive=0.4)
    mine = cohort.table["patient_id"] == "p0"
    cohort.table.loc[mine, "date"] = ["2019-06-01"] + ["2001-01-01"] * (int(mine.sum()) - 1)
    config = SplitConfig(by="time", test_from="2018-01-01")
    splits = make_splits(cohort, config, seed=0)
    assert_no_patient_in_two_splits(splits)
    times = cohort.index_times().set_axis(cohort.table["case_id"])
    tested = set(splits[splits["split"] == "test"]["case_id"])
    assert tested == set(times.index[times >= "2018-01-01"])
    assert set(splits[splits["patient_id"] == "p0"]["split"]) == {"test"}
    with pytest.raises(InputError, match="Choose test_from between"):
        make_splits(cohort, SplitConfig(by="time", test_from="2030-01-01"), seed=0)
    cohort.table.loc[0, "date"] = "soon"
    with pytest.raises(InputError, match="1 cases have no index_time"):
        make_splits(cohort, config, seed=0)


def linked(cohort: Cohort, *patients: tuple[str, str]) -> pd.DataFrame:
    """Links between the first cases of pairs of patients."""
    first = cohort.table.groupby("patient_id")["case_id"].first()
    rows = [
        {
            "case_id": first[one],
            "other_case_id": first[other],
            "input": "note",
            "kind": "same_patient",
            "distance": 0.0,
        }
        for one, other in patients
    ]
    return schema.LINKS.fill(pd.DataFrame(rows)) if rows else schema.LINKS.empty()


EVERY_SPLIT = [
    SplitConfig(folds=5, repeats=2),
    SplitConfig(folds=5, inner_folds=1),
    SplitConfig(),
    SplitConfig(by="site"),
    SplitConfig(by="time", test_from="2018-01-01"),
]


@pytest.mark.parametrize("config", EVERY_SPLIT)
def test_linked_patients_are_never_in_two_parts_of_a_fold(make: Make, config: SplitConfig) -> None:
    cohort = make(n=150, positive=0.4)
    pairs = [
        ("p0", "p7"),
        ("p7", "p23"),
        ("p100", "p3"),
        *((f"p{i}", f"p{i + 1}") for i in range(30, 40)),
    ]
    splits = make_splits(cohort, config, 0, linked(cohort, *pairs))
    assert_no_patient_in_two_splits(splits)
    group = dict.fromkeys(["p0", "p7", "p23"], "a") | dict.fromkeys(["p100", "p3"], "b")
    group |= dict.fromkeys([f"p{i}" for i in range(30, 41)], "c")
    joined = splits.assign(patient_id=splits["patient_id"].replace(group))
    assert_no_patient_in_two_splits(joined)
    apart = make_splits(cohort, config, 0)
    with pytest.raises(AssertionError):
        assert_no_patient_in_two_splits(apart.assign(patient_id=apart["patient_id"].replace(group)))
    free = config.model_copy(update={"keep_linked_together": False})
    pd.testing.assert_frame_equal(make_splits(cohort, free, 0, linked(cohort, *pairs)), apart)


@pytest.mark.parametrize("config", EVERY_SPLIT)
def test_without_links_the_table_is_the_same_bit_for_bit(make: Make, config: SplitConfig) -> None:
    cohort = make(n=150, positive=0.4)
    plain = make_splits(cohort, config, 3)
    pd.testing.assert_frame_equal(make_splits(cohort, config, 3, linked(cohort)), plain)
    elsewhere = linked(cohort, ("p0", "p7")).assign(other_case_id="of another cohort")
    pd.testing.assert_frame_equal(make_splits(cohort, config, 3, elsewhere), plain)


def test_the_table_of_a_cohort_and_seed_never_changes(make: Make) -> None:
    splits = make_splits(make(), SplitConfig(folds=5, repeats=3), seed=0)
    rows = splits.astype(str).agg("|".join, axis=1)
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    assert digest.startswith("31f7a80cc167df85")


def test_linked_patients_count_once_where_a_class_has_too_few(make: Make) -> None:
    cohort = make(n=50, positive=0.1)
    links = linked(cohort, ("p0", "p1"))
    with pytest.raises(
        InputError, match=r"4 patients with 'died' \(1 are counted with the patient"
    ):
        make_splits(cohort, SplitConfig(folds=5), 0, links)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 5, "fractions": {"train": 1}}, "exclude each other"),
        (
            {"fractions": {"train": 0.5, "validate": 0.1, "calibrate": 0.1, "test": 0.1}},
            r"sum to 1, got 0\.8",
        ),
        ({"fractions": {"train": 0.5, "test": 0.5}}, r"absent: \['validate', 'calibrate'\]"),
        ({"by": "site", "folds": 5}, "takes neither folds nor fractions"),
        ({"by": "time"}, "test_from goes with"),
        ({"test_from": "2020-01-01"}, "test_from goes with"),
        ({"repeats": 3}, "only folds are repeated"),
        ({"folds": 1}, "greater than or equal to 2"),
    ],
)
def test_split_settings_that_disagree_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SplitConfig.model_validate(settings)


def test_split_settings_survive_being_written_and_read() -> None:
    config = SplitConfig(folds=5, repeats=3, validate_share=0.2)
    written = config.model_dump(mode="json")
    assert written["validate"] == 0.2
    assert SplitConfig.model_validate(written) == config


def one_hot(labels: list[int]) -> NDArray[np.float64]:
    return np.eye(max(labels) + 1)[labels]


def test_dealing_is_exact_where_the_shares_divide() -> None:
    counts = one_hot([0] * 10 + [1] * 20)
    part = deal(counts, [0.5, 0.3, 0.2], np.random.default_rng(0))
    assert np.bincount(part[:10]).tolist() == [5, 3, 2]
    assert np.bincount(part[10:]).tolist() == [10, 6, 4]


def test_dealing_evens_out_the_cases_of_large_patients() -> None:
    counts = one_hot([0] * 12) * np.array([20, 20, 20] + [1] * 9)[:, None]
    for seed in range(5):
        part = deal(counts, [1 / 3] * 3, np.random.default_rng(seed))
        assert np.bincount(part).tolist() == [4, 4, 4]
        assert np.bincount(part, weights=counts[:, 0]).tolist() == [23, 23, 23]


@pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="compares with scikit-learn")
def test_positive_patients_are_spread_at_least_as_evenly_as_by_scikit_learn(make: Make) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    cohort = make()
    y, patients = cohort.targets()[:, 0], cohort.table["patient_id"].to_numpy()
    ours, theirs = [], []
    splits = make_splits(cohort, SplitConfig(folds=5, repeats=5), seed=0)
    for repeat in range(5):
        rows = splits[splits["repeat"] == repeat].groupby("fold")
        tests = [set(fold.loc[fold["split"] == "test", "case_id"]) for _, fold in rows]
        ours.append([len(set(patients[cohort.table["case_id"].isin(t) & (y == 1)])) for t in tests])
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=repeat).split(y, y, patients)
        theirs.append([len(set(patients[test][y[test] == 1])) for _, test in folds])
    assert np.std(ours, axis=1).max() <= np.std(theirs, axis=1).min() + 1e-9
