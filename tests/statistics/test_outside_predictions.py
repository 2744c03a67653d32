"""Anybody's predictions: what is read, what is refused, what is written."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from clinmm import schema
from clinmm.config import CalibrateConfig
from clinmm.errors import InputError, NotMadeYet
from clinmm.outside_predictions import options, read
from clinmm.runs import Run
from clinmm.thresholds import OperatingPoint
from pipelines import audit, outside


def make_table(n=80, classes=("x", "y"), seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for name in classes:
        y = rng.integers(0, 2, n)
        rows.append(
            pd.DataFrame(
                {
                    "case_id": [f"00{i}" for i in range(n)],
                    "patient_id": [f"p{i // 2}" for i in range(n)],
                    "class_name": name,
                    "target": y,
                    "probability": np.round(0.3 * y + 0.7 * rng.random(n), 4),
                    "sex": np.repeat(["F", "M"], n // 2),
                    "age_years": np.arange(n) + 0.5,
                    "decade": np.repeat(np.arange(8) * 10, n // 8),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def write(table, folder, name="p.csv"):
    file = folder / name
    if file.suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False)
    return file


PARTS = ("calibrate", "test")
POINTS = {"careful": OperatingPoint(sensitivity=0.9)}


def grades(n=240, seed=0):
    """Three exclusive classes of two cases a patient, probabilities rounded to three digits."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 3, n)
    score = np.exp(1.2 * np.eye(3)[grade] + rng.normal(size=(n, 3)))
    risk = np.round(score / score.sum(axis=1, keepdims=True), 3)
    names = ["mild", "moderate", "severe"]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "case_id": [f"c{i}" for i in range(n)],
                    "patient_id": [f"p{i // 2}" for i in range(n)],
                    "class_name": name,
                    "target": (grade == k).astype(int),
                    "probability": risk[:, k],
                }
            )
            for k, name in enumerate(names)
        ],
        ignore_index=True,
    )


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.parquet"])
def test_file_becomes_the_tables_of_a_run(tmp_path, name):
    table = make_table()
    table["target"] = table["target"].astype(float)
    table.loc[0, "target"] = np.nan
    given = read(write(table, tmp_path, name), threshold="0.5", group_by=["sex", "sex*decade"])
    schema.PREDICTIONS.validate(given.predictions)
    schema.THRESHOLDS.validate(given.thresholds)
    assert given.predictions["case_id"].iloc[1] == "001"  # as written, not a number
    assert given.predictions["target"].isna().sum() == 1
    np.testing.assert_array_equal(given.predictions["probability"], table["probability"])
    assert given.groups.loc["000"].to_dict() == {"sex": "F", "decade": "0"}
    assert given.group_by == ["sex", "sex*decade"]
    assert (given.kind, given.calibrated_on) == ("multilabel", None)
    assert set(given.predictions["split"]) == {"test"}
    assert given.thresholds["threshold"].tolist() == [0.5, 0.5]


def test_threshold_file_and_decision_column_both_make_calls(tmp_path):
    table = make_table(classes=("x",))
    limits = write(pd.DataFrame({"class_name": ["x"], "threshold": [0.4]}), tmp_path, "t.csv")
    by_limit = outside.main(
        write(table, tmp_path), tmp_path / "a", threshold=str(limits), n_bootstrap=50
    )
    decided = table.assign(decision=(table["probability"] >= 0.4).astype(int))
    by_decision = outside.main(write(decided, tmp_path, "d.csv"), tmp_path / "b", n_bootstrap=50)
    pd.testing.assert_frame_equal(by_limit, by_decision)
    rates = by_limit[by_limit["metric"] == "sensitivity"]
    call = (table["probability"] >= 0.4)[table["target"] == 1]
    assert rates["value"].iloc[0] == pytest.approx(call.mean())


