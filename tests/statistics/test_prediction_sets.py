import numpy as np
import pandas as pd
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import APSConformityScore, RAPSConformityScore
from mapie.risk_control import MultiLabelClassificationController

from clinmm.config import SetsConfig
from clinmm.errors import InputError
from clinmm.uncertainty import sets
from clinmm.uncertainty.promise import limit, patients_needed, promise, spread
from clinmm.uncertainty.set_measures import BELOW, BELOW_FOR_ALL, measure
from clinmm.uncertainty.set_scores import METHODS, aps, raps

CLASSES = ["a", "b", "c", "d"]


def cohort(
    n_patients: int,
    seed: int,
    *,
    kind: str = "multiclass",
    n_classes: int = 3,
    cases: tuple[int, int] = (1, 6),
    split: str = "calibrate",
) -> pd.DataFrame:
    """Correlated cases of n patients; patients of many cases are the easier ones."""
    rng = np.random.default_rng(seed)
    n_cases = rng.integers(cases[0], cases[1] + 1, n_patients)
    patient = np.repeat(np.arange(n_patients), n_cases)
    shape = (patient.size, n_classes)
    latent = rng.normal(size=(n_patients, n_classes))[patient] + rng.normal(size=shape) / 2
    noise = (2.2 / np.sqrt(n_cases))[patient, None] * rng.normal(size=shape)
    logits = 1.5 * (latent + noise + rng.normal(size=(n_patients, n_classes))[patient] / 2)
    if kind == "multiclass":
        target = np.eye(n_classes)[latent.argmax(axis=1)]
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    else:
        target = (latent > 0.5).astype(float)
        probability = 1 / (1 + np.exp(0.7 - logits))
    names = CLASSES[:n_classes] if kind != "binary" else ["died"]
    rows = [
        pd.DataFrame(
            {
                "arm": "fused",
                "repeat": 0,
                "fold": 0,
                "case_id": [f"{split}{seed}c{i}" for i in range(patient.size)],
                "patient_id": [f"{split}{seed}p{i}" for i in patient],
                "split": split,
                "class_name": name,
                "target": target[:, c],
                "probability": probability[:, c],
                "pattern": np.where(patient % 4 == 0, "image", "image+note"),
            }
        )
        for c, name in enumerate(names)
    ]
    return pd.concat(rows, ignore_index=True)


def sexes(*tables: pd.DataFrame) -> pd.DataFrame:
    ids = pd.concat(tables)["case_id"].unique()
    return pd.DataFrame({"sex": ["F" if int(i[-1]) % 3 else "M" for i in ids]}, index=ids)


class Stored:
    """A classifier whose probabilities are its input, for MAPIE."""

    __sklearn_is_fitted__ = staticmethod(lambda: True)
    _estimator_type = "classifier"

    def __init__(self, n_classes: int) -> None:
        self.classes_ = np.arange(n_classes)

    def __sklearn_tags__(self):
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression().__sklearn_tags__()

    def get_params(self, deep: bool = True) -> dict:
        return {"n_classes": self.classes_.size}

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return np.asarray(X).argmax(axis=1)


