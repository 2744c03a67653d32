"""Results of reading studies: solved by hand, by independent computations, and what is refused."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from clinmm.errors import InputError
from clinmm.review.answers import Answer
from clinmm.review.database import default_url
from clinmm.review.desk import NotAllowed
from clinmm.review.protocol import Protocol
from clinmm.review.results import obuchowski_rockette as orh
from clinmm.review.results import study_results
from clinmm.review.results.estimates import of_arms, of_reader, of_these, two_sided_p
from clinmm.review.results.jackknife import covariance, leaving_out
from clinmm.review.results.macro import beside, mean_over_classes
from clinmm.review.results.metrics import bound, net_help
from clinmm.review.results.result_rows import result_rows
from clinmm.review.results.side_by_side import Readings
from clinmm.review.results.sign_test import sign_test
from clinmm.review.room import ReadingRoom, run_id
from clinmm.runs import Run
from pipelines.reading import results

CASES = [f"c{i:02d}" for i in range(20)]
"""The first ten have the finding. The model calls c00 to c07, rightly, and c10 to c15, wrongly."""

CALLED = {*range(8), *range(10, 16)}


def _anna_alone(i: int) -> int:
    return 5 if i == 12 else 4 if i < 6 else 2


def _anna_with(i: int) -> int:
    """Goes over to the model on c06, c07 (right) and c10 (wrong), corrects c12."""
    return 4 if i < 8 or i == 10 else 2


def _ben_alone(i: int) -> int:
    return 3 if i == 19 else 4 if i == 6 else _anna_alone(i)


def _ben_with(i: int) -> int:
    """As anna, and finds c08."""
    return 3 if i == 19 else 4 if i == 8 else _anna_with(i)


READERS = {"anna": (_anna_alone, _anna_with), "ben": (_ben_alone, _ben_with)}


def _run(folder: Path, kind: str = "binary", classes: tuple[str, ...] = ("mass",)) -> Run:
    target = {"name": "mass", "kind": kind, "classes": list(classes)}
    run = Run.create(folder, "study", {"seed": 1, "cohort": {}, "target": target})
    patients = [f"p{i:02d}" for i in range(20)]
    sex = ["F" if i % 2 else "M" for i in range(20)]
    run.write("cases", pd.DataFrame({"case_id": CASES, "patient_id": patients, "sex": sex}))
    rows = []
    for i, case_id in enumerate(CASES):
        for k, name in enumerate(classes):
            risk = 0.8 - 0.01 * i if i in CALLED else 0.2 + 0.01 * i
            risk = risk if k == 0 else (1 - risk) / (len(classes) - 1) + 0.001 * k
            target = float(i < 10) if k == 0 else float(i >= 10 and k == 1 + i % 2)
            of_value = {"target": float(i), "value": i + 1.0, "probability": None}
            rows.append(
                {
                    "arm": "fused",
                    "repeat": 0,
                    "fold": 0,
                    "case_id": case_id,
                    "patient_id": patients[i],
                    "split": "test",
                    "class_name": name,
                    "target": target,
                    "probability_raw": risk,
                    "probability": risk,
                    "pattern": "image",
                    **(of_value if kind == "continuous" else {}),
                }
            )
    run.write("predictions", pd.DataFrame(rows))
    point = {"arm": "fused", "repeat": 0, "fold": 0, "class_name": classes[0]}
    points = [
        {**point, "operating_point": n, "threshold": t} for n, t in (("a", 0.1), ("youden", 0.5))
    ]
    run.write("thresholds", pd.DataFrame(points))
    return run


def _made(
    run: Run, protocol: Protocol, arm: Callable[[str, int], str], again: int = 0
) -> ReadingRoom:
    room = ReadingRoom(default_url(run.folder), run_id(run.facts))
    drawn = {"case_id": CASES, "stratum": "all", "weight": 1.5, "why": "all cases"}
    rows = [
        (reader, case_id, reading, reading * 100 + i, arm(reader, i))
        for reader in protocol.readers
        for reading in (1, 2)
        for i, case_id in enumerate(CASES[: again if reading == 2 else None])
    ]
    names = ["reader", "case_id", "reading", "position", "arm"]
    room.make(protocol, pd.DataFrame(drawn), pd.DataFrame(rows, columns=names), "test")
    return room


def _read(
    room: ReadingRoom, study: str, reader: str, i: int, *ratings: int, reading: int = 1
) -> None:
    desk = room.desk(reader, study)
    state = desk.state(CASES[i], reading)
    for rating in ratings:
        said = {"ratings": {"mass": rating}, "confidence": 3, "seconds": 10.0 + i}
        answer = Answer(**said, reasons=("model_plausible",))
        state = desk.lock(CASES[i], reading, answer, state.version)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _run(tmp_path_factory.mktemp("results") / "run")


@pytest.fixture(scope="module")
def room(run: Run) -> Iterator[ReadingRoom]:
    """Anna and Ben read blind-first; c08 is disputed and decided; eleven cases are read again."""
    protocol = Protocol(
        name="both",
        readers=tuple(READERS),
        adjudicators=("dora",),
        repeats={"share": 0.5, "washout_days": 0},
    )
    made = _made(run, protocol, lambda reader, i: "blind_first", again=11)
    for reader, (alone, assisted) in READERS.items():
        for i in np.random.default_rng(len(reader)).permutation(20):
            _read(made, "both", reader, int(i), alone(i), assisted(i))
    for i in range(11):
        _read(made, "both", "anna", i, _ben_alone(i), 5, reading=2)
    decided = Answer(ratings={"mass": 5}, confidence=4, seconds=30)
    made.desk("dora", "both").adjudicate("c08", decided, 0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def found(run: Run, room: ReadingRoom) -> dict[str, pd.DataFrame]:
    return study_results(run, room.steward("both"))


def _row(
    table: pd.DataFrame, metric: str, step: str, reader: str = "all", **other: str
) -> pd.Series:
    where = {"arm": "all", "class_name": "mass", "group_by": "all", "group": "all", **other}
    where |= {"metric": metric, "step": step, "reader": reader}
    rows = table[np.logical_and.reduce([table[key] == value for key, value in where.items()])]
    assert len(rows) == 1, where
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("metric", "step", "anna", "ben", "both", "model"),
    [
        ("sensitivity", "alone", 0.6, 0.7, 0.65, 0.8),
        ("sensitivity", "with_model", 0.8, 0.9, 0.85, None),
        ("sensitivity", "gain", 0.2, 0.2, 0.2, None),
        ("specificity", "alone", 0.9, 0.9, 0.9, 0.4),
        ("specificity", "with_model", 0.9, 0.9, 0.9, None),
        ("undecided", "alone", 0.0, 0.05, 0.025, None),
        ("helped", "gain", 3, 3, 6, None),
        ("harmed", "gain", 1, 1, 2, None),
        ("changed", "gain", 4, 4, 8, None),
        ("helped_share", "gain", 3 / 20, 3 / 20, 3 / 20, None),
        ("switched", "gain", 3 / 7, 2 / 6, 5 / 13, None),  # of c06 c07, c10 c11 c13 c14 c15
        ("followed_wrong", "gain", 1 / 5, 1 / 5, 2 / 10, None),  # of c10 c11 c13 c14 c15
    ],
)
def test_the_study_solved_by_hand(
    found: dict[str, pd.DataFrame],
    metric: str,
    step: str,
    anna: float,
    ben: float,
    both: float,
    model: float | None,
) -> None:
    table = found["reading_results"]
    for reader, value in (("anna", anna), ("ben", ben), ("all", both)):
        row = _row(table, metric, step, reader)
        assert row["value"] == pytest.approx(value)
        assert row["status"] == "ok"
        assert row["n_readers"] == (2 if reader == "all" else 1)
        if metric not in ("helped", "harmed", "changed"):
            assert row["low"] - 1e-12 <= value <= row["high"] + 1e-12
    if model is not None:
        assert _row(table, metric, "model", "model")["value"] == pytest.approx(model)


def test_too_few_patients_of_a_kind_are_suppressed_and_say_how_many(
    found: dict[str, pd.DataFrame],
) -> None:
    row = _row(found["reading_results"], "followed_right", "gain", "anna")
    assert (row["status"], row["reason"]) == ("suppressed", "2 model-right patients, needs 5")
    assert np.isnan([row["value"], row["low"], row["high"]]).all()


def test_aurocs_of_readers_and_model_are_those_of_scikit_learn(
    found: dict[str, pd.DataFrame],
) -> None:
    table, truth = found["reading_results"], [i < 10 for i in range(20)]
    each = []
    for reader, steps in READERS.items():
        for step, said in zip(("alone", "with_model"), steps, strict=True):
            want = roc_auc_score(truth, [said(i) for i in range(20)])
            assert _row(table, "auroc", step, reader)["value"] == pytest.approx(want)
            each.append((step, want))
    for step in ("alone", "with_model"):
        mean = np.mean([value for at, value in each if at == step])
        assert _row(table, "auroc", step)["value"] == pytest.approx(mean)
    risk = found["readings"].drop_duplicates("case_id").set_index("case_id").loc[CASES, "risk"]
    want = roc_auc_score(truth, risk)
    assert _row(table, "auroc", "model", "model")["value"] == pytest.approx(want)


def test_readings_hold_what_counts(found: dict[str, pd.DataFrame]) -> None:
    table = found["readings"]
    of = table.groupby(["reading", "step"]).size().to_dict()
    want = {(1, "alone"): 40, (1, "with_model"): 40, (2, "alone"): 11, (2, "with_model"): 11}
    assert of == {**want, (0, "adjudication"): 1}
    decided = table[table["step"] == "adjudication"].iloc[0]
    assert (decided["case_id"], decided["answer"], decided["seconds"]) == ("c08", 5.0, 30.0)
    assert set(table["weight"]) == {1.5}
    model = table.drop_duplicates("case_id").set_index("case_id")["model_call"]
    assert {i for i, name in enumerate(CASES) if model[name] == 1} == CALLED


def test_agreement_is_told_of_all_of_two_and_of_a_reader_read_again(
    found: dict[str, pd.DataFrame],
) -> None:
    table = found["reading_agreement"].set_index(["between", "step", "coefficient", "scale"])
    n_equal = 19  # calls differ on c06
    by_chance = (7 * 8 + 13 * 12) / 400
    kappa = table.loc[("anna and ben", "alone", "cohen_kappa", "nominal")]
    assert kappa["value"] == pytest.approx((n_equal / 20 - by_chance) / (1 - by_chance))
    assert ("all", "alone", "krippendorff_alpha", "ordinal") in table.index
    again = table.loc[("anna again", "alone", "cohen_kappa", "nominal")]
    assert (again["n_cases"], again["status"]) == (11, "ok")


def _again(readings: pd.DataFrame, run: Run) -> pd.DataFrame:
    groups = run.read("cases").set_index("case_id")[["sex"]]
    rows = result_rows("both", readings, "binary", groups)
    keys = ["class_name", "arm", "group_by", "group", "reader", "step", "metric"]
    return rows.sort_values(keys, ignore_index=True)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    numbers = ["value", "low", "high", "n_cases", "n_patients", "n_readers"]
    pd.testing.assert_frame_equal(one[numbers], other[numbers], rtol=1e-9)


def test_neither_order_nor_names_matter(found: dict[str, pd.DataFrame], run: Run) -> None:
    readings = found["readings"]
    before = _again(readings, run)
    _same(before, _again(readings.sample(frac=1, random_state=0), run))
    renamed = readings.assign(reader=readings["reader"].map({"anna": "zoe", "ben": "mia"}))
    after = _again(renamed, run)
    after["reader"] = after["reader"].replace({"zoe": "anna", "mia": "ben"})
    keys = ["class_name", "arm", "group_by", "group", "reader", "step", "metric"]
    _same(before, after.sort_values(keys, ignore_index=True))


def test_weights_undo_an_enriched_sample(found: dict[str, pd.DataFrame], run: Run) -> None:
    readings = found["readings"]
    heavy = readings["case_id"].isin(CASES[15:])
    weighted = _again(readings.assign(weight=np.where(heavy, 3.0, 1.0)), run)
    copies = [readings]
    for k in (1, 2):
        names = {name: readings.loc[heavy, name] + f"#{k}" for name in ("case_id", "patient_id")}
        copies.append(readings[heavy].assign(**names))
    whole = _again(pd.concat(copies).assign(weight=1.0), run)
    for metric in ("specificity", "auroc", "undecided", "followed_wrong", "changed_share"):
        step = "gain" if metric in ("followed_wrong", "changed_share") else "alone"
        for reader in ("anna", "ben", "all"):
            want = _row(whole, metric, step, reader)["value"]
            assert _row(weighted, metric, step, reader)["value"] == pytest.approx(want)
    assert _row(weighted, "specificity", "alone", "anna")["value"] == pytest.approx(1 - 1 / 20)
    truth = np.array([i < 10 for i in range(20)])
    weights = np.where(np.arange(20) >= 15, 3.0, 1.0)
    want = roc_auc_score(truth, [_ben_alone(i) for i in range(20)], sample_weight=weights)
    assert _row(weighted, "auroc", "alone", "ben")["value"] == pytest.approx(want)


def test_groups_hold_their_own_cases(found: dict[str, pd.DataFrame]) -> None:
    place = {"group_by": "sex", "group": "F"}
    row = _row(found["reading_results"], "sensitivity", "with_model", **place)
    # c01 c03 c05 c07 c09: anna calls four, ben too
    assert (row["value"], row["n_cases"], row["n_patients"]) == (pytest.approx(0.8), 10, 10)


def test_a_correction_counts_and_the_time_stays(run: Run, tmp_path: Path) -> None:
    run = _run(tmp_path / "run")
    protocol = Protocol(name="one", readers=("anna",), mode="without_model")
    room = _made(run, protocol, lambda reader, i: "without_model")
    _read(room, "one", "anna", 0, 2)
    desk = room.desk("anna", "one")
    version = desk.state("c00").version
    said = {"ratings": {"mass": 4}, "confidence": 1, "seconds": 99.0, "reasons": ("overlooked",)}
    desk.correct("c00", 1, Answer(**said), version)
    readings = study_results(run, room.steward("one"))["readings"]
    room.close()
    assert readings[["step", "answer", "confidence", "seconds"]].to_numpy().tolist() == [
        ["alone", 4.0, 1.0, 10.0]
    ]


def test_arms_are_compared_reader_by_reader(found: dict[str, pd.DataFrame]) -> None:
    """Half of the cases model-first, half without the model."""
    readings = found["readings"][found["readings"]["reading"] == 1]
    even = readings["case_id"].str[1:].astype(int) % 2 == 0
    first = readings[even & (readings["step"] == "with_model")].assign(arm="model_first")
    without = readings[~even & (readings["step"] == "alone")].assign(arm="without_model")
    groups = pd.DataFrame(index=pd.Index(CASES, name="case_id"))
    table = result_rows("both", pd.concat([first, without]), "binary", groups)
    row = _row(table, "sensitivity", "arms", arm="model_first less without_model")
    # model-first c00 c02 c04 c06 (c08 by ben) of 5; without c01 c03 c05 of 5
    assert row["value"] == pytest.approx((4 / 5 + 5 / 5) / 2 - 3 / 5)
    assert row["interval"] == "Obuchowski-Rockette, same readers, other cases, t"
    assert -1 <= row["low"] <= row["value"] <= row["high"] <= 1
    assert not ((table["metric"] == "helped") & (table["step"] == "gain")).any()


def test_readers_of_both_arms_are_compared_with_themselves() -> None:
    """Readers of very different skill, each as good in one arm as in the other but for one case."""
    number = np.arange(40)
    who = {"reader": np.zeros(40, int), "case_id": number, "patient_id": number}
    arms: tuple[dict, dict] = ({}, {})
    for reader, found_in in (("anna", 4), ("ben", 10), ("cleo", 16)):
        for arm, more in zip(arms, (1, 0), strict=True):
            called = (number < found_in + more).astype(float)
            columns = {"weight": np.ones(40), "truth": np.ones(40), "call_final": called}
            columns["truth"][20:] = 0
            arm[reader] = bound("sensitivity", Readings(who, {}, columns), "final")
    paired = of_arms(*arms)
    assert paired.value == pytest.approx(1 / 20)
    assert -0.1 < paired.low < paired.high < 0.2
    assert "same readers, same cases" in paired.interval
    others = {f"other {reader}": one for reader, one in arms[1].items()}
    unpaired = of_arms(arms[0], others)
    assert unpaired.value == pytest.approx(1 / 20)
    assert "other readers, same cases" in unpaired.interval
    assert unpaired.low < -0.5
    assert unpaired.high > 0.6


def test_a_choice_among_classes_has_an_accuracy(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", "multiclass", ("mass", "cyst", "none"))
    room = _made(run, Protocol(name="m", readers=("anna", "ben")), lambda reader, i: "blind_first")
    for reader in ("anna", "ben"):
        desk = room.desk(reader, "m")
        for i, case_id in enumerate(CASES):
            right = "mass" if i < 10 else ("cyst", "none")[i % 2]
            said = {"confidence": 2, "reasons": ("model_plausible",)}
            desk.lock(case_id, 1, Answer(choice="mass", **said), 0)
            desk.lock(case_id, 1, Answer(choice=right if i != 3 else "cyst", **said), 1)
    tables = study_results(run, room.steward("m"))
    room.close()
    table = tables["reading_results"]
    assert _row(table, "accuracy", "alone", class_name="all")["value"] == pytest.approx(10 / 20)
    assert _row(table, "accuracy", "with_model", class_name="all")["value"] == pytest.approx(
        19 / 20
    )
    assert _row(table, "helped", "gain", class_name="all")["value"] == 20
    assert _row(table, "harmed", "gain", class_name="all")["value"] == 2
    assert _row(table, "sensitivity", "with_model", class_name="mass")["value"] == pytest.approx(
        0.9
    )
    agreed = tables["reading_agreement"].set_index(["between", "step", "coefficient"])
    assert agreed.loc[("all", "with_model", "fleiss_kappa"), "value"] == pytest.approx(1)
    assert "same answer" in agreed.loc[("all", "alone", "fleiss_kappa"), "reason"]


def test_a_value_has_its_mean_absolute_error(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", "continuous")
    room = _made(run, Protocol(name="v", readers=("anna", "ben")), lambda reader, i: "blind_first")
    for k, reader in enumerate(("anna", "ben")):
        desk = room.desk(reader, "v")
        for i, case_id in enumerate(CASES):
            said = {"confidence": 2, "reasons": ("model_plausible",)}
            desk.lock(case_id, 1, Answer(value=i + 3.0 + k, **said), 0)
            desk.lock(case_id, 1, Answer(value=i + 1.5, **said), 1)
    table = study_results(run, room.steward("v"))["reading_results"]
    room.close()
    at = {"class_name": "value"}
    assert _row(table, "mean_absolute_error", "alone", **at)["value"] == pytest.approx(3.5)
    assert _row(table, "mean_absolute_error", "gain", **at)["value"] == pytest.approx(-2.0)
    assert _row(table, "mean_absolute_error", "model", "model", **at)["value"] == pytest.approx(1.0)


def test_only_administrators_get_results(run: Run, room: ReadingRoom) -> None:
    for person in ("anna", "dora"):
        with pytest.raises(NotAllowed, match="administrators"):
            study_results(run, room.desk(person, "both"))


def test_the_command_writes_tables_and_keeps_other_studies(
    run: Run, room: ReadingRoom, capsys: pytest.CaptureFixture[str]
) -> None:
    results.main(run.folder, "both")
    first = run.read("reading_results")
    other = first.assign(study="another")
    run.write("reading_results", pd.concat([first, other]))
    results.main(run.folder)
    table = run.read("reading_results")
    assert table.groupby("study").size().to_dict() == {"another": len(first), "both": len(first)}
    assert len(run.read("readings")) == 103
    assert len(run.read("reading_agreement")) > 0
    said = capsys.readouterr().out
    assert "mass, AUROC: Readers alone" in said
    assert "The model helped 6, harmed 2; 8 answers changed." in said
    assert "c08" not in said


def test_without_a_study_or_an_answer_there_is_nothing_to_tell(tmp_path: Path) -> None:
    run = _run(tmp_path / "run")
    with pytest.raises(InputError, match="nothing was answered yet in any reading study"):
        results.main(run.folder)
    with pytest.raises(InputError, match="no reading study 'absent'"):
        results.main(run.folder, "absent")
    room = _made(run, Protocol(name="new", readers=("anna",)), lambda reader, i: "blind_first")
    assert {len(table) for table in study_results(run, room.steward("new")).values()} == {0}
    room.close()
    with pytest.raises(InputError, match="nothing was answered yet in the reading study 'new'"):
        results.main(run.folder, "new")


# Readers and patients as sources of variance

VAN_DYKE = np.array(
    [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
)
"""AUROC of five readers, cine and spin echo MRI of 114 patients (Van Dyke, White, Obuchowski et
al., 1993), as OR-DBM MRMC 2.51 (University of Iowa) reports them, trapezoidal, jackknife."""

READER_1 = [
    "13 23 23 12 52 12 12 12 13 12 11 13 41 12 12 12 12 12 12 11 11 11 31 11 34 12 11 23 11 "
    "42 12 11 14 13 12 33 11 22 13 21 12 12 22 33 33 11 31 11 13 33 33 11 11 13 14 11 12 24 "
    "22 11 12 14 11 34 34 22 11 11 11",
    "55 53 55 55 45 55 55 55 44 55 55 55 45 34 44 23 43 55 55 55 55 55 55 55 13 55 45 43 55 "
    "45 55 55 34 54 55 55 15 13 55 55 55 45 45 55 11",
]
"""Ratings of its first reader, cine then spin echo, of patients without and with a dissection."""


def _published(own: tuple[float, float], shared: tuple[float, float]) -> np.ndarray:
    """Covariance with the published means: Cov1 .00034661, Cov3 .00023903."""
    across = np.full((5, 5), 0.00023903) + np.eye(5) * (0.00034661 - 0.00023903)
    within = [np.full((5, 5), c) + np.eye(5) * (v - c) for v, c in zip(own, shared, strict=True)]
    return np.block([[within[0], across], [across, within[1]]])


def test_means_and_difference_of_van_dyke_are_those_published() -> None:
    from scipy.stats import t

    both = _published((0.00101410, 0.00059047), (0.00048396, 0.00020419))
    found = [orh.mean(VAN_DYKE[k], both[5 * k : 5 * k + 5, 5 * k : 5 * k + 5]) for k in (0, 1)]
    found.append(orh.difference(VAN_DYKE[0], VAN_DYKE[1], both))
    published = [
        (0.89703704, 0.03317360, 12.74, 0.82522360, 0.96885048),
        (0.94083736, 0.02156637, 12.71, 0.89413783, 0.98753689),
        (-0.04380, 0.02075, 15.26, -0.08796, 0.00036),
    ]
    for one, (value, se, df, low, high) in zip(found, published, strict=True):
        assert one.value == pytest.approx(value, abs=6e-6)
        assert np.sqrt(one.variance) == pytest.approx(se, abs=6e-6)
        assert one.df == pytest.approx(df, abs=0.006)
        half = t.ppf(0.975, one.df) * np.sqrt(one.variance)
        assert (one.value - half, one.value + half) == pytest.approx((low, high), abs=1.5e-5)
    assert two_sided_p(*found[2]) == pytest.approx(0.0517, abs=5e-5)


def test_jackknife_of_van_dykes_first_reader_is_that_published() -> None:
    pairs = [[(int(a), int(b)) for a, b in side.split()] for side in READER_1]
    ratings = np.array([*pairs[0], *pairs[1]], dtype=float)
    y = np.repeat([0.0, 1.0], [69, 45])
    left_out = []
    for k in (0, 1):
        columns = {"weight": np.ones(114), "truth": y, "answer_alone": ratings[:, k]}
        who = {name: np.arange(114) for name in ("case_id", "patient_id")}
        one = bound("auroc", Readings({"reader": np.zeros(114, int), **who}, {}, columns), "alone")
        left_out.append(leaving_out(one.compute, np.ones(114), np.arange(114), 114))
    found = covariance(left_out)
    assert [one[0] for one in left_out] == pytest.approx(VAN_DYKE[:, 0], abs=1e-8)
    assert (found[0, 0] + found[1, 1]) / 2 == pytest.approx(0.00069890, abs=6e-9)
    assert found[0, 1] == pytest.approx(0.00037347, abs=6e-9)


def test_the_paired_difference_is_that_of_the_mean_squares() -> None:
    """Hillis 2007 as written: MS(T*R), Cov2 less Cov3, one sum at a time."""
    rng = np.random.default_rng(5)
    r = 4
    values = rng.normal(0.8, 0.1, (2, r))
    root = rng.normal(size=(2 * r, 30)) + rng.normal(size=30)
    cov = root @ root.T / 3e5
    effect = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    interaction = (effect**2).sum() / (r - 1)
    cov2 = np.mean(
        [cov[t * r + i, t * r + j] for t in (0, 1) for i in range(r) for j in range(r) if i != j]
    )
    cov3 = np.mean([cov[i, r + j] for i in range(r) for j in range(r) if i != j])
    error = interaction + r * max(cov2 - cov3, 0)
    found = orh.difference(values[0], values[1], cov)
    assert found.variance == pytest.approx(2 / r * error)
    assert found.df == pytest.approx(error**2 / (interaction**2 / (r - 1)))


def test_readers_who_agree_by_luck_leave_the_variance_of_patients() -> None:
    found = orh.mean(np.full(3, 0.8), np.eye(3) * 0.01)
    assert found.variance == pytest.approx(0.01 / 3)
    assert found.df == np.inf
    twins = orh.mean(np.full(3, 0.8), np.full((3, 3), 0.1 * 0.07))  # these + their sum rounds below
    assert (twins.variance, twins.df) == (pytest.approx(0.1 * 0.07), np.inf)


def test_readers_of_one_arm_each_add_their_variances() -> None:
    one, other = np.array([0.8, 0.9, 0.7]), np.array([0.6, 0.7])
    found = orh.unpaired_difference(one, other, np.eye(5) * 1e-6)
    assert found.value == pytest.approx(0.15)
    assert found.variance == pytest.approx(one.var(ddof=1) / 3 + other.var(ddof=1) / 2)
    with pytest.raises(InputError, match="at least two readers"):
        orh.mean(np.array([0.8]), np.eye(1))
    with pytest.raises(InputError, match="same readers"):
        orh.difference(one, other, np.eye(5))
    with pytest.raises(InputError, match="needs shape"):
        orh.mean(one, np.eye(2))


def test_leaving_out_is_leaving_out() -> None:
    rng = np.random.default_rng(6)
    y, x = rng.integers(0, 2, 40).astype(float), rng.integers(1, 6, 40).astype(float)
    patient, weight = rng.integers(0, 15, 40), rng.random(40) + 0.5
    columns = {"weight": weight, "truth": y, "answer_alone": x}
    who = {"reader": np.zeros(40, int), "case_id": np.arange(40), "patient_id": patient}
    one = bound("auroc", Readings(who, {}, columns), "alone")
    found = leaving_out(one.compute, weight, patient, 16)
    for p in range(16):
        keep = patient != p
        want = roc_auc_score(y[keep], x[keep], sample_weight=weight[keep])
        assert found[1 + p] == pytest.approx(want)
    assert found[16] == found[0]


def test_a_gain_leaves_out_the_cases_whose_label_is_not_recorded() -> None:
    number = np.arange(30)
    truth = np.where(number < 15, 1.0, 0.0)
    truth[[0, 29]] = np.nan
    columns = {
        "weight": np.ones(30),
        "truth": truth,
        "call_alone": (number < 8).astype(float),
        "call_with_model": (number < 10).astype(float),
    }
    who = {"reader": np.zeros(30, int), "case_id": number, "patient_id": number}
    one = bound("sensitivity", Readings(who, {}, columns), "gain")
    assert one.compute(np.ones((1, 28)))[0] == pytest.approx(2 / 14)


# Differences that have a p


def test_signs_exchanged_are_counted_one_by_one() -> None:
    rng = np.random.default_rng(7)
    for n in range(1, 9):
        net = rng.integers(-3, 4, n)
        signs = np.array(list(product([1, -1], repeat=n)))
        want = np.mean(np.abs(signs @ net) >= abs(net.sum()))
        assert sign_test(net) == pytest.approx(want)
        assert sign_test(-net) == sign_test([*net, 0, 0]) == pytest.approx(want)
    assert sign_test([1] * 13 + [-1] * 5) == pytest.approx(binomtest(5, 18).pvalue)
    assert sign_test([0, 0]) == 1
    with pytest.raises(InputError, match="whole numbers"):
        sign_test([0.5])


def _judged(before: np.ndarray, after: np.ndarray, patients: np.ndarray) -> Readings:
    """Readers in rows, cases with the finding in columns, whose calls are given."""
    n_readers, n = before.shape
    columns = {"call_alone": before, "call_with_model": after, "truth": np.ones_like(before)}
    values = {name: one.ravel().astype(float) for name, one in columns.items()}
    reader, case = (part.ravel() for part in np.mgrid[:n_readers, :n])
    who = {"reader": reader, "case_id": case, "patient_id": patients[case]}
    return Readings(who, {}, {**values, "weight": 1.0 + case})


def test_helped_less_harmed_counts_patients_not_readings() -> None:
    before, after = np.zeros((1, 24)), np.zeros((1, 24))
    after[0, :7], before[0, 23] = 1, 1
    alone = of_these(net_help(_judged(before, after, np.arange(24))))
    assert alone.value == pytest.approx(6 / 24)  # weights do not count
    assert alone.p == pytest.approx(binomtest(1, 8).pvalue)
    assert (alone.test, alone.interval) == ("exact signs", "jackknife, t")
    twins = _judged(np.repeat(before, 3, axis=0), np.repeat(after, 3, axis=0), np.arange(24))
    three = of_these(net_help(twins))
    assert (three.value, three.p) == pytest.approx((alone.value, alone.p))
    assert (three.low, three.high) == pytest.approx((alone.low, alone.high))
    assert three.test == "exact signs, these readers"
    pairs = of_these(net_help(_judged(before, after, np.arange(24) // 2)))
    net = (after - before)[0].reshape(12, 2).sum(axis=1)
    assert pairs.p == pytest.approx(sign_test(net))
    assert pairs.p > alone.p


def test_where_nothing_changed_the_interval_is_not_a_point() -> None:
    found = of_these(net_help(_judged(np.zeros((2, 20)), np.zeros((2, 20)), np.arange(20))))
    assert (found.value, found.p) == (0, 1)
    assert -0.2 < found.low < -0.1
    assert 0.1 < found.high < 0.2


def test_a_p_stands_beside_an_interval_and_nowhere_else(found: dict[str, pd.DataFrame]) -> None:
    table = found["reading_results"]
    told = table[table["p"].notna()]
    assert told[["low", "high", "test"]].notna().all(axis=None)
    assert set(told["reader"]) | set(told["group_by"]) | set(told["arm"]) == {"all"}
    assert set(told["step"]) == {"gain"}
    assert told.set_index("metric")["family"].dropna().to_dict() == {
        "auroc": "gain: auroc, 1 test",
        "helped_less_harmed": "gain: helped_less_harmed, 1 test",
    }
    assert set(told["metric"]) - {"auroc", "helped_less_harmed"} == {"sensitivity", "specificity"}
    by_t = told[told["test"] == "t"]
    without_0 = (by_t["low"] > 0) | (by_t["high"] < 0)
    assert ((by_t["p"] < 0.05) == without_0).all()
    net = _row(table, "helped_less_harmed", "gain")
    # both: c06 c07 (ben: c07 c08) and c12 helped, c10 harmed
    assert net["value"] == pytest.approx((6 - 2) / 40)
    assert net["p"] == pytest.approx(sign_test([1, 2, 1, 2, -2]))
    assert np.isnan(_row(table, "helped_less_harmed", "gain", "anna")["p"])


# Several classes


def _several(classes: tuple[str, ...], n: int = 60, seed: int = 8) -> pd.DataFrame:
    """The table `readings` of three readers who rate several findings, blind-first, two cases of
    each patient; the model's risk is a little better than they are."""
    rng = np.random.default_rng(seed)
    rows = []
    for k, class_name in enumerate(classes):
        target = (rng.random(n) < 0.5).astype(float)
        risk = 1 / (1 + np.exp(-(2 * target - 1 + rng.normal(0, 1, n))))
        case = rng.normal(0, 0.4, n)
        for reader in ("anna", "ben", "cleo"):
            seen = (1.0 + 0.2 * k) * (target - 0.5) + case + rng.normal(0, 0.6, n)
            for step, latent in (("alone", seen), ("with_model", (seen + risk - 0.5) / 1.5)):
                answer = np.digitize(latent, [-0.6, -0.1, 0.1, 0.6]) + 1.0
                rows.append(
                    pd.DataFrame(
                        {
                            "study": "s",
                            "reader": reader,
                            "case_id": [f"c{i:03d}" for i in range(n)],
                            "patient_id": [f"p{i // 2:03d}" for i in range(n)],
                            "reading": 1,
                            "arm": "blind_first",
                            "step": step,
                            "class_name": class_name,
                            "answer": answer,
                            "confidence": 3.0,
                            "seconds": 10.0,
                            "target": target,
                            "risk": risk,
                            "model_call": (risk > 0.5).astype(float),
                            "weight": 1.0,
                        }
                    )
                )
    return pd.concat(rows, ignore_index=True)


