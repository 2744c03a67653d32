"""What a case would be answered, against the same models asked of the changed case."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from clinmm import schema
from clinmm.calibration import tables
from clinmm.calibration.temperature import Calibrator
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.inputs import RecordInput
from clinmm.cohort.phantom import make_phantom
from clinmm.config import Component
from clinmm.continuous.recalibration import Recalibration
from clinmm.errors import InputError, NotMadeYet
from clinmm.explain.joint import Joint
from clinmm.explain.what_if import (
    Calibrated,
    PlausibleRanges,
    plausible_ranges,
    probability_of,
    what_if_rows,
)
from clinmm.explain.what_if.most_moving import most_moving
from clinmm.folds import raw_values
from clinmm.model import MultimodalClassifier, make_encoder
from clinmm.runs import Run
from clinmm.stored_models import load_models
from clinmm.study import Study, open_explainable
from pipelines import predict

NOTE = "Cough since Monday. No fever!\nLegs swollen by the covid, no rash"
CASE: dict[str, Any] = {"note": NOTE, "record": {"age": 61.0, "weight": 80.0, "sex": "F"}}
CLASSES = ["died", "stayed"]
RANGES = PlausibleRanges(
    {"record": {"age": [20.0, 50.0, 80.0], "weight": []}}, {"record": {"sex": ["F", "M"]}}
)
SPEC = RecordInput(kind="record", numeric={"age": "years", "weight": "kg"}, categorical=("sex",))


def model_of(seed: int = 0, mask: Sequence[str] = (), spec: RecordInput = SPEC) -> Any:
    """A note and a record, weights drawn at random."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(0)
    rows = [
        {column: float(rng.normal(60, 20)) for column in spec.numeric}
        | dict.fromkeys(spec.categorical, "FM"[i % 2])
        for i in range(30)
    ]
    notes = [NOTE.lower(), "fever and rash", "cough, swollen legs", "monday rash"] * 2
    given = {"note": ("bag_of_words", notes, None), "record": ("mlp", rows, spec)}
    encoders = {}
    for name, (kind, raw, source) in given.items():
        component = Component.model_validate({"name": kind, "out_dim": 4})
        module = make_encoder(component, _facts(kind, raw, source), name)
        encoders[name] = module
    encoders["note"].facts["mask"] = list(mask)
    fusion = Component.model_validate({"name": "gated"})
    model = MultimodalClassifier(encoders, fusion, [-1.0, 0.5])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return model.eval()


def _facts(kind: str, raw: list[Any], spec: Any) -> dict[str, Any]:
    from clinmm import registry

    encoder = registry.load("encoders", kind)
    facts: dict[str, Any] = encoder.Encoder.learn(encoder.Config(), raw, spec)
    return facts


