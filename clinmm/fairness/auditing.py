"""The whole audit of a run, step by step, into its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.continuous.audit import audit_values
from clinmm.fairness.audit import Audit, audit, merged
from clinmm.fairness.gaps import PRIMARY
from clinmm.fairness.of_run import who_of_run
from clinmm.fairness.verdicts import bias_verdicts, confirmed
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import stored_rules

SCORES = ("metrics", "comparisons", "curves")
OF_AUDIT = ("groups", "gap_sources", "bias_verdicts", "slices")
OF_SLICES = ("auroc", "fnr", "fpr")
"""Primary metrics by which slices are looked for."""

NO_SLICE = (
    "no slice had enough patients of each class in both halves of the test patients, or none "
    "promised to be served worse"
)


@dataclass(frozen=True)
class Asked:
    """group_by: attributes and intersections, each written out; the others as in AuditConfig.

    sources: whether to look for where gaps come from; a reason in words where that cannot be.
    """

    group_by: list[str]
    primary: tuple[str, ...] = PRIMARY
    permutations: int = 1000
    slices: bool = True
    sources: bool | str = "they need a study's models, and this run has none"
    n_bootstrap: int = 1000
    seed: int = 0
    exclude: tuple[str, ...] = ()


def audit_run(
    run: Run,
    groups: pd.DataFrame,
    asked: Asked,
    tell: Tell = silent,
    decisions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Writes every table of the audit; of one that is empty run.json says why.

    Args:
        groups: index case_id, one text column per attribute.
        decisions: as for `samples.build`.
    """
    of = _Auditing(run, groups, asked, tell, decisions)
    without = _left_out(asked, of.predictions, of.continuous)
    made = {name: schema.TABLES[name].empty() for name in OF_AUDIT}
    with _telling(tell, "audit: who is there"):
        made["groups"] = who_of_run(run, groups, asked.group_by)
    if "slices" not in without:
        with _telling(tell, "audit: groups nobody named"):
            made["slices"] = of.slices()
        if made["slices"].empty:
            without["slices"] = NO_SLICE
    with _telling(tell, "audit: each group"):
        result = of.by_group()
    if "gap_sources" not in without:
        made["gap_sources"] = of.sources()
    if "bias_verdicts" not in without:
        verdicts = of.verdicts(result, made["gap_sources"], made["groups"])
        made["bias_verdicts"] = verdicts
        result = replace(result, comparisons=confirmed(result.comparisons, verdicts))
    for name, table in made.items():
        run.write(name, table)
    for name in SCORES:
        run.write(name, merged(run.read(name), getattr(result, name)))
    run.add_facts(audit={"group_by": asked.group_by, "left_out": without})
    return result.comparisons


@contextmanager
def _telling(tell: Tell, step: str) -> Iterator[None]:
    tell(step, 0, 1)
    yield
    tell(step, 1, 1)


@dataclass(frozen=True, eq=False)
class _Auditing:
    """The parts of the audit of one run."""

    run: Run
    groups: pd.DataFrame
    asked: Asked
    tell: Tell
    decisions: pd.DataFrame | None

    @cached_property
    def continuous(self) -> bool:
        return bool(self.run.facts["target"]["kind"] == "continuous")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        return self.run.read("predictions")

    @cached_property
    def thresholds(self) -> pd.DataFrame | None:
        return self.run.read("thresholds") if self.run.has("thresholds") else None

    def slices(self) -> pd.DataFrame:
        from clinmm.fairness.slices.of_run import slices_of_run

        asked = self.asked
        return slices_of_run(
            self.run,
            seed=asked.seed,
            decisions=self.decisions,
            metrics=[name for name in asked.primary if name in OF_SLICES] or OF_SLICES[:2],
            exclude=asked.exclude,
        )

    def by_group(self) -> Audit:
        asked = self.asked
        if self.continuous:
            return audit_values(
                self.predictions, self.groups, group_by=asked.group_by, seed=asked.seed
            )
        return audit(
            self.predictions,
            self.groups,
            self.thresholds,
            decisions=self.decisions,
            rules=stored_rules(self.run),
            group_by=asked.group_by,
            kind=self.run.facts["target"]["kind"],
            primary=asked.primary,
            n_bootstrap=asked.n_bootstrap,
            seed=asked.seed,
        )

    def sources(self) -> pd.DataFrame:
        from clinmm.fairness.sources.of_run import gap_sources

        return gap_sources(
            self.run, seed=self.asked.seed, tell=self.tell, group_by=self.asked.group_by
        )

    def verdicts(self, result: Audit, sources: pd.DataFrame, who: pd.DataFrame) -> pd.DataFrame:
        asked = self.asked
        return bias_verdicts(
            self.predictions,
            self.thresholds,
            self.groups,
            result.comparisons,
            group_by=asked.group_by,
            primary=asked.primary,
            permutations=asked.permutations,
            seed=asked.seed,
            sources=sources,
            who=who,
            decisions=self.decisions,
            tell=self.tell,
        )


def _left_out(asked: Asked, predictions: pd.DataFrame, continuous: bool) -> dict[str, str]:
    """Table -> why it is left out, from the start."""
    without: dict[str, str] = {}
    if not asked.group_by:
        none = "the cohort names no sensitive column and no site"
        without |= {"gap_sources": none, "bias_verdicts": none}
    if asked.sources is not True:
        without["gap_sources"] = asked.sources or "audit.sources is false"
    if not asked.slices:
        without["slices"] = "audit.slices is false"
    if FUSED not in set(predictions["arm"]):
        without |= dict.fromkeys(("gap_sources", "slices"), "the run has no arm `fused`")
    if continuous:
        without |= dict.fromkeys(("bias_verdicts", "slices"), "the target is a value")
    return without
