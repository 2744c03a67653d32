"""The whole audit of a run, step by step, into its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.continuous.audit import audit_values
from clinmm.fairness.audit import audit, merged
from clinmm.fairness.gaps import PRIMARY
from clinmm.fairness.of_run import who_of_run
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import audited_groups

SCORES = ("metrics", "comparisons", "curves")
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
    continuous = run.facts["target"]["kind"] == "continuous"
    predictions = run.read("predictions")
    thresholds = run.read("thresholds") if run.has("thresholds") else None
    without = _left_out(asked, predictions, continuous)
    made = {
        name: schema.TABLES[name].empty() for name in ("gap_sources", "bias_verdicts", "slices")
    }
    tell("audit: who is there", 0, 1)
    made["groups"] = who_of_run(run, groups, asked.group_by)
    tell("audit: who is there", 1, 1)
    if "slices" not in without:
        from clinmm.fairness.slices.of_run import slices_of_run

        tell("audit: groups nobody named", 0, 1)
        metrics = [name for name in asked.primary if name in OF_SLICES] or OF_SLICES[:2]
        made["slices"] = slices_of_run(
            run, seed=asked.seed, decisions=decisions, metrics=metrics, exclude=asked.exclude
        )
        if made["slices"].empty:
            without["slices"] = NO_SLICE
        tell("audit: groups nobody named", 1, 1)
    tell("audit: each group", 0, 1)
    if continuous:
        result = audit_values(predictions, groups, group_by=asked.group_by, seed=asked.seed)
    else:
        result = audit(
            predictions,
            groups,
            thresholds,
            decisions=decisions,
            group_by=asked.group_by,
            kind=run.facts["target"]["kind"],
            primary=asked.primary,
            n_bootstrap=asked.n_bootstrap,
            seed=asked.seed,
        )
    tell("audit: each group", 1, 1)
    if "gap_sources" not in without:
        from clinmm.fairness.sources.of_run import gap_sources

        made["gap_sources"] = gap_sources(
            run, seed=asked.seed, tell=tell, group_by=_with_sources(run, asked.group_by)
        )
    if "bias_verdicts" not in without:
        from clinmm.fairness.verdicts import bias_verdicts, confirmed

        made["bias_verdicts"] = bias_verdicts(
            predictions,
            thresholds,
            groups,
            result.comparisons,
            group_by=asked.group_by,
            primary=asked.primary,
            permutations=asked.permutations,
            seed=asked.seed,
            sources=made["gap_sources"],
            who=made["groups"],
            decisions=decisions,
            tell=tell,
        )
        result = replace(result, comparisons=confirmed(result.comparisons, made["bias_verdicts"]))
    for name, table in made.items():
        run.write(name, table)
    for name in SCORES:
        run.write(name, merged(run.read(name), getattr(result, name)))
    run.add_facts(audit={"group_by": asked.group_by, "left_out": without})
    return result.comparisons


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


def _with_sources(run: Run, group_by: Sequence[str]) -> list[str]:
    """Single attributes: where an intersection's gap comes from is asked of each of its parts."""
    known = set(audited_groups(run).columns)
    return [name for name in group_by if name in known]