def test_run_folder_is_written_with_groups(tmp_path):
    table = make_table()
    outside.main(write(table, tmp_path), tmp_path / "run", group_by=["sex"], n_bootstrap=50)
    run = Run.open(tmp_path / "run")
    assert run.facts["kind"] == "audit"
    assert run.facts["n_patients"] == 40
    assert run.facts["target"]["classes"] == ["x", "y"]
    assert list(run.facts["stages"]) == ["evaluate", "audit"]
    metrics = run.read("metrics")
    one = metrics.query("metric == 'auroc' and class_name == 'x' and probability == 'calibrated'")
    got = one.set_index("group")["value"]
    for group, rows in [("all", table), ("F", table[table["sex"] == "F"])]:
        rows = rows[rows["class_name"] == "x"]
        assert got[group] == pytest.approx(roc_auc_score(rows["target"], rows["probability"]))
    assert set(run.read("comparisons")["rival"]) == {"complement", "best_group"}
    assert set(run.read("cases").columns) == {"case_id", "patient_id", "sex"}
    assert run.read("slices").empty
    assert "enough patients" in run.facts["audit"]["left_out"]["slices"]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda t: t.drop(columns="target"), {}, r"missing columns \['target'\]"),
        (lambda t: t.iloc[:0], {}, "holds no rows"),
        (lambda t: pd.concat([t, t.head(2)]), {}, "2 rows repeat a"),
        (lambda t: t.assign(probability=t.probability * 3 - 1), {}, "Apply a sigmoid first"),
        (lambda t: t.assign(probability="high"), {}, "160 of 160 values are not numbers"),
        (lambda t: t.assign(probability=None), {}, "160 of 160 values are empty"),
        (lambda t: t.assign(target=2), {}, "target must be 0 or 1 or empty; 160"),
        (lambda t: t.assign(decision=0.5), {}, "decision must be 0 or 1; 160"),
        (lambda t: t.assign(decision=1), {"threshold": "0.5"}, "leave out one of the two"),
        (lambda t: t.assign(class_name="macro").head(80), {}, "reserved for means"),
        (lambda t: t.assign(patient_id=t.index), {}, "80 cases have more than one patient_id"),
        (lambda t: t.assign(case_id=None), {}, "160 empty cells in case_id"),
        (lambda t: t, {"threshold": "1.5"}, r"thresholds must lie in \[0, 1\]"),
        (lambda t: t, {"threshold": "absent.csv"}, "absent.csv is not a file"),
        (lambda t: t, {"group_by": ["age"]}, "cannot group by 'age'; columns that may be"),
        (lambda t: t, {"group_by": ["target"]}, "cannot group by 'target'"),
        (lambda t: t, {"group_by": ["sex*age_years"]}, "80 different numbers: a measurement"),
        (lambda t: t.assign(sex=t.index), {"group_by": ["sex"]}, "more than one value of 'sex'"),
        (lambda t: t.assign(split="train"), {}, "split must be calibrate or test; 160 of 160"),
        (lambda t: t.assign(split=np.where(t.index % 2, *PARTS)), {}, "40 patients are in both"),
        (lambda t: t.assign(split="calibrate"), {}, "no test row has a target"),
        (lambda t: t.assign(split="test"), {"calibrate": 0.3}, "leave out one"),
        (lambda t: t.assign(target=None), {"calibrate": 0.3}, "no calibrate row has a target"),
        (lambda t: t, {"calibrate": 30}, "a share of the patients between 0 and 1, got 30"),
        (lambda t: t, {"calibrate": 0.001}, "leaves a part without any"),
        (lambda t: t, {"calibrate": 0.3, "threshold": "0.5"}, "calibration changes them. Use --op"),
        (lambda t: t, {"operating_points": POINTS}, "there are none. Set some patients aside"),
        (
            lambda t: t,
            {"prevalence": {"z": 0.1}},
            r"stated for \['z'\]; the classes are \['x', 'y'",
        ),
        (lambda t: t, {"exclusive": True}, "do not belong to exactly one of the exclusive"),
        (lambda t: t.head(80), {"exclusive": True}, "must be two or more; the file has one"),
        (lambda t: t.head(100), {"exclusive": True}, "60 cases lack a row for one of the 2"),
        (lambda t: t, {"ordered": ["x", "y"]}, "the probabilities of 80 cases do not sum up"),
        (lambda t: t, {"ordered": ["x", "z"]}, "must name every class of the file"),
        (lambda t: t, {"ordered": ["x", "y"], "exclusive": False}, "for exclusive classes, and"),
    ],
)
def test_file_is_refused_and_nothing_is_written(tmp_path, change, options, said):
    file = write(change(make_table()), tmp_path)
    with pytest.raises(InputError, match=said):
        outside.main(file, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_study_is_never_overwritten(tmp_path):
    study = Run.create(tmp_path / "study", "study", {"seed": 0})
    with pytest.raises(InputError, match="holds a run of kind study"):
        outside.main(write(make_table(), tmp_path), study.folder, n_bootstrap=20)
    assert not study.has("metrics")


def test_all_problems_of_a_file_are_told_at_once(tmp_path):
    bad = make_table().assign(target=3, probability=-1, patient_id=None)
    with pytest.raises(InputError) as caught:
        read(write(bad, tmp_path), threshold="7", group_by=["shoe"])
    assert len(caught.value.problems) == 5


def test_threshold_file_must_name_every_class(tmp_path):
    limits = write(pd.DataFrame({"class_name": ["x"], "threshold": [0.4]}), tmp_path, "t.csv")
    with pytest.raises(InputError, match=r"no threshold for classes \['y'\]"):
        read(write(make_table(), tmp_path), threshold=str(limits))


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "p.xlsx").write_text("x")
    with pytest.raises(InputError, match="by the file's ending"):
        read(tmp_path / "p.xlsx")