NO_GROUPS = pd.DataFrame(index=pd.Index([], name="case_id"))


@pytest.fixture(scope="module")
def several() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The readings of three findings, and their results."""
    readings = _several(("cyst", "mass", "scar"))
    return readings, result_rows("s", readings, "multilabel", NO_GROUPS)


def test_the_mean_over_classes_is_that_of_the_classes(
    several: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    table = several[1]
    for metric in ("sensitivity", "specificity", "auroc"):
        for step in ("alone", "with_model", "gain", "model"):
            for reader in ("model",) if step == "model" else ("anna", "all"):
                of = [
                    _row(table, metric, step, reader, class_name=name)["value"]
                    for name in ("cyst", "mass", "scar")
                ]
                row = _row(table, metric, step, reader, class_name="macro")
                assert row["value"] == pytest.approx(np.mean(of))
                assert row["low"] < row["value"] < row["high"]
                assert row["n_patients"] == 30
    metrics = set(table[table["class_name"] == "macro"]["metric"])
    assert metrics == {"sensitivity", "specificity", "auroc"}


def test_the_interval_of_a_mean_over_classes_leaves_patients_out_of_every_class(
    several: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    said = several[0].query("reader == 'anna' and step == 'alone'")

    def mean(rows: pd.DataFrame) -> float:
        of = [roc_auc_score(r["target"], r["answer"]) for _, r in rows.groupby("class_name")]
        return float(np.mean(of))

    patients = said["patient_id"].unique()
    without = np.array([mean(said[said["patient_id"] != one]) for one in patients])
    n = without.size
    variance = (n - 1) / n * ((without - without.mean()) ** 2).sum()
    wide = {
        name: rows.assign(truth=rows["target"], answer_alone=rows["answer"])[
            ["reader", "case_id", "patient_id", "arm", "reading", "weight", "truth", "answer_alone"]
        ]
        for name, rows in said.groupby("class_name")
    }
    one = mean_over_classes("auroc", beside(wide), "alone")
    at = one.readings.who["patient_id"]
    found = leaving_out(one.compute, one.readings["weight"], at, n)
    assert found[0] == pytest.approx(mean(said))
    assert covariance([found])[0, 0] == pytest.approx(variance)
    row = _row(several[1], "auroc", "alone", "anna", class_name="macro")
    assert of_reader(one)[:3] == pytest.approx((row["value"], row["low"], row["high"]))


def test_a_mean_over_fewer_classes_is_not_given() -> None:
    readings = _several(("cyst", "mass"))
    rare = (readings["class_name"] == "mass") & (readings["case_id"] > "c003")
    table = result_rows(
        "s", readings.assign(target=readings["target"].mask(rare, 0.0)), "multilabel", NO_GROUPS
    )
    for metric in ("auroc", "sensitivity"):
        row = _row(table, metric, "alone", class_name="macro")
        assert row["status"] == "suppressed"
        assert np.isnan([row["value"], row["low"], row["high"], row["p"]]).all()
    assert (
        "mass positive patients, needs 5"
        in _row(table, "sensitivity", "alone", "anna", class_name="macro")["reason"]
    )
    assert _row(table, "specificity", "alone", class_name="macro")["status"] == "ok"


def test_a_mean_over_classes_knows_which_readings_judge_which_class() -> None:
    readings = _several(("cyst", "mass"))
    unknown = (readings["class_name"] == "mass") & (readings["case_id"] < "c020")
    weight = 1.0 + readings["case_id"].str[1:].astype(float) % 3
    readings = readings.assign(target=readings["target"].mask(unknown), weight=weight)
    table = result_rows("s", readings, "multilabel", NO_GROUPS)
    for step in ("alone", "gain"):
        each = [
            _row(table, "auroc", step, "ben", class_name=name)["value"] for name in ("cyst", "mass")
        ]
        row = _row(table, "auroc", step, "ben", class_name="macro")
        assert row["value"] == pytest.approx(np.mean(each))
    assert _row(table, "auroc", "alone", "ben", class_name="mass")["n_cases"] == 40
    assert _row(table, "auroc", "alone", "ben", class_name="macro")["n_cases"] == 60


def test_gains_of_classes_and_of_their_mean_are_adjusted_together(
    several: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    told = several[1][several[1]["p"].notna()]
    gains = told[told["metric"] == "auroc"].set_index("class_name")
    assert sorted(gains.index) == ["cyst", "macro", "mass", "scar"]
    assert set(gains["family"]) == {"gain: auroc, 4 tests"}
    assert gains["p_holm"].min() == pytest.approx(min(1, 4 * gains["p"].min()))
    assert (gains["p_holm"] >= gains["p"]).all()
    net = told[told["metric"] == "helped_less_harmed"]
    assert set(net["family"]) == {"gain: helped_less_harmed, 3 tests"}
    alone = told[told["metric"].isin(["sensitivity", "specificity"])]
    assert len(alone) == 8
    assert alone[["p_holm", "family"]].isna().all(axis=None)


def test_choices_have_a_mean_over_classes_without_auroc() -> None:
    n = 60
    rng = np.random.default_rng(9)
    truth, chosen = rng.integers(0, 3, n), rng.integers(0, 3, (2, n))
    chosen = np.where(rng.random((2, n)) < 0.5, truth, chosen)
    rows = [
        pd.DataFrame(
            {
                "study": "s",
                "reader": reader,
                "case_id": [f"c{i:03d}" for i in range(n)],
                "patient_id": [f"p{i:03d}" for i in range(n)],
                "reading": 1,
                "arm": "without_model",
                "step": "alone",
                "class_name": name,
                "answer": (said == k).astype(float),
                "confidence": 2.0,
                "seconds": 5.0,
                "target": (truth == k).astype(float),
                "risk": 0.3,
                "model_call": float(k == 0),
                "weight": 1.0,
            }
        )
        for reader, said in zip(("anna", "ben"), chosen, strict=True)
        for k, name in enumerate(("cyst", "mass", "scar"))
    ]
    readings = pd.concat(rows, ignore_index=True)
    table = result_rows("s", readings, "multiclass", NO_GROUPS)
    for reader, said in zip(("anna", "ben"), chosen, strict=True):
        row = _row(table, "sensitivity", "alone", reader, class_name="macro")
        assert row["value"] == pytest.approx(balanced_accuracy_score(truth, said))
    assert "auroc" not in set(table["metric"])
    model = _row(table, "specificity", "model", "model", class_name="macro")
    assert model["value"] == pytest.approx((0 + 1 + 1) / 3)
