"""One case explained for the reading room: rows of the table, and arrays on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clinmm import registry
from clinmm.arms import FUSED
from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.audit.parts.look import JOINT, Look
from clinmm.explain.audit.parts.reading import ask
from clinmm.explain.audit.stability import stability_of
from clinmm.explain.cases import Cases, seed_of
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target
from clinmm.explain.kept import Kept
from clinmm.explain.merge import merged
from clinmm.explain.rows import file_of, rows_of, save_arrays
from clinmm.explain.settings import check_methods
from clinmm.explain.what_if import probability_of, what_if_rows
from clinmm.progress import Tell


@dataclass(frozen=True)
class Asked:
    """What is to be explained of each case.

    methods: those of the config, where left out. classes: the likeliest of exclusive ones, else
    all. rather_than: a class that they are set against.
    """

    methods: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    rather_than: str | None = None

    def of(self, cases: Cases) -> "Asked":
        """With the config's methods; raises InputError where there is no such method or class, or
        nothing to set a class against."""
        problems = check_methods(self.methods)
        for name in (*self.classes, *([self.rather_than] if self.rather_than else [])):
            try:
                cases.class_index(name)
            except InputError as error:
                problems += error.problems
        if self.rather_than and len(cases.cohort.class_names) < 2:
            problems.append("there is one class only, so none that it could be set against.")
        if self.rather_than in self.classes:
            problems.append(f"class '{self.rather_than}' cannot be set against itself.")
        if problems:
            raise InputError(problems)
        return replace(self, methods=self.methods or cases.config.explain.methods)


def explain_cases(
    cases: Cases, case_ids: Sequence[str], asked: Asked, kept: Kept, tell: Tell
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of schema.EXPLANATIONS, not yet judged by the audit, and of schema.WHAT_IF; the arrays
    lie in `kept.arrays`. Cases that a stopped call has finished are not explained again."""
    # Cases of one fold follow each other, so that its models are loaded once.
    ordered = sorted(case_ids, key=lambda case_id: cases.places[case_id])
    explained: list[dict[str, Any]] = []
    otherwise: list[dict[str, Any]] = []
    for done, case_id in enumerate(ordered):
        found = kept.piece(
            "case",
            case_id,
            repr(asked),
            make=partial(_both, cases, case_id, asked, kept.arrays),
        )
        explained += found["explained"]
        otherwise += found["otherwise"]
        tell("explain", done + 1, len(ordered))
    return explained, otherwise


def _both(
    cases: Cases, case_id: str, asked: Asked, folder: Path
) -> dict[str, list[dict[str, Any]]]:
    return {
        "explained": explain_case(cases, case_id, asked, folder),
        "otherwise": _what_if(cases, case_id),
    }


def _what_if(cases: Cases, case_id: str) -> list[dict[str, Any]]:
    """By every model that predicted the case, so that what is said of it as it is, is what was."""
    if not (joints := cases.joints(case_id, predicting=True)):
        return []
    probability = probability_of(cases.study, cases.models_run, cases.predicted_by[case_id])
    return what_if_rows(joints, case_id, cases.cohort.class_names, probability, cases.ranges)


@dataclass(frozen=True, eq=False)
class _Question:
    """One class of a case, asked of the models of each fold that explains it.

    steps, seed: as `explain` takes them.
    """

    case_id: str
    class_name: str
    rather_than: str | None
    joints: list[Joint]
    target: Target
    steps: int
    seed: int


def explain_case(cases: Cases, case_id: str, asked: Asked, folder: Path) -> list[dict[str, Any]]:
    """Rows of one case; its arrays go into the folder."""
    config, rival = cases.config.explain, asked.rather_than
    rows: list[dict[str, Any]] = []
    if not (joints := cases.joints(case_id)):
        return rows
    for name in asked.classes or cases.likeliest(case_id, config.classes):
        if name == rival:
            continue
        target, seed = cases.target(name, rival), seed_of(cases.config.seed, case_id, name)
        question = _Question(case_id, name, rival, joints, target, config.steps, seed)
        rows += _answered(question, asked.methods, folder)
    return rows


def _answered(of: _Question, methods: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Rows by every method that reads an input of the case, and this kind of network."""
    said = [ask(joint, methods, of.target, of.steps, of.seed) for joint in of.joints]
    rows: list[dict[str, Any]] = []
    for method in methods:
        each = [one.explanations[method] for one in said if method in one.explanations]
        if len(each) < len(of.joints):
            continue
        found = merged(each)
        at = (FUSED, of.case_id, of.class_name, method)
        file = folder / Path(file_of(*at, of.rather_than)).name
        save_arrays(file, of.joints[0].as_given(found.located))
        shares, stable = _shares(of, method, found), _stability(of, method, each)
        rows += [
            {
                **row,
                "share_low": shares[row["input"]][0],
                "share_high": shares[row["input"]][1],
                "stability": stable.get(row["input"], float("nan")),
                "special": special_share(found, row["input"]),
            }
            for row in rows_of(*at, found, of.rather_than)
        ]
    return rows


def _shares(of: _Question, method: str, found: Explanation) -> dict[str, tuple[float, float]]:
    """Input -> lowest and highest share over the models of the case; NaN where there is one model,
    or where a method's scores are no parts of a sum."""
    n_models = sum(len(joint.models) for joint in of.joints)
    if n_models < 2 or not registry.load("attributions", method).ADDS_UP:
        return dict.fromkeys(found.sums, (float("nan"), float("nan")))
    each = [
        explain(joint.with_models([model]), method, of.target, of.steps, seed=of.seed, refine=False)
        for joint in of.joints
        for model in joint.models
    ]
    shares = {name: [e.share(name) for e in (found, *each)] for name in found.sums}
    return {name: (min(values), max(values)) for name, values in shares.items()}


def _stability(of: _Question, method: str, each: Sequence[Explanation]) -> dict[str, float]:
    """Input -> how like the explanation is to that of the slightly changed case, mean over the
    folds; inputs that are scored as a whole share that of their sums."""
    values: dict[str, list[float]] = {}
    for joint, found in zip(of.joints, each, strict=True):
        stable = stability_of(
            Look(of.case_id, of.class_name, method, joint, of.target, found, of.steps, of.seed)
        )
        for name in found.sums:
            if (value := stable.get(name, stable.get(JOINT))) is not None:
                values.setdefault(name, []).append(value)
    return {name: float(np.mean(of_folds)) for name, of_folds in values.items()}


def special_share(found: Explanation, name: str) -> float:
    """Share of a note's |attribution| on pieces that stand for no word; NaN where it has none."""
    located = found.located.get(name, {})
    if "special" not in located:
        return float("nan")
    special = float(np.sum(located["special"]))
    whole = special + float(np.abs(located["score"]).sum())
    return special / whole if whole else 0.0
