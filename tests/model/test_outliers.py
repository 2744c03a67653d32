"""Odd cases: distances, p-values by patient, aspects of inputs, and what is stored of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from plain_model import plain_batch, plain_model
from small_study import fold_with_members, plain_fold, small_cohort

from clinmm import schema
from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.errors import InputError, NotMadeYet
from clinmm.new_cases import whole_as_test
from clinmm.predict import TOGETHER, embeddings_of
from clinmm.runs import Run
from clinmm.uncertainty.outliers import aspects
from clinmm.uncertainty.outliers.conformal import (
    flagged,
    p_values,
    p_values_within,
    reference_of,
)
from clinmm.uncertainty.outliers.embedding import fit_embeddings
from clinmm.uncertainty.outliers.fold import FoldDetectors, fit_fold, judge_new
from clinmm.uncertainty.outliers.gaussian import fit_gaussian
from clinmm.uncertainty.outliers.inputs import fit_inputs, tail_of
from clinmm.uncertainty.outliers.readings import read_inputs, read_note, read_pictures
from clinmm.uncertainty.outliers.rows import median_over_models
from clinmm.uncertainty.outliers.stored import load_detectors, save_detectors

KINDS = {kind: list(aspects.of_kind(kind)) for kind in ("image", "note", "record")}


# --- p-values --------------------------------------------------------------------------------
def test_p_values_of_new_and_of_reference_cases_by_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    patients = np.array([f"p{i}" for i in rng.integers(0, 9, 30)], dtype=object)
    score = rng.integers(0, 8, 30).astype(float)  # with ties

    def share(who: str, least: float) -> float:
        return float(np.mean(score[patients == who] >= least))

    everybody = set(patients)
    new = np.array([-1.0, 3.0, 3.5, 9.0])
    slow = [(1 + sum(share(q, v) for q in everybody)) / (len(everybody) + 1) for v in new]
    np.testing.assert_allclose(p_values(new, reference_of(score, patients)), slow)
    within = [
        (1 + sum(share(q, v) for q in everybody - {own})) / len(everybody)
        for v, own in zip(score, patients, strict=True)
    ]
    np.testing.assert_allclose(p_values_within(score, patients), within)


def test_many_cases_of_one_patient_weigh_as_much_as_one() -> None:
    patients = np.array(["a", "b", "c"], dtype=object)
    once = reference_of(np.array([1.0, 2.0, 3.0]), patients)
    often = reference_of(np.array([1.0, 2.0] + [3.0] * 50), np.array([*"ab", *"c" * 50], object))
    new = np.array([0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(p_values(new, once), [1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(p_values(new, once), p_values(new, often))


@pytest.mark.parametrize(
    ("n", "level"), [(0, 0), (18, 0), (19, 0.05), (69, 1 / 70), (99, 0.01), (5000, 0.01)]
)
def test_the_level_is_the_finest_that_the_patients_allow(n: int, level: float) -> None:
    reference = reference_of(np.arange(float(n)), np.arange(n).astype(object))
    assert reference.level == pytest.approx(level)
    odder_than_all = flagged(p_values(np.array([n + 1.0]), reference), reference)
    assert odder_than_all.tolist() == [level > 0]
    if 0 < n < 99:  # odder than all but one is not enough
        assert not flagged(p_values(np.array([n - 1.0]), reference), reference).any()


def test_false_alarms_on_exchangeable_patients_are_near_nominal() -> None:
    """Patients of 1 to 4 cases that resemble each other; one case of a new patient."""
    rng = np.random.default_rng(2)
    p = []
    for _ in range(1500):
        patients = np.repeat(np.arange(60), rng.integers(1, 5, 60)).astype(object)
        level = rng.normal(size=60)[patients.astype(int)]
        score = level + 0.5 * rng.normal(size=len(patients))
        new = rng.normal() + 0.5 * rng.normal()
        p.append(p_values(np.array([new]), reference_of(score, patients))[0])
    shares = [np.mean(np.array(p) <= a) for a in (0.05, 0.1, 0.25)]
    np.testing.assert_allclose(shares, [0.05, 0.1, 0.25], atol=0.025)


# --- distance --------------------------------------------------------------------------------
def test_with_every_direction_the_distance_is_that_of_mahalanobis() -> None:
    rng = np.random.default_rng(3)
    x, new = (
        rng.normal(size=(90, 6)) @ (np.eye(6) + 0.2 * rng.normal(size=(6, 6))),
        rng.normal(size=(5, 6)),
    )
    centred = new - x.mean(0)
    inverse = np.linalg.inv(np.cov(x.T, bias=True))
    expected = np.sqrt(np.einsum("ij,jk,ik->i", centred, inverse, centred) / 6)
    np.testing.assert_allclose(fit_gaussian(x).distance(new), expected, rtol=1e-4)


def test_a_typical_case_is_about_one_away_and_turning_the_axes_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    x, held_out = rng.normal(size=(400, 50)), rng.normal(size=(100, 50))
    fitted = fit_gaussian(x)
    assert fitted.distance(held_out).mean() == pytest.approx(1, abs=0.1)
    turn = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    turned = fit_gaussian(x @ turn).distance(held_out @ turn)
    np.testing.assert_allclose(turned, fitted.distance(held_out), rtol=1e-3)


def test_more_dimensions_than_cases_and_directions_that_never_move_are_no_problem() -> None:
    rng = np.random.default_rng(5)
    x = np.hstack([rng.normal(size=(20, 100)), np.ones((20, 5))])
    near = fit_gaussian(x).distance(x[:3])
    assert np.isfinite(near).all()
    assert (fit_gaussian(x).distance(x[:3] + 20) > 10 * near).all()
    assert np.isfinite(fit_gaussian(np.ones((8, 3))).distance(np.zeros((1, 3)))).all()


def test_an_absent_value_stands_at_its_mean_and_a_whole_row_gives_no_distance() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(60, 4))
    fitted = fit_gaussian(x)
    gap, filled = np.full((1, 4), 3.0), np.full((1, 4), 3.0)
    gap[0, 2:], filled[0, 2:] = np.nan, fitted.mean[2:]
    assert fitted.distance(gap) == pytest.approx(fitted.distance(filled))
    assert np.isnan(fitted.distance(np.full((1, 4), np.nan))).all()


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones((1, 3)), "got 1 cases"),
        (np.full((5, 3), np.nan), "got 0 cases"),
        (np.array([[1.0, np.inf], [0, 1], [2, 3]]), "1 of them with infinite values"),
    ],
)
def test_too_few_cases_and_infinite_values_are_refused(x: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit_gaussian(x)


# --- embeddings ------------------------------------------------------------------------------
def test_embeddings_are_what_the_encoders_give_and_absent_where_the_input_is() -> None:
    batch = plain_batch(40, absent=0.4)
    found = embeddings_of(plain_model(), batch)
    assert list(found) == ["a", "b", TOGETHER]
    present = batch.present.numpy()
    for i, name in enumerate("ab"):
        here = present[:, i]
        np.testing.assert_array_equal(found[name][here], batch.inputs[name]["values"][here])
        assert np.isnan(found[name][~here]).all()
    both = present.all(1)
    assert np.isnan(found[TOGETHER][~both]).all()
    np.testing.assert_array_equal(found[TOGETHER][both], np.hstack([found["a"], found["b"]])[both])
    assert list(embeddings_of(plain_model("a"), plain_batch(9, "a"))) == ["a"]


def test_of_a_frozen_network_its_own_features_are_judged() -> None:
    model, batch = plain_model("a"), plain_batch(9, "a")
    encoder = model.encoder("a")
    encoder.forward = lambda features: features[:, :2]
    frozen = torch.randn(9, 30)
    batch = Batch({"a": {"features": frozen}}, batch.present, batch.target, batch.known)
    np.testing.assert_array_equal(embeddings_of(model, batch)["a"], frozen.double())


@pytest.mark.parametrize("fold", [fold_with_members(240), plain_fold(240)], ids=["members", "one"])
def test_a_case_is_never_judged_by_what_it_taught(fold: Any) -> None:
    batch, patients = plain_batch(240), np.array([f"p{i // 2}" for i in range(240)], dtype=object)
    models = [plain_model() for _ in range(fold.n_members)]
    reference = (fold.split != "test") & ((fold.split != "train") | (fold.member >= 0))
    reference &= fold.split != ""
    detector, found = fit_embeddings(models, batch, fold, reference, patients)
    values = batch.inputs["a"]["values"].double().numpy()
    by_hand = [fit_gaussian(values[fold.training_of(m)[0]]) for m in range(fold.n_members)]
    for row in np.flatnonzero(reference & (fold.member >= 0)):
        own = by_hand[fold.member[row]].distance(values[[row]])[0]
        assert found["a"][row] == pytest.approx(own)
    test = np.flatnonzero(fold.split == "test")
    mean = np.mean([one.distance(values[test]) for one in by_hand], axis=0)
    np.testing.assert_allclose(found["a"][test], mean)
    np.testing.assert_allclose(detector.distances(models, batch)["a"][test], mean)
    assert detector.references["a"].n_patients == len(set(patients[reference]))


# --- aspects ---------------------------------------------------------------------------------
ENGLISH = (
    "Patient seen for follow up of chronic cough. No fever and no weight loss. Lungs are clear.",
    "Short of breath on exertion for two weeks. Ankles swollen on both sides. Known heart failure.",
    "Chest pain on breathing in, right side. No cough. The patient had a fall two weeks ago.",
    "Fever and cough with yellow sputum since yesterday. Lives alone and takes no medication.",
    "Routine check before hip surgery. No complaints of heart or lungs. Smokes one pack a day.",
)
GERMAN = "Patientin klagt seit drei Tagen über Husten, Fieber und zunehmende Atemnot in Ruhe."


def notes_of(n: int) -> list[Any]:
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.permutation(" ".join(ENGLISH).split())[:30]) for _ in range(n)]
    return [read_note(text) for text in texts]


def records_of(n: int) -> list[Any]:
    rng = np.random.default_rng(8)
    return [
        {
            "age": float(rng.integers(20, 90)),
            "crp": float(np.exp(rng.normal(2, 0.8))) if rng.random() > 0.3 else np.nan,
            "temperature": rng.normal(37, 0.7),
            "sex": str(rng.choice(["F", "M"])) if rng.random() > 0.1 else None,
        }
        for _ in range(n)
    ]


class RecordSpec:
    numeric = {"age": "years", "crp": "mg/L", "temperature": "degC"}
    categorical = ("sex",)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Grey pictures, a bright disc above the middle of a dark ground."""
    folder, rng, paths = tmp_path_factory.mktemp("grey"), np.random.default_rng(9), []
    y, x = np.mgrid[-1:1:80j, -1:1:64j]
    for i in range(60):
        disc = x**2 + (y + 0.4) ** 2 < rng.uniform(0.2, 0.3)
        grey = np.clip(0.2 + 0.5 * disc + rng.normal(0, 0.05, x.shape), 0, 1)
        paths.append(folder / f"{i}.png")
        Image.fromarray((255 * grey).astype(np.uint8)).save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def readings(pictures: list[Path]) -> dict[str, list[Any]]:
    return {"image": read_pictures(pictures), "note": notes_of(60), "record": records_of(60)}


