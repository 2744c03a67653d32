"""Anybody's predictions: what is read, what is refused, what is written."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from clinmm import schema
from clinmm.errors import InputError
from clinmm.outside_predictions import read
from clinmm.runs import Run
from pipelines import outside


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
    assert given.groups.loc["000"].to_dict() == {"sex": "F", "sex*decade": "F*0"}
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
    assert set(run.read("comparisons")["rival"]) == {"complement"}
    assert set(run.read("cases").columns) == {"case_id", "patient_id", "sex"}


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
