"""What is to be compared: the config's `mitigate`, changed by the options of the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from clinmm import registry
from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.comparisons import difference
from clinmm.config import Component, MitigateConfig
from clinmm.errors import InputError, did_you_mean
from clinmm.intervals import estimate, module_of
from clinmm.runs import Run
from clinmm.samples import CALIBRATED, CALL, build
from clinmm.settings_errors import as_input_error
from clinmm.study import SITE, audited_groups
from clinmm.subgroups import by_group, grouping, is_recorded

COLUMNS = {"ranking": CALIBRATED, "probability": CALIBRATED, "outcome": CALIBRATED}
"""What a metric NEEDS -> the column it is of; one that needs a decision is of the first point."""
VALIDATE = "validate"


@dataclass(frozen=True, eq=False)
class Asked:
    """groups: index case_id, the attribute as text in one column.

    Methods that train come before those that work on finished predictions.
    """

    attribute: str
    methods: tuple[Component, ...]
    seeds: int
    metric: str
    rule: str
    margin: float
    groups: pd.DataFrame

    @property
    def trained(self) -> list[Component]:
        return [one for one in self.methods if in_training(one.name)]

    @property
    def afterwards(self) -> list[Component]:
        return [one for one in self.methods if not in_training(one.name)]

    @property
    def higher_is_better(self) -> bool:
        return bool(module_of(self.metric).HIGHER_IS_BETTER)

    def codes(self, case_ids: Any) -> NDArray[np.int64]:
        """(n,) number of each case's group, -1 where it is not recorded."""
        names = sorted(name for name in set(self.groups[self.attribute]) if is_recorded(name))
        number = {name: i for i, name in enumerate(names)}
        values = self.groups[self.attribute].reindex(case_ids)
        return values.map(number).fillna(-1).to_numpy(dtype=np.int64)


def in_training(name: str) -> bool:
    return bool(registry.constants("mitigations")[name].get("IN_TRAINING"))


def uses_group(name: str) -> bool:
    """Whether a prediction needs the patient's group."""
    return bool(registry.constants("mitigations").get(name, {}).get("USES_GROUP"))