class Patterns:
    """Sigmoid of the mean logit; keeps what it was first asked, and then of the subsets."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    @property
    def asked(self) -> list[str]:
        return self.calls[0]

    def __call__(
        self, logits: NDArray[np.float64], case_id: str, patterns: Sequence[str]
    ) -> NDArray[np.float64]:
        self.calls.append(list(patterns))
        out: NDArray[np.float64] = 1 / (1 + np.exp(-logits.mean(0)))
        return out


def rows_of(models: Sequence[Any], case: dict[str, Any] = CASE) -> pd.DataFrame:
    joints = [Joint([model], case) for model in models]
    return pd.DataFrame(what_if_rows(joints, "c1", CLASSES, Patterns(), RANGES))


def answer_to(model: Any, **changed: Any) -> NDArray[np.float64]:
    """The case with other inputs, as any other case."""
    return Joint([model], {**CASE, **changed}).answers_with({})[0].numpy().astype(float)


def logits(rows: pd.DataFrame, **where: Any) -> NDArray[np.float64]:
    for column, value in where.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    assert rows["class_name"].tolist() == CLASSES, "one row for each class"
    found: NDArray[np.float64] = rows["logit"].to_numpy()
    return found


def close(one: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(one, other, atol=2e-6)


def test_the_first_rows_are_the_case_as_it_is() -> None:
    model = model_of()
    rows = rows_of([model])
    schema.WHAT_IF.fill(rows)
    assert rows["kind"].tolist()[:2] == ["as_is", "as_is"]
    close(logits(rows, kind="as_is"), answer_to(model))
    answers = rows[rows["kind"] != "input_adds"]
    np.testing.assert_allclose(answers["probability"], 1 / (1 + np.exp(-answers["logit"])))


@pytest.mark.parametrize("name", ["note", "record"])
def test_an_input_removed_is_the_case_that_lacks_it(name: str) -> None:
    model = model_of()
    found = logits(rows_of([model]), kind="input_removed", input=name)
    close(found, answer_to(model, **{name: None}))
    assert np.abs(found - answer_to(model)).max() > 1e-3, "the model reads it"


def test_what_inputs_add_is_half_of_each_way_by_hand_on_both_scales() -> None:
    model, spy = model_of(), Patterns()
    rows = pd.DataFrame(what_if_rows([Joint([model], CASE)], "c1", CLASSES, spy, RANGES))
    assert spy.calls[1] == ["none", "note", "record", "note+record"]
    none, record, note = (
        answer_to(model, **dict.fromkeys(lost)) for lost in (CASE, ["note"], ["record"])
    )
    both = answer_to(model)
    adds = rows[rows["kind"] == "input_adds"]
    for scale, of in (("logit", lambda x: x), ("probability", lambda x: 1 / (1 + np.exp(-x)))):
        by_hand = (of(note) - of(none) + of(both) - of(record)) / 2
        found = adds.loc[adds["input"] == "note", scale]
        np.testing.assert_allclose(found, by_hand, atol=2e-6)
        total = adds.groupby("class_name", sort=False)[scale].sum()
        np.testing.assert_allclose(total, of(both) - of(none), atol=2e-6)


def test_every_sentence_is_cut_out_of_the_note() -> None:
    model = model_of()
    rows = rows_of([model])
    parts = rows.loc[rows["kind"] == "sentence_removed", "part"].unique().tolist()
    spans = [tuple(map(int, part.split(":"))) for part in parts]
    said = [NOTE[start:end] for start, end in spans]
    assert said == ["Cough since Monday.", "No fever!", "Legs swollen by the covid, no rash"]
    for part, (start, end) in zip(parts, spans, strict=True):
        expected = answer_to(model, note=NOTE[:start] + NOTE[end:])
        close(logits(rows, kind="sentence_removed", part=part), expected)


def test_words_that_a_fold_hides_stay_hidden_and_places_are_those_of_the_note_as_given() -> None:
    plain, hiding = model_of(), model_of(mask=["cough since", "covid"])
    columns = ["kind", "input", "part", "x", "class_name"]
    pd.testing.assert_frame_equal(rows_of([plain])[columns], rows_of([hiding])[columns])
    end = NOTE.index("Legs")
    found = logits(rows_of([hiding]), kind="sentence_removed", part=f"{end}:{len(NOTE)}")
    close(found, answer_to(hiding, note=NOTE[:end]))
    assert np.abs(found - answer_to(plain, note=NOTE[:end])).max() > 1e-4, "the mask matters"


def test_a_note_of_one_sentence_without_it_is_no_note() -> None:
    model, case = model_of(), {**CASE, "note": "Fever. "}
    found = logits(rows_of([model], case), kind="sentence_removed", part="0:6")
    close(found, answer_to(model, note=None))


@pytest.mark.parametrize(
    ("column", "x", "value"), [("age", "50", 50.0), ("sex", "M", "M"), ("weight", None, None)]
)
def test_a_column_is_moved_and_the_others_stay(column: str, x: str | None, value: Any) -> None:
    model = model_of()
    found = logits(rows_of([model]), kind="column_moved", part=column, x=x)
    close(found, answer_to(model, record={**CASE["record"], column: value}))


def test_each_column_has_its_values_and_not_recorded() -> None:
    moved = rows_of([model_of()]).query("kind == 'column_moved' and class_name == 'died'")
    curves = moved.fillna({"x": "-"}).groupby("part", sort=False)["x"].apply(list).to_dict()
    assert curves == {
        "age": ["20", "50", "80", "-"],
        "weight": ["-"],
        "sex": ["F", "M", "-"],
    }


def test_a_curve_of_a_linear_model_has_its_slope() -> None:
    model = model_of()
    encoder, head = model.encoder("record"), model.heads["input_record"]
    mean, deviation = encoder.facts["numeric"]["age"]
    with torch.no_grad():
        encoder.out.weight[:, encoder.columns.n_values + 3 :] = 0  # the hidden layer is unread
        model.correction.weight.zero_()
    curve = [
        logits(rows_of([model]), kind="column_moved", part="age", x=x) for x in ("20", "50", "80")
    ]
    slope = (model.weight[1] * (head.weight @ encoder.out.weight[:, 0])).detach().numpy()
    close(curve[1] - curve[0], slope * 30 / deviation)
    close(curve[2] - curve[0], slope * 60 / deviation)
    assert mean != 0


def test_a_record_that_loses_its_only_cell_is_absent() -> None:
    only = {"age": 40.0, "weight": float("nan"), "sex": None}
    model = model_of()
    rows = rows_of([model], {**CASE, "record": only})
    close(logits(rows, kind="column_moved", part="age", x=None), answer_to(model, record=None))
    unmoved = logits(rows, kind="column_moved", part="sex", x=None)
    close(unmoved, answer_to(model, record=only))


def test_the_calibrator_is_told_which_inputs_are_left() -> None:
    spy = Patterns()
    case = {"note": "Fever.", "record": {"age": 40.0, "weight": None, "sex": None}}
    rows = what_if_rows([Joint([model_of()], case)], "c1", CLASSES, spy, RANGES)
    kinds = [(row["kind"], row["input"], row["part"], row["x"]) for row in rows[::2]]
    kinds = [kind for kind in kinds if kind[0] != "input_adds"]
    said = dict(zip(kinds, spy.asked, strict=True))
    assert said["as_is", None, None, None] == "note+record"
    assert said["input_removed", "note", None, None] == "record"
    assert said["sentence_removed", "note", "0:6", None] == "record"
    assert said["column_moved", "record", "age", "20"] == "note+record"
    assert said["column_moved", "record", "age", None] == "note"
    assert said["column_moved", "record", "sex", None] == "note+record"


def test_a_case_without_any_input_is_answered_as_it_is_and_that_is_all() -> None:
    model, spy = model_of(), Patterns()
    joint = Joint([model], dict.fromkeys(CASE))
    rows = pd.DataFrame(what_if_rows([joint], "c1", CLASSES, spy, RANGES))
    close(logits(rows, kind="as_is"), model.start.numpy())
    assert (len(rows), spy.asked) == (2, ["none"])


def test_the_models_of_several_folds_are_averaged() -> None:
    models = [model_of(seed) for seed in (0, 1, 2)]
    apart = np.mean([rows_of([model])["logit"] for model in models], axis=0)
    np.testing.assert_allclose(rows_of(models)["logit"], apart, atol=1e-6)


# --- wide records ------------------------------------------------------------------------
def test_of_a_wide_record_the_columns_that_move_the_answer_most_are_moved() -> None:
    names = [f"gene{i:02d}" for i in range(40)]
    spec = RecordInput(kind="record", numeric=dict.fromkeys(names, "counts"))
    model = model_of(spec=spec)
    encoder = model.encoder("record")
    with torch.no_grad():  # linear, with these slopes; the columns' deviations are about the same
        model.correction.weight.zero_()
        encoder.out.weight.zero_()
        encoder.out.weight[0, [3, 17, 30]] = torch.tensor([5.0, -9.0, 7.0])
        model.heads["input_record"].weight[:, 0] = 1.0
        model.weight.fill_(1.0)
    points = {name: [40.0, 80.0] for name in names} | {"gene30": [59.0, 61.0]}
    ranges = PlausibleRanges({"record": points}, {"record": {}})
    case = {"note": NOTE, "record": dict.fromkeys(names, 55.0)}
    joints = [Joint([model], case)]
    assert most_moving(joints, "record", ranges, 2) == ["gene03", "gene17"], "gene30 hardly varies"
    assert most_moving(joints, "record", ranges, 40) == names
    rows = pd.DataFrame(what_if_rows(joints, "c1", CLASSES, Patterns(), ranges))
    moved = rows[rows["kind"] == "column_moved"]
    assert moved["part"].nunique() == 20
    assert {"gene03", "gene17", "gene30"} <= set(moved["part"])


# --- plausible ranges --------------------------------------------------------------------
def cohort_of(record: dict[str, Any], patients: list[str] | None = None) -> Cohort:
    """A cohort of one record; numeric columns are given with their unit."""
    from clinmm.cohort.spec import CohortSpec

    n = len(next(iter(record.values())))
    ids = [f"p{i}" for i in range(n)] if patients is None else patients
    units = {"age": "years", "spo2": "percent", "score": "points", "grade": "points"}
    spec = CohortSpec.model_validate(
        {
            "name": "toy",
            "table": "cases.csv",
            "case_id": "case_id",
            "patient_id": "patient_id",
            "target": {"name": "died", "kind": "binary", "column": "died",
                       "positive": ["1"], "negative": ["0"]},
            "inputs": {
                "record": {
                    "kind": "record",
                    "numeric": {c: units[c] for c in record if c in units},
                    "categorical": [c for c in record if c not in units],
                }
            },
        }
    )  # fmt: skip
    table = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "patient_id": ids, **record})
    return Cohort(spec, Path(), table.astype(object).where(table.notna(), None), {})


def test_a_column_goes_from_the_2nd_to_the_98th_percentile_in_15_points() -> None:
    values = np.arange(0, 101) / 4
    points = plausible_ranges(cohort_of({"score": values})).numeric["record"]["score"]
    assert len(points) == 15
    assert (points[0], points[-1]) == (0.5, 24.5)
    np.testing.assert_allclose(np.diff(points), 24 / 14, atol=1e-3)


def test_values_that_no_living_person_has_do_not_stretch_the_range() -> None:
    values = [*np.linspace(88, 99.5, 60), *[980.0] * 20]
    points = plausible_ranges(cohort_of({"spo2": values})).numeric["record"]["spo2"]
    assert points[-1] <= 99.5


def test_whole_numbers_stay_whole_and_few_values_are_all_taken() -> None:
    cohort = cohort_of({"age": np.arange(20.0, 95.0), "grade": np.arange(75) % 3 * 0.5})
    ranges = plausible_ranges(cohort).numeric["record"]
    assert all(point == round(point) for point in ranges["age"])
    assert len(ranges["age"]) == 15
    assert ranges["grade"] == [0.0, 0.5, 1.0]


def test_too_few_patients_or_one_value_give_no_range() -> None:
    few = [1.0 * i if i < 18 else None for i in range(40)]
    patients = [f"p{i // 2}" if i < 18 else f"p{i}" for i in range(40)]  # 9 patients have it
    cohort = cohort_of({"score": few, "grade": [2.0] * 40}, patients)
    assert plausible_ranges(cohort).numeric["record"] == {"score": [], "grade": []}
    cohort = cohort_of({"score": few, "grade": [2.0] * 40})
    assert len(plausible_ranges(cohort).numeric["record"]["score"]) == 15


def test_a_category_counts_that_five_patients_have() -> None:
    sex = ["F"] * 6 + ["M"] * 5 + ["X"] * 4 + [None] * 9
    patients = [f"p{i}" for i in range(24)]
    assert plausible_ranges(cohort_of({"sex": sex}, patients)).categorical["record"] == {
        "sex": ["F", "M"]
    }
    patients[10] = patients[9]
    assert plausible_ranges(cohort_of({"sex": sex}, patients)).categorical["record"]["sex"] == ["F"]


def test_only_training_cases_are_looked_at() -> None:
    cohort = cohort_of({"score": np.arange(60.0)})
    points = plausible_ranges(cohort, np.arange(30)).numeric["record"]["score"]
    assert max(points) < 30


# --- calibrated probabilities ------------------------------------------------------------
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_variants_are_calibrated_as_predictions_are(task: str) -> None:
    rng = np.random.default_rng(0)
    names, each = ["zeta", "alpha", "mid"], rng.normal(size=(2, 5, 3))
    keys = ["all"] if task == "multiclass" else names
    rules = [{k: Calibrator(t + 0.1 * i) for i, k in enumerate(keys)} for t in (0.5, 2.0)]
    found = Calibrated(task, names, rules, "pattern", pd.DataFrame())(each, "c1", ["none"] * 5)
    tensors = torch.from_numpy(each)
    raw = torch.softmax(tensors, 2) if task == "multiclass" else torch.sigmoid(tensors)
    expected = []
    for rule, probability in zip(rules, raw.numpy(), strict=True):
        case = [f"case {s}" for s in range(5)]
        table = pd.concat(
            pd.DataFrame(
                {"arm": "fused", "repeat": 0, "fold": 0, "case_id": case, "patient_id": case,
                 "class_name": name, "target": 0.0, "pattern": "none",
                 "probability_raw": probability[:, k]}
            )
            for k, name in enumerate(names)
        )  # fmt: skip
        table = tables.apply(table.reset_index(drop=True), {("fused", 0, 0): rule})
        expected.append(table["probability"].to_numpy().reshape(3, 5).T)
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-12)
    if task == "multiclass":
        np.testing.assert_allclose(found.sum(1), 1)


def test_a_calibrator_by_group_or_pattern_gets_the_variants_own() -> None:
    class ByCell:
        name = "hierarchical"
        by_cell = {"sex=F": 1, "pattern=note": 1}

        def apply(self, logits: Any, cells: Any) -> Any:
            self.cells = list(cells)
            return 1 / (1 + np.exp(-logits))

    groups = pd.DataFrame({"sex": ["M", "F"]}, index=["c0", "c1"])
    for by, expected in (("sex", ["sex=F"] * 2), ("pattern", ["pattern=note", "pattern=none"])):
        rule = ByCell()
        calibrated = Calibrated("binary", ["died"], [{"died": rule}], by, groups)  # type: ignore[dict-item]
        calibrated(np.zeros((1, 2, 1)), "c1", ["note", "none"])
        assert rule.cells == expected


def test_a_continuous_target_gets_its_value() -> None:
    rule = Recalibration("linear", 1.0, 2.0, (0.0, 10.0))
    calibrated = Calibrated("continuous", ["days"], [rule], "pattern", pd.DataFrame())
    found = calibrated(np.array([[[3.0], [9.0]]]), "c1", ["note", "none"])
    assert found.tolist() == [[7.0], [10.0]]


# --- a whole study -----------------------------------------------------------------------
def _as_is(folder: Path, places_of: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(as_is rows of six cases, their predictions)."""
    study, models_run, _ = open_explainable(folder)
    predictions = study.run.read("predictions")
    tested = predictions[(predictions["repeat"] == 0) & (predictions["split"] == "test")]
    ranges = plausible_ranges(study.cohort)
    raw = {name: raw_values(study.cohort, name) for name in study.cohort.spec.inputs}
    ids = study.cohort.table["case_id"].tolist()
    chosen = tested.drop_duplicates("case_id").iloc[::6]
    rows: list[dict[str, Any]] = []
    for case_id, fold in zip(chosen["case_id"], chosen["fold"], strict=True):
        places = places_of(int(fold))
        joints = [
            Joint(
                load_models(models_run.folder / models_run.model_folder("fused", *place))[1],
                {name: values[ids.index(case_id)] for name, values in raw.items()},
            )
            for place in places
        ]
        probability = probability_of(study, models_run, places)
        rows += what_if_rows(joints, case_id, study.cohort.class_names, probability, ranges)
    found = schema.WHAT_IF.fill(pd.DataFrame(rows))
    return found[found["kind"] == "as_is"], tested[tested["case_id"].isin(chosen["case_id"])]


