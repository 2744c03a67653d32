"""Plain models of one input and their late fusion: against scikit-learn, and what may not leak."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from small_study import fold_with_members, small_cohort

from clinmm import registry
from clinmm.baselines import embedding_logistic, of_fold
from clinmm.baselines.columns import columns_of, principal, standardised, with_marks
from clinmm.baselines.linear import as_labelled, linear_path
from clinmm.baselines.of_fold import FoldBaseline, Labels, input_baseline, stacked
from clinmm.baselines.stored import is_stored, load_baseline, save_baseline
from clinmm.errors import InputError
from clinmm.folds import Fold
from clinmm.readers.signal import SignalFile

N = 60
RECORD = SimpleNamespace(kind="record", numeric={"age": "years", "lab": "mg/L"}, categorical=("s",))
NAMES = registry.available("baselines")


def record_rows(seed: int = 0, n: int = N) -> list[dict[str, Any] | None]:
    rng = np.random.default_rng(seed)
    return [
        None
        if i % 7 == 6
        else {
            "age": float(rng.normal(60, 10)),
            "lab": np.nan if i % 3 == 0 else float(rng.normal()),
            "s": [None, "F", "M"][i % 3],
        }
        for i in range(n)
    ]


def notes(seed: int = 0) -> list[str | None]:
    rng = np.random.default_rng(seed)
    words = ["fever", "cough", "pain", "oedema", "effusion"]
    return [None if i % 5 == 4 else " ".join(rng.choice(words, 6)) for i in range(N)]


def given(name: str, folder: Path) -> tuple[Sequence[Any], Any, dict[str, Any]]:
    """(raw values, entry of the cohort file, what the study's encoder prepared)."""
    rng = np.random.default_rng(1)
    kind = registry.load("baselines", name).Baseline.kind
    if kind == "note":
        return notes(), SimpleNamespace(kind="note"), {}
    if kind == "image":
        files = [folder / f"{i}.png" for i in range(N)]
        for file in files:
            Image.fromarray(rng.integers(0, 255, (40, 40), dtype=np.uint8)).save(file)
        raw = [None if i % 5 == 4 else file for i, file in enumerate(files)]
        features = torch.from_numpy(rng.normal(size=(N, 8)).astype(np.float32))
        return raw, SimpleNamespace(kind="image", dimensions=2), {"features": features}
    if kind == "signal":
        entries: list[SignalFile | None] = []
        for i in range(N):
            file = folder / f"{i}.npy"
            np.save(file, rng.normal(size=(2, 300)).astype(np.float32))
            entries.append(None if i % 5 == 4 else SignalFile(file))
        source = SimpleNamespace(kind="signal", rate=100.0, channels=2, seconds=3.0)
        return entries, source, {}
    assert kind == "record"
    return record_rows(), RECORD, {}


def rows_of(x: Any, index: Any) -> Any:
    part = x[index]
    return part.toarray() if hasattr(part, "toarray") else part


# --- the family ---------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_features_are_numbers_that_no_test_case_changes(name: str, tmp_path: Path) -> None:
    raw, source, made = given(name, tmp_path)
    of = registry.load("baselines", name).Baseline
    learned = np.array([i for i in range(40) if raw[i] is not None])
    x = of.features(raw, learned, source, made)
    assert x.shape[0] == N
    if name != "gradient_boosting":  # whose trees take what is not measured as it is
        assert np.isfinite(rows_of(x, learned)).all()
    shuffled = [*raw[:40], *list(raw[40:])[::-1]]
    other = {k: torch.cat([v[:40], v[40:].flip(0)]) for k, v in made.items()}
    again = of.features(shuffled, learned, source, other)
    np.testing.assert_array_equal(rows_of(x, learned), rows_of(again, learned))
    last = N - 1 if raw[N - 1] is not None else N - 2
    np.testing.assert_allclose(rows_of(x, [last]), rows_of(again, [40 + N - 1 - last]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "continuous"])
@pytest.mark.parametrize("balanced", [True, False])
def test_every_setting_answers_for_every_target(
    name: str, task: str, balanced: bool, tmp_path: Path
) -> None:
    raw, source, made = given(name, tmp_path)
    of = registry.load("baselines", name).Baseline
    rows = np.array([i for i in range(N) if raw[i] is not None])
    x = of.features(raw, rows, source, made)[rows]
    rng = np.random.default_rng(0)
    target = {
        "binary": rng.choice([0.0, 0.25, 1.0], (len(rows), 1)),  # soft labels too
        "multiclass": np.eye(4)[rng.integers(0, 3, len(rows))],  # the last class never occurs
        "continuous": rng.normal(50, 20, (len(rows), 1)),
    }[task]
    path = of.path(x, target, task, balanced)
    assert len(path) >= 3
    for setting, answers in path.items():
        evidence = answers(x)
        assert evidence.shape == target.shape, setting
        assert np.isfinite(evidence).all()
        one_by_one = np.concatenate([answers(x[[i]]) for i in range(5)])
        np.testing.assert_allclose(evidence[:5], one_by_one, atol=1e-9)
    first, last = next(iter(path.values())), list(path.values())[-1]
    assert np.std(first(x)) <= np.std(last(x)) + 1e-9, "the strongest penalty comes first"


@pytest.mark.parametrize("name", NAMES)
def test_who_has_seen_one_class_only_says_nothing(name: str, tmp_path: Path) -> None:
    raw, source, made = given(name, tmp_path)
    of = registry.load("baselines", name).Baseline
    rows = np.array([i for i in range(N) if raw[i] is not None])
    x = of.features(raw, rows, source, made)
    for some in (x[rows[:6]], x[rows[:0]]):
        target = np.ones((some.shape[0], 1))
        for answers in of.path(some, target, "binary", True).values():
            assert (answers(x[rows]) == 0).all()
    for answers in of.path(x[rows[:0]], np.empty((0, 1)), "continuous", True).values():
        assert (answers(x[rows]) == 0).all()


def test_wide_records_have_a_baseline_of_their_own() -> None:
    few = SimpleNamespace(numeric=dict.fromkeys(map(str, range(10)), ""), categorical=())
    many = SimpleNamespace(numeric=dict.fromkeys(map(str, range(301)), ""), categorical=())
    serving = {
        name: (of.serves(few), of.serves(many))
        for name in NAMES
        if (of := registry.load("baselines", name).Baseline).kind == "record"
    }
    assert serving == {
        "gradient_boosting": (True, False),
        "logistic_regression": (True, False),
        "wide_logistic": (False, True),
    }


def test_pictures_without_frozen_features_are_read_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, source, _ = given("embedding_logistic", tmp_path)
    monkeypatch.setattr(embedding_logistic, "PACKAGES", ("no_such_package",))
    learned = np.array([i for i in range(40) if raw[i] is not None])
    x = embedding_logistic.Baseline.features(raw, learned, source, {})
    assert x.shape == (N, len(learned) - 1), "as many components as centred pictures span"
    np.testing.assert_allclose(x[learned].mean(0), 0, atol=1e-9)


# --- against others -----------------------------------------------------------------------
@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("balanced", [True, False])
def test_logistic_paths_are_scikit_learns(n_classes: int, balanced: bool) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4))
    y = np.digitize(x[:, 0] + rng.normal(size=200), [0.8] if n_classes == 1 else [-0.5, 1.0])
    target = y[:, None].astype(float) if n_classes == 1 else np.eye(3)[y]
    path = linear_path(x, target, "binary", balanced, [0.01, 1.0])
    for c in (0.01, 1.0):
        weights = "balanced" if balanced else None
        theirs = LogisticRegression(C=c, class_weight=weights, tol=1e-8, max_iter=1000).fit(x, y)
        wanted = theirs.decision_function(x).reshape(200, n_classes)
        share = (target.sum(0) + 0.5) / 201
        start = np.log(share / (1 - share)) if n_classes == 1 else np.log(share)
        wanted = wanted if balanced else wanted - start
        found = path[f"C={c:g}"](x)
        np.testing.assert_allclose(found, wanted, atol=5e-3)