WHO = np.array([f"p{i}" for i in range(60)], dtype=object)


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in KINDS.items() for n in names])
def test_aspect_contract(kind: str, name: str, readings: dict[str, list[Any]]) -> None:
    module = aspects.of_kind(kind)[name]
    facts = module.learn(readings[kind][:50], WHO[:50], RecordSpec())
    again = json.loads(json.dumps(facts))
    score = module.score(facts, readings[kind])
    assert score.shape == (60,)
    assert np.isfinite(score).all()
    assert module.UNIT > 0
    np.testing.assert_array_equal(module.score(again, readings[kind]), score)
    alone = [module.score(again, [one])[0] for one in readings[kind]]
    np.testing.assert_allclose(alone, score)
    assert len(module.reason(again, readings[kind][0])) > 10
    assert module.__doc__


def odd_one(kind: str, folder: Path) -> dict[str, Any]:
    """Name -> a reading that is odd, and a word of the reason that must be given."""
    if kind == "note":
        return {
            "German": (read_note(GERMAN), "language"),
            "no words": (read_note("___ 38.5 / --"), "0 words"),
        }
    if kind == "record":
        usual = {"age": 50.0, "crp": 8.0, "temperature": 37.0, "sex": "F"}
        return {
            "Fahrenheit": ({**usual, "temperature": 98.6}, "temperature is 98.6 degC"),
            "age": ({**usual, "age": 400.0}, "age is 400 years"),
            "category": ({**usual, "sex": "u"}, "value of sex"),
        }
    grey = np.asarray(Image.open(folder / "0.png"))
    made = {
        "blank": (np.full_like(grey, 128), "greys"),
        "upside down": (grey[::-1], "places"),
        "long": (np.asarray(Image.fromarray(grey).resize((64, 320))), "shape"),
        "colour": (
            np.clip(grey[..., None] + np.array([20.0, 0, -50]), 0, 255).astype(np.uint8),
            "coloured",
        ),
    }
    out = {}
    for name, (pixels, said) in made.items():
        Image.fromarray(pixels).save(folder / f"odd {name}.png")
        out[name] = (read_pictures([folder / f"odd {name}.png"])[0], said)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_planted_odd_inputs_are_found_and_said_in_plain_words(
    kind: str, readings: dict[str, list[Any]], pictures: list[Path]
) -> None:
    detector, score, p, _ = fit_inputs(kind, readings[kind], WHO, RecordSpec(), seed=0)
    assert np.mean(p <= 0.1) < 0.2
    for name, (odd, said) in odd_one(kind, pictures[0].parent).items():
        found, p_odd, aspect = detector.judge([odd])
        assert p_odd[0] == pytest.approx(1 / 61), (name, found, score.max(), aspect)
        reason = detector.reason(aspect[0], odd)
        assert said in reason, (name, reason)
        assert "Atemnot" not in reason


