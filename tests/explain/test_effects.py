"""What columns, words and inputs add over a cohort, against algebra and against the slow way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from clinmm import schema
from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import CohortSpec
from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.explain.effects import effects_table
from clinmm.explain.effects.changes import Changes, FoldCases, Part
from clinmm.explain.effects.columns import LOOKED_AT, MOST_COLUMNS, column_changes, columns_asked
from clinmm.explain.effects.encoded import EncodedCases
from clinmm.explain.effects.inputs import input_values, shares
from clinmm.explain.effects.words import Limit, word_changes, words_asked, words_said
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import input_shapley
from clinmm.folds import raw_values
from clinmm.intervals import mean_interval
from clinmm.model import MultimodalClassifier, make_encoder
from clinmm.registry import load
from clinmm.stored_models import load_models
from clinmm.study import Study

N = 36
WORDS = ["cough", "rash", "oedema"]


def cohort_of(notes: list[str | None], record: dict[str, Any], patients: list[str]) -> Cohort:
    numeric = [c for c in record if c != "sex"]
    spec = CohortSpec.model_validate(
        {
            "name": "toy",
            "table": "cases.csv",
            "case_id": "case_id",
            "patient_id": "patient_id",
            "target": {"name": "t", "kind": "multilabel", "columns": ["died", "stayed"]},
            "inputs": {
                "note": {"kind": "note", "column": "note"},
                "record": {
                    "kind": "record",
                    "numeric": dict.fromkeys(numeric, "unit"),
                    "categorical": ["sex"] if "sex" in record else [],
                },
            },
        }
    )
    ids = [f"c{i}" for i in range(len(notes))]
    table = pd.DataFrame({"case_id": ids, "patient_id": patients, "note": notes, **record})
    return Cohort(spec, Path(), table.astype(object).where(table.notna(), None), {})


def toy_cohort() -> Cohort:
    rng = np.random.default_rng(0)
    age, weight = rng.normal(60, 12, N), rng.normal(80, 9, N)
    age[::4] = np.nan
    notes: list[str | None] = [
        f"{WORDS[i % 3]} today. No {WORDS[(i + 1) % 3]}. Seen in 2019{' by smith' * (i < 9)}"
        for i in range(N)
    ]
    notes[5] = None
    record = {"age": age, "weight": weight, "sex": np.array(["F", "M"])[np.arange(N) % 2]}
    return cohort_of(notes, record, [f"p{i // 2:02d}" for i in range(N)])


def model_of(
    cohort: Cohort, *, fusion: str = "gated", seed: int = 0, straight: bool = False
) -> Any:
    """A note and a record with weights drawn at random; straight: linear, evidence only."""
    torch.manual_seed(seed)
    encoders = {}
    for name, kind in (("note", "bag_of_words"), ("record", "mlp")):
        module, raw = load("encoders", kind), raw_values(cohort, name)
        facts = module.Encoder.learn(module.Config(), raw, cohort.spec.inputs[name])
        component = Component.model_validate({"name": kind, "out_dim": 4})
        encoders[name] = make_encoder(component, facts, name)
    model = MultimodalClassifier(
        encoders, Component.model_validate({"name": fusion}), [-1.0, 0.5], task="multilabel"
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn_like(parameter))
        if straight:
            record = model.encoder("record")
            record.out.weight[:, record.columns.n_values + len(record.columns.names) :] = 0
            model.correction.weight.zero_()
            model.correction.bias.zero_()
            model.weight.fill_(1.0)
    return model.eval()


def fold_of(cohort: Cohort, models: list[Any], at: NDArray[np.int_] | None = None) -> FoldCases:
    at = np.arange(cohort.n_cases) if at is None else at
    names = models[0].names
    inputs = {n: models[0].encoder(n).prepare(raw_values(cohort, n)) for n in names}
    present = torch.from_numpy(np.stack([cohort.present(n) for n in names], axis=1))
    nothing = torch.zeros(cohort.n_cases, 2)
    batch = Batch(inputs, present, nothing, nothing.bool()).take(at)
    encoded = EncodedCases(models, batch)
    training = np.arange(cohort.n_cases)
    return FoldCases(encoded, at, training, encoded.answers(np.arange(len(at))))


def answer_to(models: list[Any], cohort: Cohort, case: int, **changed: Any) -> NDArray[np.float64]:
    """The case with other inputs, as any other case."""
    raw = {name: raw_values(cohort, name)[case] for name in models[0].names}
    return Joint(models, {**raw, **changed}).answers_with({})[0].numpy().astype(float)


# --- cases asked again -------------------------------------------------------------------
@pytest.mark.parametrize("fusion", ["gated", "concat", "cross_attention"])
def test_cases_are_answered_as_one_by_one(fusion: str) -> None:
    cohort = toy_cohort()
    models = [model_of(cohort, fusion=fusion, seed=seed) for seed in (0, 1)]
    fold = fold_of(cohort, models)
    expected = [answer_to(models, cohort, case) for case in range(N)]
    np.testing.assert_allclose(fold.base, expected, rtol=1e-5, atol=1e-5)
    some = np.array([7, 7, 5])
    asked = torch.tensor([[True, False], [False, True], [True, False]])
    found = fold.encoded.answers(some, asked)
    np.testing.assert_allclose(found[0], answer_to(models, cohort, 7, record=None), rtol=1e-5)
    np.testing.assert_allclose(found[1], answer_to(models, cohort, 7, note=None), rtol=1e-5)
    assert found[2].tolist() == pytest.approx([-1.0, 0.5]), "case 5 has no note"


# --- columns -----------------------------------------------------------------------------
def test_the_effect_of_a_column_of_a_linear_model_is_its_weight() -> None:
    cohort = toy_cohort()
    model = model_of(cohort, straight=True)
    encoder, head = model.encoder("record"), model.heads["input_record"]
    weight = (head.weight @ encoder.out.weight).detach().numpy()  # (K, values and marks)
    changes = Changes()
    column_changes(changes, fold_of(cohort, [model]), cohort, "record", ["age"])
    found = changes.all()
    age = cohort.record("record")["age"].to_numpy()
    (mean, deviation), mark = encoder.facts["numeric"]["age"], encoder.columns.n_values
    here = ~np.isnan(age)
    cases, change = found[Part("recorded", "record", "age")]
    z = (age[here] - mean) / deviation
    assert cases.tolist() == np.flatnonzero(here).tolist()
    expected = z[:, None] * weight[:, 0] + weight[:, mark]
    np.testing.assert_allclose(change, expected, atol=1e-5)
    cases, change = found[Part("not_recorded", "record", "age")]
    assert cases.tolist() == np.flatnonzero(~here).tolist()
    middle = (np.nanmedian(age) - mean) / deviation
    expected = np.tile(-(middle * weight[:, 0] + weight[:, mark]), (len(cases), 1))
    np.testing.assert_allclose(change, expected, atol=1e-5)


def test_a_column_is_taken_out_as_if_it_had_not_been_recorded() -> None:
    cohort = toy_cohort()
    models = [model_of(cohort)]
    changes = Changes()
    column_changes(changes, fold_of(cohort, models), cohort, "record", ["sex"])
    cases, change = changes.all()["recorded", "record", "sex"]
    row = dict(cohort.record_rows("record")[cases[3]])
    without = answer_to(models, cohort, cases[3], record={**row, "sex": None})
    np.testing.assert_allclose(change[3], answer_to(models, cohort, cases[3]) - without, atol=1e-5)


def test_a_record_that_loses_its_only_cell_is_absent() -> None:
    cohort = toy_cohort()
    cohort.table.loc[2, ["age", "sex"]] = None
    cohort = replace(cohort, table=cohort.table)
    models = [model_of(cohort)]
    changes = Changes()
    column_changes(changes, fold_of(cohort, models), cohort, "record", ["weight"])
    cases, change = changes.all()["recorded", "record", "weight"]
    found = change[cases.tolist().index(2)]
    expected = answer_to(models, cohort, 2) - answer_to(models, cohort, 2, record=None)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_of_a_wide_record_the_columns_that_say_most_are_looked_at() -> None:
    n = MOST_COLUMNS + 50
    rng = np.random.default_rng(1)
    record = {f"g{i:03d}": rng.normal(0, 1, N) for i in range(n)}
    cohort = cohort_of(["cough"] * N, record, [f"p{i}" for i in range(N)])
    model = model_of(cohort, straight=True)
    encoder = model.encoder("record")
    with torch.no_grad():
        encoder.out.weight[:, :n] *= torch.where(torch.arange(n) < 50, 0.001, 1.0)
        encoder.out.weight[:, n:] = 0
    found = columns_asked(fold_of(cohort, [model]), cohort, "record")
    assert found == [f"g{i:03d}" for i in range(50, n)]
    assert LOOKED_AT > N


# --- words -------------------------------------------------------------------------------
def test_words_are_found_where_they_stand_and_denied_ones_apart() -> None:
    note = "Oedema, no rash. RASH since 3am on 12/2019 and the oedema"
    said = words_said(note)
    assert {word: [note[a:b] for a, b in spans] for word, spans in said.items()} == {
        "oedema": ["Oedema", "oedema"],
        "no rash": ["rash"],
        "rash": ["RASH"],
    }


def test_a_word_is_asked_about_only_if_ten_patients_said_it() -> None:
    cohort = toy_cohort()
    every = np.arange(N)
    asked = words_asked(cohort, "note", every, Limit(10_000, 1_000), 0)
    words = {word for of_case in asked.values() for word in of_case}
    assert words == {"cough", "rash", "oedema", "no cough", "no rash", "no oedema", "today", "seen"}
    assert "smith" not in words, "9 notes of 5 patients"
    assert 5 not in asked, "the case has no note"
    one = replace(cohort, table=cohort.table.assign(patient_id="p0"))
    assert words_asked(one, "note", every, Limit(10_000, 1_000), 0) == {}, "36 notes, one patient"
    nine = words_asked(cohort, "note", every[:18], Limit(10_000, 1_000), 0)
    assert nine == {}, "18 notes of 9 patients"


def test_notes_asked_are_limited_those_of_a_word_drawn_by_the_seed() -> None:
    cohort, every = toy_cohort(), np.arange(N)

    def asked(limit: Limit, seed: int = 0) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for case, words in words_asked(cohort, "note", every, limit, seed).items():
            for word in words:
                found.setdefault(word, []).append(case)
        return found

    few = asked(Limit(10_000, 11))
    assert {len(cases) for cases in few.values()} == {11}
    assert few == asked(Limit(10_000, 11))
    assert few != asked(Limit(10_000, 11), seed=1)
    assert set(asked(Limit(22, 11))) == {"seen", "today"}, "those that most patients say"


def test_a_word_is_cut_out_of_the_notes_that_say_it() -> None:
    cohort = toy_cohort()
    models = [model_of(cohort)]
    fold, changes = fold_of(cohort, models), Changes()
    asked = words_asked(cohort, "note", fold.at, Limit(10_000, 1_000), 0)
    word_changes(changes, fold, cohort, "note", asked)
    cases, change = changes.all()["word", "note", "no rash"]
    note = str(cohort.notes("note")[cases[0]])
    assert "No rash" in note
    without = answer_to(models, cohort, cases[0], note=note.replace("rash", ""))
    np.testing.assert_allclose(change[0], fold.base[cases[0]] - without, atol=1e-5)


def test_a_word_that_the_fold_hides_already_has_no_effect_to_speak_of() -> None:
    cohort = toy_cohort()
    model = model_of(cohort)
    model.encoder("note").facts["mask"] = ["rash"]
    fold, changes = fold_of(cohort, [model]), Changes()
    asked = words_asked(cohort, "note", fold.at, Limit(10_000, 1_000), 0)
    word_changes(changes, fold, cohort, "note", asked)
    words = {part.name for part in changes.all()}
    assert "cough" in words
    assert not words & {"rash", "no rash"}


def test_a_note_that_loses_its_only_word_is_no_note() -> None:
    notes: list[str | None] = ["cough"] * N
    cohort = cohort_of(notes, {"age": np.arange(N) * 1.0}, [f"p{i}" for i in range(N)])
    models = [model_of(cohort)]
    fold, changes = fold_of(cohort, models), Changes()
    asked = words_asked(cohort, "note", fold.at, Limit(10_000, 1_000), 0)
    word_changes(changes, fold, cohort, "note", asked)
    _, change = changes.all()["word", "note", "cough"]
    expected = answer_to(models, cohort, 0) - answer_to(models, cohort, 0, note=None)
    np.testing.assert_allclose(change[0], expected, atol=1e-5)


# --- inputs ------------------------------------------------------------------------------
def test_inputs_get_the_shapley_values_of_each_case() -> None:
    cohort = toy_cohort()
    models = [model_of(cohort)]
    values = input_values(fold_of(cohort, models))
    assert values is not None
    for case in (0, 5, 8):
        raw = {name: raw_values(cohort, name)[case] for name in models[0].names}
        for k in range(2):
            one = input_shapley.attribute(Joint(models, raw), Target(k), 0).sums
            expected = [one.get(name, 0.0) for name in models[0].names]
            np.testing.assert_allclose(values[case, k], expected, atol=1e-5)
    assert values[5, :, 0].tolist() == pytest.approx([0, 0]), "case 5 has no note"
    np.testing.assert_allclose(shares(values).sum(-1), 1)


def test_nothing_moved_is_no_share() -> None:
    assert shares(np.zeros((1, 1, 2))).tolist() == [[[0.0, 0.0]]]


# --- the table ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def effects(study: Study) -> pd.DataFrame:
    return effects_table(study, lambda repeat, fold: models_of(study, repeat, fold))


def models_of(study: Study, repeat: int, fold: int) -> list[MultimodalClassifier]:
    return load_models(study.run.folder / study.run.model_folder("fused", repeat, fold))[1]


def test_the_table_is_that_of_the_schema_and_the_same_again(
    effects: pd.DataFrame, study: Study
) -> None:
    pd.testing.assert_frame_equal(schema.EFFECTS.fill(effects), effects)
    assert set(effects["kind"]) == {"recorded", "not_recorded", "word", "input"}
    assert set(effects["class_name"]) == set(study.cohort.class_names)
    again = effects_table(study, lambda repeat, fold: models_of(study, repeat, fold))
    pd.testing.assert_frame_equal(again, effects, check_exact=True)


def test_an_effect_is_the_mean_over_the_test_cases_by_their_own_folds_models(
    effects: pd.DataFrame, study: Study
) -> None:
    """The slow way: every case by itself, by the models that never saw it."""
    cohort, splits = study.cohort, study.run.read("splits")
    tested = splits[(splits["repeat"] == 0) & (splits["split"] == "test")]
    fold_of_case = dict(zip(tested["case_id"], tested["fold"], strict=True))
    by_fold = {fold: models_of(study, 0, fold) for fold in set(tested["fold"])}
    raw = {name: raw_values(cohort, name) for name in cohort.spec.inputs}
    change, patients = [], []
    for i, case_id in enumerate(cohort.table["case_id"]):
        case = {name: values[i] for name, values in raw.items()}
        row = case["record"]
        if row is None or np.isnan(row["temperature"]):
            continue
        models = by_fold[fold_of_case[case_id]]
        lacks = {**case, "record": {**row, "temperature": None}}
        both = [Joint(models, one).answers_with({})[0, 0] for one in (case, lacks)]
        change.append(float(both[0] - both[1]))
        patients.append(cohort.table["patient_id"][i])
    expected = mean_interval(change, patients)
    at = effects.query("kind == 'recorded' and part == 'temperature'").iloc[0]
    assert at["class_name"] == cohort.class_names[0]
    assert (at["n_cases"], at["n_patients"]) == (expected.n_cases, expected.n_patients)
    np.testing.assert_allclose(at[["value", "low", "high"]].astype(float), expected[:3], atol=1e-5)
    assert at["size"] == pytest.approx(np.abs(change).mean(), abs=1e-5)


def test_words_are_at_most_40_a_class_the_largest_first_and_of_ten_patients(
    effects: pd.DataFrame,
) -> None:
    words = effects[effects["kind"] == "word"]
    assert (words["n_patients"] >= 10).all()
    for _, of_class in words.groupby("class_name"):
        size = of_class["value"].abs().to_numpy()
        assert 5 < len(size) <= 40
        assert (np.diff(size) <= 0).all()
    assert not words["part"].str.contains(r"\d").any()


def test_too_few_patients_get_their_number_and_no_value(effects: pd.DataFrame) -> None:
    few = effects["n_patients"] < 10
    assert few.any()
    assert effects.loc[few, ["value", "low", "high", "size"]].isna().all(axis=None)
    assert effects.loc[~few, ["value", "low", "high", "size"]].notna().all(axis=None)


def test_shares_of_inputs_lie_between_none_and_all(effects: pd.DataFrame) -> None:
    inputs = effects[effects["kind"] == "input"]
    assert sorted(inputs["input"].unique()) == ["image", "note", "record"]
    assert ((inputs["low"] >= 0) & (inputs["high"] <= 1)).all()
    assert ((inputs["low"] < inputs["value"]) & (inputs["value"] < inputs["high"])).all()


def test_a_run_without_test_cases_of_its_own_is_refused(study: Study, tmp_path: Path) -> None:
    from clinmm.runs import Run

    run = Run.create(tmp_path / "new", "prediction", {**study.run.facts, "kind": "prediction"})
    with pytest.raises(InputError, match="Name the study"):
        effects_table(replace(study, run=run), lambda repeat, fold: [])
