"""Does the bias audit find what was planted in one group, and only that, from pixels to verdict?

    OMP_NUM_THREADS=1 python benchmarks/planted_bias.py [--seeds 0 1 2 3 4] [--only NAME ...]
            [--size NAME=SIZE ...] [--scale 1] [--keep FOLDER]

Per seed and scenario a phantom, a study up to its audit, and what the audit said: planted v.
found, each audit of its own, and false alarms. Two attributes are known to make no difference
where nothing is planted in them, `sex` and `lot`, by which patients are drawn for this: a verdict
of a gap in one of them is a false alarm, whatever the metric. (Age and site do make some: the
findings grow with the age, and sites differ in what is missing. Cases without the input that all
of them should have stay out: who has no record has no sex on record either.) Rates with exact
95 % intervals.

    python benchmarks/planted_bias.py --mitigate [--seeds 0] [--keep FOLDER]

Where a mitigation should win: `group_shortcut` by training that gives the small group its weight;
where one might, with patients enough: `miscalibrated_site` by calibration of each site; and where
none should: nothing planted.

With --keep what is finished is not made again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from clinmm.cohort.phantom import latents, make_phantom, table
from clinmm.cohort.phantom.found import planted_and_found
from clinmm.cohort.phantom.planting import plant_all
from clinmm.config import load_config
from clinmm.evaluation.rows import MACRO
from clinmm.fairness.mitigating.sentence import sentence
from clinmm.intervals.limits import clopper_pearson
from clinmm.runs import Run
from pipelines import mitigate
from pipelines import run as study_run

LOT = "lot"
RUN_STAGES = ("check", "train", "calibrate", "evaluate", "audit")
TABLES = ("note", "record")
BINARY = {"name": "consolidation", "kind": "binary", "column": "consolidation"}
BINARY |= {"positive": ["1"], "negative": ["0"]}


@dataclass(frozen=True)
class Scenario:
    """plant: "" for none. of: inputs that the study has. nothing: attributes without a gap.

    target: in place of the four findings. settings: of the study.
    """

    plant: str
    of: tuple[str, ...]
    patients: int
    nothing: tuple[str, ...] = ("sex", LOT)
    target: dict[str, Any] | None = None
    settings: tuple[str, ...] = ()


_NET = ("encoders={image: {name: densenet, size: 96}}", "train.epochs=40", "train.patience=10")
_PLAIN = (
    "encoders={note: {name: bag_of_words}, record: {name: mlp}}",
    "train.epochs=30",
    "train.patience=6",
)
_RECORD = ("encoders={record: {name: mlp}}", "train.epochs=40", "train.patience=10")
_MORE_VALIDATE = ("split={fractions: {train: .35, validate: .2, calibrate: .15, test: .3}}",)
_CALIBRATION = ("audit.primary=[auroc, fnr, ece]",)

SCENARIOS = {
    "none, image": Scenario("", ("image",), 500, settings=_NET),
    "none, note and record": Scenario("", TABLES, 1000, settings=_PLAIN),
    "faint_group": Scenario("faint_group", ("image",), 800, (LOT,), settings=_NET),
    "site_shortcut": Scenario("site_shortcut", ("image",), 500, settings=_NET),
    "noisy_labels_group": Scenario("noisy_labels_group", TABLES, 1000, (LOT,), settings=_PLAIN),
    "missing_in_group": Scenario("missing_in_group", TABLES, 1000, (LOT,), settings=_PLAIN),
    "miscalibrated_site": Scenario(
        "miscalibrated_site", TABLES, 1000, settings=_PLAIN + _CALIBRATION
    ),
    "group_shortcut": Scenario(
        "group_shortcut", ("record",), 2500, target=BINARY, settings=_RECORD + _MORE_VALIDATE
    ),
}


IN_TRAINING = ("group_reweighting", "balanced_sampling", "group_dro")
MITIGATED: dict[str, dict[str, Any]] = {
    "group_shortcut": {"attribute": "age", "metric": "auroc", "methods": IN_TRAINING},
    "miscalibrated_site": {
        "attribute": "site",
        "metric": "brier",
        "methods": (*IN_TRAINING, "group_calibration"),
    },
    "none, note and record": {"attribute": "sex", "metric": "auroc", "methods": IN_TRAINING},
}
"""Scenario -> what `clinmm mitigate` is asked in it."""


@dataclass(frozen=True)
class Told:
    """Of one study: rows of planted v. found, and per harmless attribute whether a gap was told."""

    scenario: str
    seed: int
    found: list[dict[str, str]] = field(default_factory=list)
    alarms: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0


def phantom(folder: Path, scenario: Scenario, seed: int, n: int, size: float | None) -> Path:
    """The phantom, its pictures drawn only if they are looked at, and an attribute drawn by lot."""
    plant = {scenario.plant: size} if scenario.plant else {}
    if "image" in scenario.of:
        file = make_phantom(folder, seed=seed, n_patients=n, plant=plant)
        cases = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    else:
        folder.mkdir(parents=True)
        file = folder / "cohort.yaml"
        drawn = latents.draw_cases(seed, n)
        planted = plant_all(drawn, plant, seed)
        (folder / "truth.json").write_text(json.dumps({"planted": planted}), encoding="utf-8")
        cases = pd.DataFrame([table.row(seed, case, "dx") for case in drawn], dtype=object)
        wards = "ward" in cases
        file.write_text(table.cohort_yaml(seed, "dx", timed=False, wards=wards), encoding="utf-8")
    heads = np.random.default_rng([seed, 7]).random(cases["patient_id"].nunique()) < 0.5
    drawn_by = dict(zip(cases["patient_id"].unique(), np.where(heads, "a", "b"), strict=True))
    cases[LOT] = cases["patient_id"].map(drawn_by)
    cases.to_csv(folder / "cases.csv", index=False)
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))
    spec["inputs"] = {name: spec["inputs"][name] for name in scenario.of}
    spec["require"] = ["image" if "image" in scenario.of else "record"]
    spec["sensitive"][LOT] = LOT
    spec["target"] = scenario.target or spec["target"]
    if scenario.plant == "noisy_labels_group":
        findings = spec["target"]["columns"]
        spec["target"]["second_labels"] = [f"{finding}_second" for finding in findings]
    file.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return file


def study(folder: Path, cohort: Path, scenario: Scenario, seed: int, extra: list[str]) -> Run:
    """A run up to its audit; finished stages are not made again."""
    settings = [
        f"seed={seed}",
        f"cohort={cohort.resolve()}",
        "split={fractions: {train: .4, validate: .1, calibrate: .15, test: .35}}",
        "intake.accept=[{check: duplicates, reason: invented}]",
        "train.arms=fused",
        "train.baselines=false",
        "evaluate.n_bootstrap=200",
        "audit.slices=false",
        *scenario.settings,
        *extra,
    ]
    study_run.STAGES = RUN_STAGES
    return study_run.main(load_config("demo", settings), folder)


def of_seed(folder: Path, name: str, seed: int, options: argparse.Namespace) -> Told:
    scenario, began = SCENARIOS[name], time.process_time()
    run = finished(folder, name, seed, options)
    cohort = folder / "cohort"
    found = planted_and_found(run, cohort).to_dict("records")
    return Told(name, seed, found, alarms(run, scenario), time.process_time() - began)


def finished(folder: Path, name: str, seed: int, options: argparse.Namespace) -> Run:
    scenario = SCENARIOS[name]
    n = round(options.scale * scenario.patients)
    cohort = folder / "cohort" / "cohort.yaml"
    if not cohort.is_file():
        phantom(cohort.parent, scenario, seed, n, options.size.get(scenario.plant))
    return study(folder / "run", cohort, scenario, seed, options.set)


def alarms(run: Run, scenario: Scenario) -> dict[str, bool]:
    """Per attribute in which nothing is planted: did any verdict name a gap?"""
    verdicts = run.read("bias_verdicts")
    told = verdicts[verdicts["verdict"] == "gap_shown"]
    return {name: bool((told["group_by"] == name).any()) for name in scenario.nothing}


def rate(hits: int, n: int) -> str:
    """A share with its exact 95 % interval (Clopper and Pearson, Biometrika 26:404, 1934)."""
    low, high = clopper_pearson(hits / n, n)
    return f"{hits:3d} of {n:3d}  {hits / n:5.0%} ({low:4.0%} to {high:4.0%})"


def show(told: list[Told]) -> None:
    print(f"\n{'scenario':22} {'audit':34} found, of seeds")
    looks = pd.DataFrame(
        [{"scenario": of.scenario, **row} for of in told for row in of.found],
        columns=["scenario", "audit", "found"],
    )
    for (name, audit), part in looks.groupby(["scenario", "audit"], sort=False):
        print(f"{name:22} {audit:34} {rate(int((part['found'] == 'yes').sum()), len(part))}")
    print(f"\n{'scenario':22} {'attribute without a gap':34} false alarms, of seeds")
    every = pd.DataFrame(
        [(of.scenario, name, alarm) for of in told for name, alarm in of.alarms.items()],
        columns=["scenario", "attribute", "alarm"],
    )
    for (name, attribute), part in every.groupby(["scenario", "attribute"], sort=False):
        print(f"{name:22} {attribute:34} {rate(int(part['alarm'].sum()), len(part))}")
    print(f"{'all':22} {'':34} {rate(int(every['alarm'].sum()), len(every))}")


def place(base: Path, seed: int, name: str) -> Path:
    return base / f"seed_{seed}" / name.replace(", ", "_").replace(" ", "_")


def audits(base: Path, options: argparse.Namespace) -> Iterator[Told]:
    for seed in options.seeds:
        for name in options.only or SCENARIOS:
            of = of_seed(place(base, seed, name), name, seed, options)
            print(f"seed {seed} {name}: {of.seconds:.0f} s of CPU", flush=True)
            for row in of.found:
                print(f"    {row['audit']}: {row['found']}. {row['evidence']}", flush=True)
            for attribute, alarm in of.alarms.items():
                if alarm:
                    print(f"    FALSE ALARM {attribute}", flush=True)
            yield of


def mitigations(base: Path, options: argparse.Namespace) -> Iterator[pd.DataFrame]:
    """Rows of schema.MITIGATION on `test`, with the scenario and the seed."""
    for seed in options.seeds:
        for name in options.only or MITIGATED:
            run = finished(place(base, seed, name), name, seed, options)
            began = time.process_time()
            if not run.finished("mitigate"):
                mitigate.main(run.folder, options=MITIGATED[name])
            table = run.read("mitigation")
            rows = table[
                (table["split"] == "test")
                & (table["metric"] == MITIGATED[name]["metric"])
                & (table["class_name"] == (BINARY["name"] if SCENARIOS[name].target else MACRO))
                & ~table["group"].isin(("worst", "not recorded"))
            ]
            seconds = time.process_time() - began
            print(f"seed {seed} {name}: {seconds:.0f} s of CPU. {sentence(table)}", flush=True)
            yield rows.assign(scenario=name, study_seed=seed)


def show_mitigations(tables: list[pd.DataFrame]) -> None:
    """Each group and all patients under each method, less what plain training has there."""
    print(f"\n{'scenario':22} {'seed':4} {'method':18} {'group':9} value  less plain training")
    for row in pd.concat(tables).sort_values(["scenario", "study_seed", "group"]).itertuples():
        less = f"{row.difference:+.3f} ({row.difference_low:+.3f} to {row.difference_high:+.3f})"
        marks = [mark for mark in ("chosen", "recommended") if getattr(row, mark) == "yes"]
        told = [] if row.method == "plain_training" else [less, *marks]
        print(
            f"{row.scenario:22} {row.study_seed:4d} {row.method:18} {row.group:9} "
            f"{row.value:.3f}  {' '.join(told)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="+", choices=list(SCENARIOS), metavar="NAME")
    parser.add_argument("--size", nargs="*", default=[], metavar="NAME=SIZE")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many patients")
    parser.add_argument("--mitigate", action="store_true", help="hold mitigations against plain")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="where the studies go, and stay")
    options = parser.parse_args()
    options.size = {name: float(size) for name, _, size in (s.partition("=") for s in options.size)}
    with tempfile.TemporaryDirectory() as temporary:
        base = options.keep or Path(temporary)
        if options.mitigate:
            show_mitigations(list(mitigations(base, options)))
        else:
            show(list(audits(base, options)))


if __name__ == "__main__":
    main()