def test_patients_set_aside_are_whole_a_like_share_and_the_same_again(tmp_path):
    table = make_table(n=400)
    table["target"] = np.where(table["class_name"] == "x", table["target"], table.index % 10 == 0)
    given = [read(write(table, tmp_path), calibrate=0.3, seed=seed) for seed in (1, 1, 2)]
    rows = given[0].predictions
    aside = rows["split"] == "calibrate"
    per_patient = rows.groupby("patient_id")["split"].nunique()
    assert (per_patient == 1).all()
    n = rows.loc[aside, "patient_id"].nunique()
    assert abs(n - 60) <= 1
    assert given[0].calibrated_on == f"{n} of 200 patients, set aside at random (share 0.3, seed 1)"
    positive = rows[rows["target"] == 1].drop_duplicates(["class_name", "patient_id"])
    shares = positive.groupby("class_name")["split"].agg(lambda part: (part == "calibrate").mean())
    np.testing.assert_allclose(shares, 0.3, atol=0.03)
    pd.testing.assert_frame_equal(rows, given[1].predictions)
    assert not rows["split"].equals(given[2].predictions["split"])


def test_who_is_set_aside_does_not_depend_on_the_order_of_the_file(tmp_path):
    table = make_table(n=200, classes=("x",))
    shuffled = table.sample(frac=1, random_state=0)
    aside = [
        set(rows.loc[rows["split"] == "calibrate", "patient_id"])
        for rows in (
            read(write(t, tmp_path), calibrate=0.4, seed=5).predictions for t in (table, shuffled)
        )
    ]
    assert aside[0] == aside[1]


def test_column_split_says_who_calibrates(tmp_path):
    table = make_table()
    part = np.where(table["patient_id"].str[1:].astype(int) < 15, *PARTS)
    given = read(write(table.assign(split=part), tmp_path), operating_points=POINTS)
    np.testing.assert_array_equal(given.predictions["split"], part)
    assert given.calibrated_on == "15 patients that the file gives for it"
    only_test = read(write(table.assign(split="test"), tmp_path))
    assert only_test.calibrated_on is None


