"""Flaws planted in phantom cohorts: how often does the check find each, and what else does it say?

    python benchmarks/planted_leaks.py [--seeds 5] [--patients 400] [--simulations 100]
                                       [--plants clean stated_label ...]

Full phantoms: pictures are drawn, for each plant on its own and for clean cohorts. The check that
is to find the plant runs on the first, every check on the clean ones, where each error and warning
is a false alarm. Simulations: many cohorts of tables alone, for the checks that look at nothing
else. Rates with Wilson intervals.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm import registry
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import latents, make_phantom, table
from clinmm.cohort.phantom.found import INTAKE_PLANTS, check_of, look_in_intake
from clinmm.cohort.phantom.planting import plant_all
from clinmm.intake.context import Context
from clinmm.intake.finding import as_table
from clinmm.intake.look_over import make_context
from clinmm.intake.run_checks import run_checks
from clinmm.intervals.limits import normal_quantile, wilson
from clinmm.schema import LINKS

OF_TABLES = ("stated_label", "missing_note", "time_travel", "implausible")
"""Plants that the table alone shows."""

CLEAN = "clean"
say = partial(print, flush=True)


def rate(hits: int, n: int) -> str:
    """A proportion with its 95 % interval (Wilson, J Am Stat Assoc 22:209, 1927)."""
    low, high = wilson(hits / n, n, normal_quantile())
    return f"{hits:3d} of {n:3d}  {hits / n:5.0%} ({low:4.0%} to {high:4.0%})"


def alarms(intake: pd.DataFrame) -> set[tuple[str, str]]:
    """(check, severity) of every error and warning."""
    told = intake[intake["severity"].isin(("error", "warning"))]
    return set(zip(told["check"], told["severity"], strict=True))


def planted(seeds: Sequence[int], n_patients: int, plant: str) -> None:
    """Phantoms with pictures and one plant each, by the check that is to find it."""
    hits = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as temporary:
            began = time.perf_counter()
            file = make_phantom(
                Path(temporary) / "it", seed=seed, n_patients=n_patients, plant=[plant]
            )
            drawn = time.perf_counter()
            intake = as_table(run_checks(load_cohort(file), Context(), [check_of(plant)]))
            truth = json.loads((file.parent / "truth.json").read_text(encoding="utf-8"))
        found, told = look_in_intake(intake, truth["planted"][0])
        hits += found
        say(f"{plant:16s} seed {seed}: {'found' if found else 'MISSED'}  {seconds(began, drawn)}")
        say(f"    {told}")
    say(f"{plant:16s} {check_of(plant):16s} found {rate(hits, len(seeds))}")


def clean(seeds: Sequence[int], n_patients: int) -> None:
    """Phantoms with pictures and nothing planted, by every check."""
    false: Counter[tuple[str, str]] = Counter()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as temporary:
            began = time.perf_counter()
            cohort = load_cohort(
                make_phantom(Path(temporary) / "it", seed=seed, n_patients=n_patients)
            )
            drawn = time.perf_counter()
            intake = as_table(run_checks(cohort, make_context(cohort, None)))
        false.update(alarms(intake))
        say(f"{CLEAN:16s} seed {seed}: {len(alarms(intake))} alarms  {seconds(began, drawn)}")
        for row in intake[intake["severity"] != "info"].itertuples():
            say(f"    {row.check} {row.severity}: {row.detail}")
    for check in registry.available("checks"):
        for severity in ("error", "warning"):
            told = rate(false[check, severity], len(seeds))
            say(f"{CLEAN:16s} {check:16s} false {severity:8s} {told}")


def seconds(began: float, drawn: float) -> str:
    return f"{drawn - began:.0f} s drawn, {time.perf_counter() - drawn:.0f} s checked"


def tables_only(n: int, n_patients: int, plant: str) -> None:
    """Cohorts without pictures, with the plant and without, by the check that is to find it."""
    check = check_of(plant)
    hits, false = 0, Counter[str]()
    for seed in range(n):
        for flaws in ([plant], []):
            with tempfile.TemporaryDirectory() as temporary:
                file, truth = _write_table(Path(temporary), seed, n_patients, flaws)
                context = Context(links=LINKS.empty())
                intake = as_table(run_checks(load_cohort(file), context, [check]))
            if flaws:
                hits += look_in_intake(intake, truth[0])[0]
            else:
                false.update(severity for _, severity in alarms(intake))
    say(f"{plant:16s} {check:16s} of tables alone, found {rate(hits, n)}")
    for severity in ("error", "warning"):
        told = rate(false[severity], n)
        say(f"{CLEAN:16s} {check:16s} of tables alone, false {severity:8s} {told}")


def _write_table(
    folder: Path, seed: int, n_patients: int, plant: Sequence[str]
) -> tuple[Path, list[dict[str, Any]]]:
    cases = latents.draw_cases(seed, n_patients)
    truth = plant_all(cases, plant, seed)
    rows = [table.row(seed, case, "dx") for case in cases]
    pd.DataFrame(rows, dtype=object).to_csv(folder / "cases.csv", index=False)
    file = folder / "cohort.yaml"
    timed = any(case.flaws.days_after for case in cases)
    file.write_text(table.cohort_yaml(seed, "dx", timed), encoding="utf-8")
    return file, truth


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--patients", type=int, default=400)
    asked.add_argument("--simulations", type=int, default=100)
    asked.add_argument("--plants", nargs="*", default=[CLEAN, *INTAKE_PLANTS])
    given = asked.parse_args()
    for name in given.plants:
        if name == CLEAN:
            clean(range(given.seeds), given.patients)
            continue
        if given.seeds:
            planted(range(given.seeds), given.patients, name)
        if given.simulations and name in OF_TABLES:
            tables_only(given.simulations, given.patients, name)


if __name__ == "__main__":
    main()