def test_ridge_regression_is_its_closed_form() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(7, 4, (50, 1))
    centred, z = x - x.mean(0), (y - y.mean()) / y.std()
    weight = np.linalg.solve(centred.T @ centred + np.eye(3) / 0.1, centred.T @ z)
    found = linear_path(x, y, "continuous", False, [0.1])["C=0.1"](x)
    np.testing.assert_allclose(found, centred @ weight * y.std(), atol=1e-9)


def test_trees_are_scikit_learns_after_so_many_rounds() -> None:
    of = registry.load("baselines", "gradient_boosting")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 3))
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, 2] = np.nan  # measured nowhere
    y = (np.nan_to_num(x[:, 0]) > 0).astype(int)
    path = of.Baseline.path(x, y[:, None].astype(float), "binary", True)
    theirs = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=of.LEAVES,
        min_samples_leaf=of.SMALLEST_LEAF,
        early_stopping=False,
        class_weight="balanced",
        random_state=0,
    ).fit(x[:, :2], y)
    np.testing.assert_allclose(path["40 trees"](x)[:, 0], theirs.decision_function(x[:, :2]))


def test_a_case_counts_in_each_class_by_its_share() -> None:
    row, label, weight = as_labelled(np.array([[1.0], [0.25], [0.0]]), balanced=True)
    assert (row.tolist(), label.tolist()) == ([0, 1, 1, 2], [1, 0, 1, 0])
    assert weight.sum() == pytest.approx(3)
    assert weight[label == 1].sum() == pytest.approx(weight[label == 0].sum())
    assert weight[0] == pytest.approx(4 * weight[2])