def test_an_input_that_everybody_has_is_missed_and_one_that_many_lack_is_not() -> None:
    notes = notes_of(60)
    always, *_ = fit_inputs("note", notes, WHO, None, seed=0)
    some = [None if i % 3 == 0 else one for i, one in enumerate(notes)]
    often, _, p, _ = fit_inputs("note", some, WHO, None, seed=0)
    assert always.judge([None])[1][0] == pytest.approx(1 / 61)
    assert "had none" in always.reason("", None)
    assert often.judge([None])[1][0] == pytest.approx(21 / 61)
    assert p[0] == pytest.approx(20 / 60)  # itself not counted


def test_false_alarms_of_inputs_are_near_nominal_and_never_much_more() -> None:
    """What new cases are judged by was learned from a quarter more patients than what made the
    reference, so alarms are rather too few."""
    records, notes, half = records_of(600), notes_of(600), np.arange(300).astype(object)
    rates = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(600)
        for kind, each in (("record", records), ("note", notes)):
            some = [each[i] for i in order]
            detector, *_ = fit_inputs(kind, some[:300], half, RecordSpec(), seed=seed)
            rates.append((detector.judge(some[300:])[1] <= 0.1).mean())
    assert np.mean(rates[0::2]) == pytest.approx(0.1, abs=0.03)
    assert np.mean(rates[1::2]) < 0.12