def test_exclusive_classes_are_recognised_or_stated(tmp_path):
    table = grades()
    file = write(table, tmp_path)
    assert read(file).kind == "multiclass"
    assert read(file, exclusive=False).kind == "multilabel"
    in_order = ["severe", "moderate", "mild"]
    given = read(file, ordered=in_order)
    assert (given.kind, given.classes, given.ordered) == ("multiclass", in_order, True)
    one = table[table["class_name"] == "mild"]
    assert read(write(one, tmp_path)).kind == "binary"
    # labels that happen to sum up to 1 in most cases only
    table.loc[0, "probability"] += 0.01
    assert read(write(table, tmp_path)).kind == "multilabel"
    unknown = grades().assign(target=lambda t: t["target"].where(t["case_id"] != "c0"))
    assert read(write(unknown, tmp_path), exclusive=True).kind == "multiclass"


@pytest.mark.parametrize(
    ("parse", "texts", "said"),
    [
        (options.operating_points, ["careful"], "Write NAME=POLICY:VALUE"),
        (options.operating_points, ["a=youden", "a=value:.2"], "each name once"),
        (options.operating_points, ["given=value:.2"], "none `given`"),
        (options.operating_points, ["a=sensitivty:.9"], "Policies: youden, sensitivity"),
        (options.operating_points, ["a=sensitivity:high"], "'a=sensitivity:high'"),
        (options.operating_points, ["a=sensitivity:9"], "less than or equal to 1"),
        (options.operating_points, ["a=sensitivity"], "'a=sensitivity'"),
        (options.prevalences, ["x"], "Write CLASS=SHARE"),
        (options.prevalences, ["x=5"], "'x=5' is no prevalence"),
        (lambda _: options.rules_of(0.3, "share:.2"), [], "--coverage is at least 0.5"),
        (lambda _: options.rules_of(0.9, "share"), [], "write share:.2 or risk:.05"),
        (lambda _: options.rules_of(0.9, "share:2"), [], "between 0 and 1"),
        (lambda _: options.rules_of(0.9, "part:.2"), [], "write share:.2"),
    ],
)
def test_options_that_say_nothing_are_refused(parse, texts, said):
    with pytest.raises(InputError, match=said):
        parse(texts)


def test_options_are_read():
    points = options.operating_points(["any=youden", "dear=cost_ratio:20", "cut=value:0"])
    assert points["any"].youden
    assert points["dear"].cost_ratio == 20
    assert points["cut"].value == 0
    assert options.prevalences(["a=b=.05"]) == {"a=b": 0.05}
    rules = options.rules_of(0.95, "share:.1")
    assert (rules.sets.coverage, rules.deferral.share, rules.deferral.risk) == (0.95, 0.1, None)