def test_principal_axes_give_the_ridge_fit_of_all_columns() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 200)), rng.integers(0, 2, (40, 1)).astype(float)
    learned = np.arange(30)
    z = standardised(x, learned)
    both = [
        linear_path(of[learned], y[learned], "binary", True, [0.01])["C=0.01"](of)
        for of in (z, principal(z, learned))
    ]
    np.testing.assert_allclose(*both, atol=1e-3)


def test_columns_are_standardised_on_the_learned_cases_and_marked_where_missing() -> None:
    rows: list[dict[str, Any] | None] = [
        {"age": 40.0, "lab": np.nan, "s": "F"},
        {"age": 60.0, "lab": 2.0, "s": None},
        None,
        {"age": 1e6, "lab": 2.0, "s": "X"},
    ]
    learned = np.array([0, 1])
    x = columns_of(rows, learned, RECORD)
    np.testing.assert_array_equal(x[:2], [[40, np.nan, 1], [60, 2, np.nan]])
    assert np.isnan(x[2]).all()
    assert x[3, 2] == 0
    z = with_marks(x, learned)
    assert z.shape == (4, 5), "three columns, and marks for lab and s"
    assert z[:2, 0].tolist() == [-1, 1]
    assert z[3, 0] == 5, "a typing error is held"
    assert (z[:, 1] == 0).all(), "measured once, so it does not vary"
    assert z[:2, 3].tolist() == [-1, 1]


# --- in a fold ----------------------------------------------------------------------------
def labels_of(y: Any, task: str = "binary", balanced: bool = True) -> Labels:
    target = np.asarray(y, dtype=float).reshape(len(y), -1)
    share = np.nanmean(target, axis=0)
    start = share
    if task != "continuous":
        start = np.log(share) if task == "multiclass" else np.log(share / (1 - share))
    return Labels(target, start, task, balanced)