def test_the_scale_of_an_aspect_is_its_upper_tail_by_hand() -> None:
    score, weight = np.arange(1.0, 21.0), np.ones(20)
    assert tail_of(score, weight, unit=0.1) == {"tail": 18.0, "excess": 1.5}
    assert tail_of(score, weight, unit=2.0)["excess"] == 2.0
    assert tail_of(np.ones(20), weight, unit=0.1) == {"tail": 1.0, "excess": 0.1}


def test_the_reference_is_not_judged_by_what_it_taught() -> None:
    """Of two hundred words a note has eight: each new one has words that training lacks."""
    rng = np.random.default_rng(11)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    words = ["".join(rng.choice(letters, 6)) for _ in range(200)]
    notes = [read_note(" ".join(rng.choice(words, 8, replace=False))) for _ in range(160)]
    detector, *_ = fit_inputs("note", notes[:60], WHO, None, seed=0)
    assert (detector.judge(notes[60:])[1] <= 0.1).mean() < 0.2


def test_with_few_patients_an_input_is_not_judged() -> None:
    detector, score, p, _ = fit_inputs("note", notes_of(9), WHO[:9], None, seed=0)
    assert np.isnan(score).all()
    assert np.isnan(p).all()
    assert np.isnan(detector.judge(notes_of(2))[1]).all()


def test_a_word_of_a_single_patients_note_is_not_stored() -> None:
    notes = [read_note(f"fever and cough {'Mustermann ' * 3 if i < 1 else ''}") for i in range(12)]
    detector, *_ = fit_inputs("note", notes * 2, np.array([*WHO[:12]] * 2), None, seed=0)
    assert detector.aspects["note_words"]["facts"]["words"] == ["and", "cough", "fever"]


# --- one fold, its table and its files ---------------------------------------------------------
def notes_and_records(n: int = 120) -> Cohort:
    rng = np.random.default_rng(10)
    return small_cohort(
        n,
        text=[" ".join(rng.permutation(" ".join(ENGLISH).split())[:30]) for _ in range(n)],
        age=[str(v) for v in rng.integers(20, 90, n)],
    )


class Study:
    """Plain models, one a member, whose inputs are the cohort's by name; two patients are odd."""

    def __init__(self) -> None:
        self.cohort, self.fold = notes_and_records(), fold_with_members(120)
        names = ["age", "labs", "note"]
        one = plain_batch(120, "abc")
        inputs = dict(zip(names, one.inputs.values(), strict=True))
        self.batch = Batch(inputs, one.present, one.target, one.known)
        self.odd = int(np.flatnonzero(self.fold.split == "test")[0])
        self.batch.inputs["labs"]["values"][self.odd] = 40.0
        self.cohort.table.loc[self.odd, ["text", "age"]] = [GERMAN, "400"]
        self.models = [plain_model(names) for _ in range(2)]  # type: ignore[arg-type]
        self.readings = read_inputs(self.cohort)

    def fit(self) -> tuple[FoldDetectors, pd.DataFrame]:
        return fit_fold(self.cohort, self.readings, self.models, self.batch, self.fold, seed=0)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study()