def _same(found: pd.DataFrame, predicted: pd.DataFrame) -> None:
    both = found.merge(predicted, on=["case_id", "class_name"], suffixes=("", "_predicted"))
    assert len(both) == len(found) == len(predicted) > 12
    difference = both["probability"] - both["probability_predicted"]
    assert difference.abs().max() < 1e-5
    assert (both["probability"] - both["probability_raw"]).abs().max() > 0.01, "it is calibrated"


def test_a_studys_case_as_it_is_has_its_predicted_probability(study: Study) -> None:
    _same(*_as_is(study.run.folder, lambda fold: [(0, fold)]))


def test_a_new_case_as_it_is_has_its_predicted_probability(study: Study, tmp_path: Path) -> None:
    others = make_phantom(tmp_path / "others", seed=9, n_patients=20)
    run = predict.main(study.run.folder, others, tmp_path / "new")
    _same(*_as_is(run.folder, lambda fold: study.model_places()))


def test_a_run_that_is_not_calibrated_names_the_command(study: Study, tmp_path: Path) -> None:
    bare = Run.create(tmp_path / "bare", "study", {**study.run.facts, "stages": {}})
    with pytest.raises(NotMadeYet, match=r"Do it with: clinmm calibrate .*bare"):
        probability_of(study, bare, [(0, 0)])


# --- refusals ----------------------------------------------------------------------------
def test_all_that_is_wrong_is_refused_at_once() -> None:
    joint, nothing = Joint([model_of()], CASE), PlausibleRanges({}, {})
    with pytest.raises(InputError, match="no joint") as refused:
        what_if_rows([], "c1", CLASSES, Patterns(), RANGES)
    with pytest.raises(InputError) as refused:
        what_if_rows([joint], "c1", ["died"], Patterns(), nothing)
    assert len(refused.value.problems) == 2
    assert "answer 2 classes, got 1 names" in refused.value.problems[0]
    assert "no ranges of the record 'record'" in refused.value.problems[1]


def test_the_same_is_said_again() -> None:
    pd.testing.assert_frame_equal(rows_of([model_of()]), rows_of([model_of()]), check_exact=True)