def made(n: int = 240, seed: int = 0) -> tuple[list[Any], Fold, Labels]:
    """Records of which age and lab tell the class apart; every seventh is absent."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    rows: list[Any] = [
        None
        if i % 7 == 6
        else {
            "age": float(60 + 8 * (y[i] + rng.normal())),
            "lab": float(y[i] + rng.normal()),
            "s": "F",
        }
        for i in range(n)
    ]
    return rows, fold_with_members(n), labels_of(y)


def baseline(rows: list[Any], fold: Fold, labels: Labels) -> FoldBaseline:
    present = np.array([row is not None for row in rows])
    return input_baseline(RECORD, rows, {}, present, fold, labels)


def test_no_test_case_has_a_part_in_anything() -> None:
    rows, fold, labels = made()
    test = fold.split == "test"
    ours = baseline(rows, fold, labels)
    target = labels.target.copy()
    target[test] = 1 - target[test]
    changed = [
        {"age": 9e5, "lab": -50.0, "s": "Z"} if row is not None and test[i] else row
        for i, row in enumerate(rows)
    ]
    theirs = baseline(changed, fold, Labels(target, labels.start, "binary"))
    assert (ours.name, ours.setting, ours.losses) == (theirs.name, theirs.setting, theirs.losses)
    np.testing.assert_array_equal(ours.logits[~test], theirs.logits[~test])


def test_a_case_is_answered_by_the_model_that_did_not_learn_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, fold, labels = made()
    monkeypatch.setattr(of_fold.registry, "available", lambda family: ["logistic_regression"])
    found = baseline(rows, fold, labels)
    present = np.array([row is not None for row in rows])
    x = with_marks(columns_of(rows, fold.not_test, RECORD), fold.not_test[present[fold.not_test]])
    c = float(found.setting.removeprefix("C="))
    each = []
    for member in (0, 1):
        fit_on = [i for i in fold.training_of(member)[0] if present[i]]
        theirs = LogisticRegression(C=c, class_weight="balanced", tol=1e-8, max_iter=1000)
        theirs.fit(x[fit_on], labels.target[fit_on, 0])
        each.append(theirs.decision_function(x) + labels.start + found.models[member][1])
    for member in (0, 1):
        here = (fold.member == member) & present
        np.testing.assert_allclose(found.logits[here, 0], each[member][here], atol=5e-3)
    test = (fold.split == "test") & present
    np.testing.assert_allclose(found.logits[test, 0], np.mean(each, 0)[test], atol=5e-3)


def test_absent_inputs_are_answered_at_the_start_and_the_mean_risk_is_the_rate() -> None:
    rows, fold, labels = made()
    found = baseline(rows, fold, labels)
    absent = np.array([row is None for row in rows])
    assert (found.logits[absent] == labels.start).all()
    risk = 1 / (1 + np.exp(-found.logits[:, 0]))
    learned = (fold.split != "test") & ~absent
    assert risk[learned].mean() == pytest.approx(labels.target[learned].mean(), abs=0.03)


def test_an_unknown_target_teaches_nothing() -> None:
    rows, fold, labels = made()
    unknown = np.flatnonzero(fold.split == "train")[:40]
    target = labels.target.copy()
    target[unknown] = np.nan
    ours = baseline(rows, fold, Labels(target, labels.start, "binary"))
    without = np.isin(np.arange(len(rows)), unknown)
    left = Fold(1, 2, np.where(without, "", fold.split), np.where(without, -1, fold.member))
    theirs = baseline(rows, left, Labels(target, labels.start, "binary"))
    # they still tell the scale of a column, as notes without a label tell words
    np.testing.assert_allclose(ours.logits[~without], theirs.logits[~without], atol=0.3)
    assert np.corrcoef(ours.logits[~without, 0], theirs.logits[~without, 0])[0, 1] > 0.98


def test_each_class_of_several_is_answered_for() -> None:
    rows, fold, _ = made()
    rng = np.random.default_rng(0)
    age = np.array([60 if row is None else row["age"] for row in rows])
    several = np.stack([age > 65, rng.random(len(age)) < 0.5, np.full(len(age), np.nan)], 1)
    labels = Labels(several.astype(float), np.array([-1.0, 0.0, -3.0]), "multilabel")
    labels.target[:, 2] = np.nan
    found = baseline(rows, fold, labels)
    assert found.logits.shape == (len(rows), 3)
    assert (found.logits[:, 2] == -3).all(), "of a class without a label nothing is said"
    present = np.array([row is not None for row in rows])
    assert np.corrcoef(found.logits[present, 0], age[present])[0, 1] > 0.6

    exclusive = labels_of(np.eye(3)[np.digitize(age, [58, 66])], "multiclass")
    said = baseline(rows, fold, exclusive).logits
    test = present & (fold.split == "test")
    assert (said.argmax(1) == np.digitize(age, [58, 66]))[test].mean() > 0.6

    value = labels_of(2 * age + rng.normal(size=len(age)), "continuous")
    said = baseline(rows, fold, value).logits
    assert np.abs(said - value.target)[test].mean() < 0.3 * np.abs(value.target - 120)[test].mean()


def test_an_input_that_no_baseline_reads_is_refused() -> None:
    rows, fold, labels = made()
    with pytest.raises(InputError, match=r"no baseline reads a smell. Set train.baselines: false"):
        input_baseline(SimpleNamespace(kind="smell"), rows, {}, np.ones(240, bool), fold, labels)


# --- late fusion --------------------------------------------------------------------------
def as_single(evidence: Any, start: Any) -> FoldBaseline:
    return FoldBaseline(np.asarray(evidence, float) + start, "made", "", {})


def plain(n: int) -> Fold:
    split = np.array(["train", "validate", "test"])[np.arange(n) % 3]
    return Fold(0, 0, split, np.where(split == "validate", 0, -1))


@pytest.mark.parametrize("members", [True, False])
def test_late_fusion_weighs_its_inputs_and_answers_any_subset(members: bool) -> None:
    rng = np.random.default_rng(0)
    n = 900
    labels = labels_of((rng.random(n) < 0.4).astype(float))
    strong = labels.target * 2 + rng.normal(size=(n, 1))
    noise = 3 * rng.normal(size=(n, 1))
    strong[rng.random(n) < 0.25], noise[rng.random(n) < 0.2] = 0, 0
    fold = fold_with_members(n) if members else plain(n)
    patients = [f"p{i // 2}" for i in range(n)]
    found = stacked(
        [as_single(strong, labels.start), as_single(noise, labels.start)], fold, patients, labels
    )
    none = (strong == 0) & (noise == 0)
    assert none.any()
    assert (found.logits[none] == labels.start).all()
    only = (noise[:, 0] == 0) & (strong[:, 0] != 0) & (fold.split == "test")
    assert np.corrcoef(found.logits[only, 0], strong[only, 0])[0, 1] == pytest.approx(1)
    whole = (fold.split == "test") & ~none[:, 0]
    assert np.corrcoef(found.logits[whole, 0], strong[whole, 0])[0, 1] > 0.95
    changed = labels.target.copy()
    changed[fold.split == "test"] = 1 - changed[fold.split == "test"]
    again = stacked(
        [as_single(strong, labels.start), as_single(noise, labels.start)],
        fold,
        patients,
        Labels(changed, labels.start, "binary"),
    )
    np.testing.assert_array_equal(found.logits, again.logits)


def test_late_fusion_of_one_model_keeps_a_patient_in_one_part() -> None:
    n = 90
    patients = [f"p{i % 30 // 3}" for i in range(n)]
    part = of_fold._dealt(plain(n), patients)
    assert ((part >= 0) == (plain(n).member == 0)).all()
    of_patient: dict[str, set[int]] = {}
    for patient, one in zip(patients, part, strict=True):
        if one >= 0:
            of_patient.setdefault(patient, set()).add(int(one))
    assert all(len(parts) == 1 for parts in of_patient.values())
    assert set(part) == {-1, *range(of_fold.PARTS)}


def test_late_fusion_of_exclusive_classes_and_of_values() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    labels = labels_of(np.eye(3)[y], "multiclass")
    told = 2 * np.eye(3)[y] + rng.normal(size=(300, 3))
    patients = [str(i) for i in range(300)]
    fold = fold_with_members(300)
    singles = [as_single(told, labels.start), as_single(np.zeros((300, 3)), labels.start)]
    found = stacked(singles, fold, patients, labels)
    assert (found.logits.argmax(1) == y).mean() > 0.75
    value = labels_of(rng.normal(50, 9, 300), "continuous")
    half = as_single((value.target - value.start) / 2, value.start)
    summed = stacked([half, half], fold, patients, value)
    assert np.abs(summed.logits - value.target).mean() < 0.5


# --- on disk ------------------------------------------------------------------------------
def test_what_is_stored_is_what_answered(tmp_path: Path) -> None:
    rows, fold, labels = made()
    one = baseline(rows, fold, labels)
    both = {
        "baseline:record": one,
        "baseline:stacked": stacked([one, one], fold, [str(i) for i in range(240)], labels),
    }
    for arm, first in both.items():
        assert not is_stored(tmp_path / arm)
        (tmp_path / arm).mkdir()
        save_baseline(tmp_path / arm, first)
        assert is_stored(tmp_path / arm)
        again = load_baseline(tmp_path / arm)
        np.testing.assert_array_equal(first.logits, again.logits)
        for said in ("name", "setting", "losses"):
            assert getattr(again, said) == getattr(first, said)
    assert not list(tmp_path.rglob("*.pkl"))
    weights = load_file(tmp_path / "baseline:stacked" / "member_0.safetensors")
    evidence = np.hstack([one.logits - labels.start] * 2)
    by_hand = labels.start + weights["shift"] + evidence @ weights["weight_0"] + weights["bias_0"]
    here = (fold.member == 0) & (evidence[:, 0] != 0)
    np.testing.assert_allclose(by_hand[here], both["baseline:stacked"].logits[here])


def test_the_baselines_of_a_study_read_its_own_inputs() -> None:
    from clinmm.baselines.of_study import fold_baselines
    from clinmm.config import Component
    from clinmm.folds import Preparer

    cohort, fold = small_cohort(n=48), fold_with_members(48)
    encoders = {
        "note": Component.model_validate({"name": "bag_of_words", "min_notes": 1, "out_dim": 3}),
        "age": Component(name="mlp"),
        "labs": Component(name="mlp"),
    }
    preparer = Preparer(cohort, encoders)
    batch, _ = preparer.of_fold(fold)
    found = fold_baselines(cohort, preparer.raw, batch, fold, balanced=True)
    assert list(found) == ["baseline:age", "baseline:labs", "baseline:note", "baseline:stacked"]
    again = fold_baselines(cohort, preparer.raw, batch, fold, balanced=True)
    for arm, one in found.items():
        assert one.logits.shape == (48, 1)
        np.testing.assert_array_equal(one.logits, again[arm].logits)