def test_the_table_has_a_row_a_case_detector_and_input_and_flags_what_is_odd(study: Study) -> None:
    _, rows = study.fit()
    rows = schema.TABLES["outliers"].fill(rows)
    assert len(rows) == 120 * 7  # every case has every input: 3 + all of the models, 3 inputs
    assert not rows.duplicated(["case_id", "detector", "input"]).any()
    assert set(rows["split"]) == {"train", "test"}
    odd = rows[(rows["case_id"] == f"c{study.odd}") & (rows["flag"] == "yes")]
    assert set(zip(odd["detector"], odd["input"], strict=True)) == {
        ("embedding", "labs"), ("embedding", "all"), ("inputs", "note"), ("inputs", "age"),
    }  # fmt: skip
    reasons = odd.set_index(["detector", "input"])["reason"]
    assert "language of the training notes" in reasons["inputs", "note"]
    assert "age is 400 years" in reasons["inputs", "age"]
    assert "its labs is far from" in reasons["embedding", "labs"]
    others = rows[(rows["case_id"] != f"c{study.odd}")]
    assert (others["flag"] == "yes").mean() < 0.06
    assert others.loc[others["flag"] == "no", "reason"].isna().all()


def test_what_is_stored_judges_the_same_to_the_last_bit(study: Study, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "study", {"n_folds": 0})
    detectors, rows = study.fit()
    save_detectors(run, "model/fused", detectors)
    assert {f.suffix for f in (run.folder / "model/fused").iterdir()} == {".json", ".safetensors"}
    stored = load_detectors(run, "model/fused")
    fold = whole_as_test(study.cohort, 1, 2)
    given = (study.cohort, study.readings, study.models, study.batch, fold)
    pd.testing.assert_frame_equal(
        judge_new(stored, *given), judge_new(detectors, *given), check_exact=True
    )
    test = rows[rows["split"] == "test"].reset_index(drop=True)
    again = judge_new(stored, *given)
    again = again[again["case_id"].isin(test["case_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, test, check_exact=True)
    pd.testing.assert_frame_equal(study.fit()[1], rows, check_exact=True)


def test_a_run_without_detectors_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "study", {"n_folds": 0})
    with pytest.raises(NotMadeYet, match="is missing"):
        load_detectors(run, "model/fused")


def test_with_few_reference_patients_nothing_is_flagged_and_the_table_says_so() -> None:
    cohort, fold = notes_and_records(36), fold_with_members(36)
    one = plain_batch(36, "abc")
    names = ["age", "labs", "note"]
    batch = Batch(
        dict(zip(names, one.inputs.values(), strict=True)), one.present, one.target, one.known
    )
    models = [plain_model(names) for _ in range(2)]  # type: ignore[arg-type]
    _, rows = fit_fold(cohort, read_inputs(cohort), models, batch, fold, seed=0)
    assert set(rows["flag"]) == {"no"}
    assert rows["reason"].str.contains("only 12 reference patients: with fewer than 19").all()


def test_the_median_over_folds_by_hand() -> None:
    case = {"case_id": "a", "patient_id": "p", "split": "test", "detector": "inputs"}
    each = [
        pd.DataFrame(
            [
                {**case, "input": "x", "score": s, "p": p, "flag": f, "reason": r},
                {**case, "input": "y", "score": 0.0, "p": 1.0, "flag": "no", "reason": None},
            ]
        ).assign(repeat=0, fold=k)
        for k, (s, p, f, r) in enumerate(
            [(3.0, 0.02, "no", None), (5.0, 0.01, "yes", "one"), (9.0, 0.005, "yes", "two")]
        )
    ]
    both = median_over_models(each)
    assert both["score"].tolist() == [5, 0]
    assert both["p"].tolist() == [0.01, 1]
    assert both["flag"].tolist() == ["yes", "no"]
    assert both["reason"].tolist()[0] == "one"
    assert pd.isna(both["reason"].tolist()[1])
    assert (both[["repeat", "fold"]] == 0).all().all()
    assert median_over_models(each[:2])["flag"].tolist() == ["yes", "no"]  # a tie
    assert median_over_models(each[:1])["flag"].tolist() == ["no", "no"]
    schema.TABLES["outliers"].fill(both)