def overconfident(n=600, seed=0):
    """Logits twice too large; two cases a patient."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    target = (rng.random(n) < 1 / (1 + np.exp(-(1.5 * z - 0.5)))).astype(int)
    return pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(n)],
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "class_name": "died",
            "target": target,
            "probability": 1 / (1 + np.exp(-2 * (1.5 * z - 0.5))),
            "sex": np.repeat(["F", "M"], n // 2),
        }
    )


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """A file of which 40 % of the patients were set aside."""
    folder = tmp_path_factory.mktemp("ruled")
    metrics = outside.main(
        write(overconfident(), folder),
        folder / "run",
        group_by=["sex"],
        calibrate=0.4,
        operating_points=POINTS,
        rules=CalibrateConfig(candidates=("none", "temperature")),
        prevalence={"died": 0.1},
        n_bootstrap=50,
    )
    return Run.open(folder / "run"), metrics


def test_calibration_patients_give_every_rule_and_are_not_scored(ruled):
    run, metrics = ruled
    assert list(run.facts["stages"]) == ["calibrate", "evaluate", "audit"]
    for name in ("calibration", "thresholds", "prediction_sets", "deferral", "validation_size"):
        schema.TABLES[name].validate(run.read(name))
    rows = run.read("predictions")
    test = rows[rows["split"] == "test"]
    assert 0 < len(test) < len(rows)
    pooled = metrics.query("metric == 'auroc' and group_by == 'all'")
    assert set(pooled["n_cases"]) == {len(test)}
    assert set(run.read("thresholds")["operating_point"]) == {"careful"}
    losses = metrics.query("metric == 'log_loss' and group_by == 'all'").set_index("probability")
    assert losses.loc["calibrated", "value"] < losses.loc["raw", "value"]
    raw = metrics.query("metric == 'auroc' and group_by == 'all' and probability == 'raw'")
    assert raw["value"].iloc[0] == pytest.approx(
        roc_auc_score(test["target"], test["probability_raw"])
    )


def test_without_calibration_patients_probabilities_stay_as_they_are(tmp_path):
    file = write(overconfident(), tmp_path)
    metrics = outside.main(file, tmp_path / "run", n_bootstrap=50)
    run = Run.open(tmp_path / "run")
    rows = run.read("predictions")
    np.testing.assert_array_equal(rows["probability"], rows["probability_raw"])
    assert not any(run.has(name) for name in outside.RULES)
    assert metrics["operating_point"].isna().all()
    assert run.facts["calibrated_on"].startswith("nothing")


def test_rules_of_an_earlier_call_are_not_left_behind(ruled, tmp_path):
    run, _ = ruled
    before = run.read("metrics")
    with pytest.raises(InputError, match="of an earlier call with other options"):
        outside.main(run.folder.parent / "p.csv", run.folder, n_bootstrap=50)
    pd.testing.assert_frame_equal(run.read("metrics"), before)
    file = write(overconfident(), tmp_path)
    for threshold in ("0.5", "0.4"):  # replaced by the same option
        outside.main(file, tmp_path / "t", threshold=threshold, n_bootstrap=50)
    assert set(Run.open(tmp_path / "t").read("thresholds")["threshold"]) == {0.4}


def test_exclusive_classes_are_scored_as_one_answer(tmp_path):
    order = ["mild", "moderate", "severe"]
    metrics = outside.main(write(grades(), tmp_path), tmp_path / "run", ordered=order)
    target = Run.open(tmp_path / "run").facts["target"]
    assert (target["kind"], target["classes"], target["ordered"]) == ("multiclass", order, True)
    assert {"accuracy", "quadratic_kappa"} <= set(metrics["metric"])


def test_a_scored_file_can_be_audited_again(ruled):
    run, _ = ruled
    before = {name: run.read(name) for name in outside.SCORES}
    audit.main(run.folder)
    for name, table in before.items():
        pd.testing.assert_frame_equal(run.read(name), table)
    with pytest.raises(
        InputError, match=r"no column \['age'\]; it keeps \['sex'\]. Do it from the"
    ):
        audit.main(run.folder, group_by=["sex", "sex*age"])


def test_what_a_run_does_not_keep_cannot_be_audited_again(tmp_path):
    table = make_table(classes=("x",))
    outside.main(write(table, tmp_path), tmp_path / "plain", n_bootstrap=50)
    with pytest.raises(InputError, match="was made without groups; it keeps"):
        audit.main(tmp_path / "plain")
    decided = write(table.assign(decision=1), tmp_path, "d.csv")
    outside.main(decided, tmp_path / "decided", group_by=["sex"], n_bootstrap=50)
    with pytest.raises(InputError, match="does not keep the decisions"):
        audit.main(tmp_path / "decided")
    nothing = Run.create(tmp_path / "intake", "audit", {"seed": 0})
    with pytest.raises(NotMadeYet):
        audit.main(nothing.folder)