def settle(run: Run, config: MitigateConfig, options: Mapping[str, Any]) -> Asked:
    """The config with the options in its place, complete and checked.

    Args:
        run: a calibrated study.
        options: key of `MitigateConfig` -> value; None leaves the config's. A method that the
            config names keeps its settings from there.

    Raises:
        InputError: every problem: a continuous target, no sensitive column, a run that is not
            calibrated, an unknown attribute, method, setting, rule or metric.
    """
    problems: list[str] = []
    if run.facts["kind"] != "study":
        raise InputError(
            f"{run.folder} is a run of kind {run.facts['kind']}, wanted a study: nothing else can "
            "be trained again."
        )
    if run.facts["target"]["kind"] == "continuous":
        problems.append("a continuous target has no class: mitigation is for classes.")
    if not run.finished("calibrate"):
        problems.append(
            f"{run.folder} is not calibrated. Do it with: clinmm calibrate {run.folder}"
        )
    try:
        config = merged(config, options)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    groups = audited_groups(run) if run.has("cases") else pd.DataFrame()
    methods = config.methods
    if methods is None:
        methods = tuple(Component(name=name) for name in registry.available("mitigations"))
    problems += [*_of_methods(methods), *_of_metric(config.metric)]
    if not len(groups.columns):
        problems.append(
            "the cohort has no sensitive column, so there are no groups to serve better. Add "
            "sensitive: {sex: sex} to the cohort file."
        )
    elif config.attribute is not None:
        try:
            groups = grouping(groups, [config.attribute])
            problems += _of_groups(groups)
        except InputError as error:
            problems += [f"mitigate.attribute: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    attribute = config.attribute or largest_gap(run, groups, config.metric)
    groups = grouping(groups, [attribute])
    methods = tuple(sorted(methods, key=lambda one: not in_training(one.name)))
    return Asked(
        attribute, methods, config.seeds, config.metric, config.rule, config.margin, groups
    )


def merged(config: MitigateConfig, options: Mapping[str, Any]) -> MitigateConfig:
    """The config with what the options give in its place; raises InputError."""
    given = {key: value for key, value in options.items() if value is not None}
    configured = {one.name: one.model_dump() for one in config.methods or ()}
    if "methods" in given:
        given["methods"] = [configured.get(name, {"name": name}) for name in given["methods"]]
    try:
        return MitigateConfig.model_validate({**config.model_dump(), **given})
    except ValidationError as error:
        raise as_input_error(error, "mitigate", MitigateConfig) from None


def check_mitigate(config: MitigateConfig, cohort: Cohort) -> None:
    """Raises InputError with every unknown method or attribute, wrong setting, and metric that
    cannot serve, as far as they show before training."""
    problems = [*_of_methods(config.methods or ()), *_of_metric(config.metric)]
    known = [*cohort.spec.sensitive, *([SITE] if cohort.spec.site else [])]
    for name in (config.attribute or "").split("*"):
        if name and name not in known:
            problems.append(
                f"mitigate.attribute: no sensitive column '{name}'. {did_you_mean(name, known)}"
            )
    if problems:
        raise InputError(problems)


def largest_gap(run: Run, groups: pd.DataFrame, metric: str) -> str:
    """The attribute one of whose groups differs most from everybody else, in standard errors, in
    the fused arm's predictions of patients that are not test.

    Raises:
        InputError: no attribute has two groups of which something can be said.
    """
    rows = run.read("predictions").query("arm == @FUSED and repeat == 0")
    rows = rows[~rows["split"].isin(["test", "calibrate"])].assign(split=VALIDATE)
    samples = build(rows, run.read("thresholds"), arms=[FUSED], split=VALIDATE, n_bootstrap=200)
    key = (metric, column_of(metric, samples.points[0]))
    far: dict[str, float] = {}
    for scored in samples.parts.values():
        for subset in by_group(grouping(groups), scored.case_ids):
            inside, outside = (
                estimate(scored.sample.take(rows), [key], samples.draws)[key]
                for rows in (subset.keep, subset.rest)
            )
            gap = difference(inside, outside)
            if is_recorded(subset.group) and gap.se > 0:
                size = abs(gap.difference) / gap.se
                far[subset.group_by] = max(far.get(subset.group_by, 0.0), size)
    if not far:
        raise InputError("no attribute has two groups large enough to be compared.")
    return max(far, key=lambda name: (far[name], name))


def column_of(metric: str, point: str) -> str:
    """The column of a sample that a metric is of."""
    return COLUMNS.get(module_of(metric).NEEDS, CALL + point)


def _of_methods(methods: tuple[Component, ...]) -> list[str]:
    from clinmm.model import settings_of

    problems = []
    known = registry.available("mitigations")
    names = [one.name for one in methods]
    for one in methods:
        if one.name not in known:
            problems.append(f"no mitigation '{one.name}'. {did_you_mean(one.name, known)}")
            continue
        try:
            settings_of("mitigations", one, f"mitigate.{one.name}")
        except InputError as error:
            problems += error.problems
    problems += [
        f"mitigation {n} is named twice." for n in sorted(set(names)) if names.count(n) > 1
    ]
    return problems


def _of_metric(metric: str) -> list[str]:
    known = registry.available("metrics")
    if metric not in known:
        return [f"mitigate.metric: no metric '{metric}'. {did_you_mean(metric, known)}"]
    module = module_of(metric)
    if module.NEEDS not in (*COLUMNS, "decision") or module.HIGHER_IS_BETTER is None:
        return [
            f"mitigate.metric: {metric} has no better side, or needs more than a probability or a "
            "call. Take auroc, auprc, brier, log_loss, fnr or fpr."
        ]
    return []


def _of_groups(groups: pd.DataFrame) -> list[str]:
    attribute = str(groups.columns[0])
    n = sum(is_recorded(name) for name in set(groups[attribute]))
    return [] if n > 1 else [f"mitigate.attribute: {attribute} has {n} recorded group, wanted two."]