def arrays(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(n, C) probabilities and targets, in order of case_id."""
    wide = table.pivot(index="case_id", columns="class_name", values=["probability", "target"])
    return wide["probability"].to_numpy(), wide["target"].to_numpy()


# the limit


def test_limit_by_hand() -> None:
    # three patients: one case of score 5; two of 1 and 9; one of 3. Coverage .5: at most
    # .5 * 4 - 1 = 1 patient's weight may lie beyond. Beyond 3: 5 (weight 1) and 9 (1/2), too much;
    # beyond 5: 9 (1/2).
    score = np.array([[5.0], [1.0], [9.0], [3.0]])
    patients = np.array(["p", "q", "q", "r"], dtype=object)
    found = promise(score, np.ones((4, 1), dtype=bool), patients, 0.5)
    assert found.limit == 5.0
    assert found.n_patients == 3
    assert found.reason is None


def test_true_labels_of_a_case_share_its_weight() -> None:
    # one patient, two cases; one has three true labels: weights 1/6 each and 1/2
    score = np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
    true = np.array([[True, True, True], [True, False, False]])
    one = np.array(["p", "p"], dtype=object)
    many = np.array([f"q{i}" for i in range(8)], dtype=object)
    score = np.vstack([score, np.zeros((8, 3))])
    true = np.vstack([true, np.tile([True, False, False], (8, 1))])
    patients = np.concatenate([one, many])
    # .86 of 10: .4 may lie beyond; beyond 3 lies 1/2, so 4; with .84, .6 may, beyond 2 lie 2/3: 3
    assert promise(score, true, patients, 0.86).limit == 4.0
    assert promise(score, true, patients, 0.84).limit == 3.0
    assert promise(score, true, patients, 0.83).limit == 2.0


def test_limit_is_the_limit_of_many_draws_of_one_case_each() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), rng.integers(1, 7, 40)).astype(object)
    score = rng.normal(size=(patients.size, 1)) + patients[:, None].astype(float) / 20
    found = promise(score, np.ones_like(score, dtype=bool), patients, 0.8)
    cases_of = [np.flatnonzero(patients == p) for p in range(40)]
    drawn = np.concatenate([[score[rng.choice(of), 0] for of in cases_of] for _ in range(800)])
    # the share of drawn scores within the limit, with one more patient beyond
    assert (drawn <= found.limit).mean() * 40 / 41 == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize(("coverage", "needed"), [(0.9, 9), (0.95, 19), (0.8, 4), (0.99, 99)])
def test_a_cell_of_too_few_patients_promises_nothing(coverage: float, needed: int) -> None:
    assert patients_needed(coverage) == needed
    for n in (needed - 1, needed):
        score = np.arange(float(3 * n))[:, None]
        patients = np.repeat(np.arange(n), 3).astype(object)
        found = promise(score, np.ones_like(score, dtype=bool), patients, coverage)
        if n < needed:
            assert np.isnan([found.limit, found.low, found.high]).all()
            assert found.reason == f"{n} patients, needs {needed}"
        else:
            assert found.limit == 3 * n - 1  # the highest score there is
    assert promise(score[:0], np.ones((0, 1), bool), patients[:0], coverage).n_patients == 0


def test_spread_is_that_of_simulated_calibration_samples() -> None:
    # uniform scores: the coverage of a limit is the limit itself
    rng = np.random.default_rng(1)
    delivered = [limit(rng.random(49), np.ones(49), 49, 0.9) for _ in range(4000)]
    assert np.mean(delivered) == pytest.approx(0.9, abs=0.003)
    assert np.quantile(delivered, [0.025, 0.975]) == pytest.approx(spread(49, 0.9), abs=0.01)


# agreement with MAPIE where both apply


def mapie_lac(calibration: pd.DataFrame, new: pd.DataFrame, coverage: float) -> np.ndarray:
    p, y = arrays(calibration)
    fitted = SplitConformalClassifier(
        Stored(p.shape[1]), confidence_level=coverage, conformity_score="lac", prefit=True
    ).conformalize(p, y.argmax(axis=1))
    return fitted.predict_set(arrays(new)[0])[1][:, :, 0]


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_lac_sets_are_those_of_mapie_with_one_case_a_patient(coverage: float) -> None:
    calibration = cohort(120, 0, cases=(1, 1))
    new = cohort(150, 1, cases=(1, 1))
    rules = sets.fit(calibration, kind="multiclass", config=SetsConfig(coverage=coverage, by=()))
    ours = sets.apply(new, rules, kind="multiclass")
    by_case = dict(zip(new["case_id"], ours, strict=True))
    expected = mapie_lac(calibration, new, coverage)
    for row, case in zip(expected, sorted(by_case), strict=True):
        assert set(by_case[case]) == {c for c, there in zip(CLASSES, row, strict=False) if there}


def test_aps_score_is_mapies_cumulated_probability_before_the_label() -> None:
    p, y = arrays(cohort(60, 2, n_classes=4))
    label = y.argmax(axis=1)
    through, _ = APSConformityScore.get_true_label_cumsum_proba(label, p, np.arange(4))
    rows = np.arange(len(p))
    assert aps.score(p)[rows, label] == pytest.approx(through[:, 0] - p[rows, label])


def test_raps_adds_what_mapie_adds() -> None:
    p, y = arrays(cohort(60, 3, n_classes=4))
    label = y.argmax(axis=1)
    through, rank = APSConformityScore.get_true_label_cumsum_proba(label, p, np.arange(4))
    regularised = RAPSConformityScore._regularize_conformity_score(
        np.array([raps.FREE]), raps.COST, through, rank
    )[:, 0, 0]
    rows = np.arange(len(p))
    assert raps.score(p)[rows, label] == pytest.approx(regularised - p[rows, label])
    assert (raps.score(p) > aps.score(p)).any()


def test_recall_limit_is_that_of_mapies_conformal_risk_control() -> None:
    calibration = cohort(150, 4, kind="multilabel", cases=(1, 1))
    p, y = arrays(calibration)
    some = y.sum(axis=1) > 0  # MAPIE refuses cases without a label
    grid = np.linspace(0, 1, 401)
    found = MultiLabelClassificationController(
        np.asarray, risk="recall", method="crc", target_level=0.9, predict_params=grid
    ).calibrate(p[some], y[some])
    rules = sets.fit(calibration, kind="multilabel", config=SetsConfig(by=()))
    assert 1 - rules["limit"].iloc[0] == pytest.approx(found.best_predict_param[0], abs=0.003)


# coverage


def delivered(new: pd.DataFrame, column: str = "prediction_set") -> float:
    """Mean over patients of the share of true labels in the sets; brute force."""
    shares: dict[str, list[float]] = {}
    for _, case in new.groupby("case_id"):
        true = case.loc[case["target"] == 1, "class_name"]
        if len(true):
            inside = [name in case[column].iloc[0] for name in true]
            shares.setdefault(case["patient_id"].iloc[0], []).append(float(np.mean(inside)))
    return float(np.mean([np.mean(of) for of in shares.values()]))


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("lac", "multiclass"),
        ("aps", "multiclass"),
        ("raps", "multiclass"),
        ("recall", "multilabel"),
    ],
)
def test_a_new_patients_random_case_is_covered_as_promised(method: str, kind: str) -> None:
    """Patients with many cases are easier: a quantile of cases would cover too few patients."""

    def scores(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        table = cohort(n, seed, kind=kind)
        p, y = arrays(table)
        owner = table.drop_duplicates("case_id").set_index("case_id")["patient_id"].sort_index()
        return METHODS[method].score(p), y == 1, owner.to_numpy(dtype=object)

    def covered(bound: float, score: np.ndarray, true: np.ndarray, owner: np.ndarray) -> float:
        some = true.any(axis=1)
        share = ((score <= bound) & true)[some].sum(axis=1) / true[some].sum(axis=1)
        return float(pd.Series(share).groupby(owner[some]).mean().mean())

    new = scores(999, 2000)
    ours, per_case = [], []
    for seed in range(40):
        score, true, owner = scores(seed, 60)
        ours.append(covered(promise(score, true, owner, 0.9).limit, *new))
        each = np.sort(score[true])
        per_case.append(covered(each[int(np.ceil(0.9 * (each.size + 1))) - 1], *new))
    assert (
        0.895 <= np.mean(ours) <= 0.9 + 2 / 61 + 0.01
    )  # Lee, Barber, Willett: at most 2/(n+1) over
    assert np.mean(per_case) < 0.89


def _measured(new: pd.DataFrame, rules: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """For everybody, by class and pattern; and by group."""
    each = [measure(new, rules, kind="multiclass", groups=by) for by in (None, groups)]
    assert set(each[1]["group_by"]) == set(groups.columns)
    return pd.concat(each, ignore_index=True)


def test_each_class_pattern_and_group_is_covered_and_all_promises_hold_at_once() -> None:
    calibration, new = cohort(400, 0), cohort(1500, 1, split="test")
    groups = sexes(calibration, new)
    config = SetsConfig(by=("class", "pattern", "sex"))
    rules = sets.fit(calibration, kind="multiclass", config=config, groups=groups)
    assert list(zip(rules["by"], rules["cell"], strict=True)) == [
        ("all", "all"),
        *(("class", c) for c in "abc"),
        *(("pattern", p) for p in ("image", "image+note")),
        *(("sex", s) for s in "FM"),
    ]
    assert (rules["status"] == "ok").all()
    new["prediction_set"] = sets.apply(new, rules, kind="multiclass", groups=groups)
    rows = _measured(new, rules, groups)
    coverage = rows[rows["metric"] == "set_coverage"]
    assert len(coverage) == 8
    assert (coverage["value"] > 0.87).all()
    assert coverage["flag"].isna().all()


def test_the_rule_of_a_cell_is_that_of_its_cases_alone() -> None:
    table = cohort(120, 0)
    groups = sexes(table)
    config = SetsConfig(by=("pattern", "sex"))
    rules = sets.fit(table, kind="multiclass", config=config, groups=groups)
    men = table["case_id"].map(groups["sex"]) == "M"
    for (by, cell), keep in {
        ("pattern", "image"): table["pattern"] == "image",
        ("sex", "M"): men,
    }.items():
        alone = sets.fit(table[keep], kind="multiclass", config=SetsConfig(by=())).iloc[0]
        row = rules[(rules["by"] == by) & (rules["cell"] == cell)].iloc[0]
        assert row["limit"] == alone["limit"]
        assert row["n_patients"] == alone["n_patients"]
        raised = rules["limit"].where((rules["by"] != by) | (rules["cell"] != cell), 1.0)
        found = sets.apply(table, rules.assign(limit=raised), kind="multiclass", groups=groups).map(
            len
        )
        assert (found[keep] == 3).all()
        assert (found[~keep] < 3).any()


def test_largest_limit_counts_and_a_class_limit_concerns_its_class_alone() -> None:
    new = cohort(1, 0, cases=(1, 1)).assign(probability=[0.5, 0.3, 0.2])
    fitted = sets.fit(cohort(60, 1), kind="multiclass", config=SetsConfig(by=("class", "pattern")))
    pattern = new["pattern"].iloc[0]
    at = {("all", "all"): 0.55, ("class", "b"): 0.75, ("class", "a"): 0.1, ("class", "c"): 0.1}
    cells = list(zip(fitted["by"], fitted["cell"], strict=True))

    def with_limit(of_pattern: float) -> list[str]:
        limits = [at.get(cell, of_pattern if cell[1] == pattern else 0.99) for cell in cells]
        rules = fitted.assign(limit=limits, status="ok")
        return sets.apply(new, rules, kind="multiclass").iloc[0]

    assert with_limit(0.0) == ["a", "b"]  # a by the limit for all, b by its own
    assert with_limit(0.81) == ["a", "b", "c"]  # by the pattern's


# promises that are not there


def test_a_class_without_a_promise_has_that_for_all_and_says_so() -> None:
    calibration = cohort(60, 0)
    few = calibration["patient_id"].unique()[:8]
    rare = calibration.loc[
        (calibration["class_name"] == "c") & (calibration["target"] == 1), "case_id"
    ]
    keep = ~calibration["case_id"].isin(rare) | calibration["patient_id"].isin(few)
    rules = sets.fit(calibration[keep], kind="multiclass", config=SetsConfig())
    row = rules.set_index("cell").loc["c"]
    assert row["status"] == "no_promise"
    assert row["n_patients"] < 9
    assert "needs 9" in row["reason"]
    assert np.isnan(row["limit"])
    new = cohort(50, 1)
    only_all = rules[rules["by"] == "all"]
    with_c = [
        ["c" in one for one in sets.apply(new, r, kind="multiclass")] for r in (rules, only_all)
    ]
    assert with_c[0] == with_c[1]


def test_too_few_patients_or_a_withdrawal_leave_no_sets() -> None:
    new = cohort(40, 1, split="test")
    small = sets.fit(cohort(8, 0), kind="multiclass", config=SetsConfig())
    assert (small["status"] == "no_promise").all()
    fitted = sets.fit(cohort(80, 0), kind="multiclass", config=SetsConfig())
    gone = sets.withdraw(fitted, "the new patients are not like those in calibration")
    assert (fitted["status"] == "ok").all()
    for rules, reason in ((small, "8 patients"), (gone, "not like those")):
        found = sets.apply(new, rules, kind="multiclass")
        assert found.isna().all()
        rows = measure(new.assign(prediction_set=found), rules, kind="multiclass")
        assert rows["status"].tolist() == ["withheld"]
        assert reason in rows["reason"].iloc[0]


# shape of the tables


def test_binary_sets_name_the_class_and_its_opposite() -> None:
    table = cohort(200, 0, kind="binary")
    rules = sets.fit(table, kind="binary", config=SetsConfig())
    assert rules["cell"].tolist() == ["all", "died", "not died"]
    found = sets.apply(table, rules, kind="binary")
    assert {tuple(sorted(one)) for one in found} <= {
        (), ("died",), ("not died",), ("died", "not died")
    }  # fmt: skip
    sure = found[table["probability"] > 0.97]
    assert len(sure)
    assert all(one == ["died"] for one in sure)


def test_rows_of_a_case_share_its_set_and_their_order_does_not_matter() -> None:
    table = cohort(80, 0)
    rules = sets.fit(table, kind="multiclass", config=SetsConfig(method="aps"))
    shuffled = table.sample(frac=1, random_state=0)
    again = sets.fit(shuffled, kind="multiclass", config=SetsConfig(method="aps"))
    pd.testing.assert_frame_equal(rules, again)
    found = sets.apply(table, rules, kind="multiclass")
    other = sets.apply(shuffled, rules, kind="multiclass")
    assert other.loc[table.index].tolist() == found.tolist()
    for _, of_case in found.groupby(table["case_id"]):
        assert of_case.tolist() == [of_case.iloc[0]] * 3
    likeliest = table.sort_values("probability").groupby("case_id")["class_name"].last()
    first = {case: one[0] for case, one in zip(table["case_id"], found, strict=True)}
    assert first == likeliest.to_dict()  # aps sets are never empty, and begin with the likeliest


def test_unknown_targets_are_left_out_of_the_fit() -> None:
    table = cohort(80, 0)
    unknown = table["patient_id"].isin(table["patient_id"].unique()[:20])
    masked = table.assign(target=table["target"].mask(unknown))
    config = SetsConfig()
    fitted = sets.fit(masked, kind="multiclass", config=config)
    assert fitted.equals(sets.fit(table[~unknown], kind="multiclass", config=config))
    assert sets.apply(masked, fitted, kind="multiclass").notna().all()
    in_part = table.assign(target=table["target"].mask(unknown & (table["class_name"] == "a")))
    assert fitted.equals(sets.fit(in_part, kind="multiclass", config=config))

    labels = cohort(80, 0, kind="multilabel")
    hidden = (labels["class_name"] == "a") & unknown
    masked = labels.assign(target=labels["target"].mask(hidden))
    as_absent = labels.assign(target=labels["target"].mask(hidden, 0.0))
    fitted = sets.fit(masked, kind="multilabel", config=config)
    # of a hidden label nothing is known; the case's other labels still count
    assert fitted.equals(sets.fit(as_absent, kind="multilabel", config=config))
    assert fitted.set_index("cell").loc["b", "n_patients"] > 40


def test_rules_of_each_fold_serve_its_own_cases_and_have_a_mean() -> None:
    folds = pd.concat([cohort(60, seed).assign(fold=seed) for seed in (0, 1)], ignore_index=True)
    rules = sets.fit(folds, kind="multiclass", config=SetsConfig(by=()))
    alone = sets.fit(folds[folds["fold"] == 1], kind="multiclass", config=SetsConfig(by=()))
    assert rules["limit"].iloc[1] == alone["limit"].iloc[0] != rules["limit"].iloc[0]
    together = sets.apply(folds, rules, kind="multiclass")[folds["fold"] == 1]
    assert (
        together.tolist()
        == sets.apply(folds[folds["fold"] == 1], alone, kind="multiclass").tolist()
    )
    (mean,) = sets.mean_rules(rules).to_dict("records")
    assert mean["limit"] == pytest.approx(rules["limit"].mean())
    assert (mean["repeat"], mean["fold"], mean["status"]) == (0, 0, "ok")
    assert "approximate" in mean["reason"]
    lacking = rules.assign(status=["ok", "no_promise"])
    assert sets.mean_rules(lacking)["status"].tolist() == ["no_promise"]
    assert sets.mean_rules(alone)["limit"].equals(alone["limit"])


# measures


def test_measures_by_hand_weigh_patients_the_same() -> None:
    # twelve patients of one covered case, one patient of three cases of which one is covered
    new = cohort(12, 0, cases=(1, 1), split="test")
    extra = cohort(1, 5, cases=(3, 3), split="test")
    new = pd.concat([new, extra], ignore_index=True)
    truth = new[new["target"] == 1].set_index("case_id")["class_name"]
    cases = list(truth.index)
    chosen = {case: [truth[case]] for case in cases}
    chosen[cases[-1]], chosen[cases[-2]] = [], [c for c in "abc" if c != truth[cases[-2]]]
    rules = sets.fit(cohort(60, 1), kind="multiclass", config=SetsConfig())
    new["prediction_set"] = new["case_id"].map(chosen)
    rows = measure(new, rules, kind="multiclass")
    whole = rows[(rows["group_by"] == "all") & (rows["pattern"] == "any")].set_index("metric")
    third = 1 / 3
    assert whole.loc["set_coverage", "value"] == pytest.approx((12 + third) / 13)
    assert whole.loc["set_size", "value"] == pytest.approx((12 + 1) / 13)
    assert whole.loc["set_empty", "value"] == pytest.approx(third / 13)
    assert whole.loc["set_certain", "value"] == pytest.approx((12 + third) / 13)
    assert set(whole["n_cases"]) == {15}
    assert set(whole["n_patients"]) == {13}
    shares = whole.drop(index="set_size")  # every patient's mean size is 1
    assert (shares["low"] < shares["value"]).all()
    assert (shares["high"] > shares["value"]).all()
    assert set(rows["class_name"]) == {"all"}


def test_measured_coverage_agrees_with_brute_force() -> None:
    for kind in ("multiclass", "multilabel"):
        rules = sets.fit(cohort(60, 0, kind=kind), kind=kind, config=SetsConfig())
        new = cohort(80, 1, kind=kind, split="test")
        new["prediction_set"] = sets.apply(new, rules, kind=kind)
        rows = measure(new, rules, kind=kind)
        found = rows[rows["metric"].isin(["set_coverage", "set_recall"])]
        assert found["value"].iloc[0] == pytest.approx(delivered(new))
        of_b = found[found["group"] == "b"]["value"].iloc[0]
        assert of_b == pytest.approx(delivered(new[new["class_name"] == "b"]))


def test_coverage_below_the_promise_is_flagged_and_says_whose_promise() -> None:
    calibration = cohort(200, 0)
    new = cohort(200, 1, split="test")
    groups = sexes(calibration, new)
    rules = sets.fit(calibration, kind="multiclass", config=SetsConfig())
    broken = sets.apply(new, rules.assign(limit=0.3), kind="multiclass")
    rows = _measured(new.assign(prediction_set=broken), rules, groups)
    coverage = rows[rows["metric"] == "set_coverage"]
    assert (coverage["high"] < 0.9).all()
    own = coverage["group_by"].isin(["class"]) | (
        (coverage["group_by"] == "all") & (coverage["pattern"] == "any")
    )
    assert set(coverage.loc[own, "flag"]) == {BELOW}
    assert set(coverage.loc[~own, "flag"]) == {BELOW_FOR_ALL}
    assert rows.loc[rows["metric"] != "set_coverage", "flag"].isna().all()


def test_coverage_below_the_promise_by_chance_is_not_flagged() -> None:
    new = cohort(20, 0, cases=(1, 1), split="test")
    truth = new[new["target"] == 1].set_index("case_id")["class_name"]
    missed = set(truth.index[:3])
    new["prediction_set"] = [[] if case in missed else [truth[case]] for case in new["case_id"]]
    rules = sets.fit(cohort(60, 1), kind="multiclass", config=SetsConfig())
    row = measure(new, rules, kind="multiclass").iloc[0]
    assert row["value"] == pytest.approx(0.85)
    assert row["high"] > 0.9
    assert pd.isna(row["flag"])


def test_small_cells_are_suppressed() -> None:
    new = cohort(12, 0, cases=(1, 1), split="test")
    rules = sets.fit(cohort(60, 1), kind="multiclass", config=SetsConfig())
    new["prediction_set"] = sets.apply(new, rules, kind="multiclass")
    rows = measure(new, rules, kind="multiclass")
    whole = rows["pattern"].eq("any") & rows["group_by"].eq("all")
    assert (rows.loc[whole, "status"] == "ok").all()
    small = rows["pattern"] == "image"  # three patients
    assert (rows.loc[small, "status"] == "suppressed").all()
    assert rows.loc[small, ["value", "low", "high"]].isna().all(axis=None)
    classes = rows[(rows["group_by"] == "class") & (rows["metric"] == "set_coverage")]
    assert ((classes["status"] == "ok") == (classes["n_patients"] >= 5)).all()
    nine = new[new["patient_id"].isin(new["patient_id"].unique()[:9])]
    assert (measure(nine, rules, kind="multiclass")["status"] == "suppressed").all()


# refusals


@pytest.mark.parametrize(
    ("kind", "method"),
    [("multilabel", "lac"), ("multiclass", "recall"), ("binary", "recall"), ("multilabel", "aps")],
)
def test_a_method_for_another_kind_of_target_is_refused(kind: str, method: str) -> None:
    with pytest.raises(InputError, match=f"sets.method '{method}' is not for {kind}"):
        sets.method_for(kind, method)


def test_unusable_tables_are_refused() -> None:
    table = cohort(30, 0)
    config = SetsConfig()
    with pytest.raises(InputError, match=r"1 of .* cases lack a class or have it twice"):
        sets.fit(table.drop(index=0), kind="multiclass", config=config)
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        sets.fit(table.assign(probability=-1.0), kind="multiclass", config=config)
    with pytest.raises(InputError, match="not exactly one true class"):
        sets.fit(table.assign(target=1.0), kind="multiclass", config=config)
    with pytest.raises(InputError, match="binary task has one class_name"):
        sets.fit(table, kind="binary", config=config)
    with pytest.raises(InputError, match="no kind of target 'ordinal'"):
        sets.fit(table, kind="ordinal", config=SetsConfig(method="lac", by=()))
    by_sex = SetsConfig(by=("sex",))
    with pytest.raises(InputError, match="need the column"):
        sets.fit(table, kind="multiclass", config=by_sex)
    with pytest.raises(InputError, match="no grouping column 'sex'"):
        sets.fit(table, kind="multiclass", config=by_sex, groups=sexes(table)[[]])
    rules = sets.fit(table, kind="multiclass", config=config)
    with pytest.raises(InputError, match="no set rules for arm, repeat, fold"):
        sets.apply(table.assign(fold=3), rules, kind="multiclass")
    odd = table.assign(prediction_set=[["z"]] * len(table))
    with pytest.raises(InputError, match=r"prediction_set names \['z'\]"):
        measure(odd, rules, kind="multiclass")
