"""Every test of every method on one case and class."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.audit.parts.look import Look, Retrained
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target


class Said(NamedTuple):
    """What methods say of one case and class, and why others say nothing."""

    explanations: dict[str, Explanation]
    refused: dict[str, str]


def ask(joint: Joint, methods: Sequence[str], target: Target, steps: int, seed: int) -> Said:
    """The case explained by each method that reads one of its inputs."""
    said = Said({}, {})
    kinds = {joint.kind(name) for name in joint.names}
    for method in methods:
        if kinds.isdisjoint(registry.load("attributions", method).READS):
            continue
        try:
            said.explanations[method] = explain(joint, method, target, steps, seed=seed)
        except InputError as error:
            said.refused[method] = str(error)
    return said


def readings_of(
    case_id: str,
    class_name: str,
    joint: Joint,
    target: Target,
    said: Said,
    *,
    steps: int,
    seed: int,
    retrained: Sequence[Retrained] = (),
    masks: Mapping[str, NDArray[np.bool_]] | None = None,
    families: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """method, input, test, value of every test that could be made; a test that is not defined for
    the case gives none. families: files of clinmm/explain/audit, all by default."""
    asked = families or registry.available("explanation_tests")
    tests = [registry.load("explanation_tests", name) for name in asked]
    rows = []
    for method, found in said.explanations.items():
        others = {name: other for name, other in said.explanations.items() if name != method}
        look = Look(
            case_id,
            class_name,
            method,
            joint,
            target,
            found,
            steps,
            seed,
            retrained=retrained,
            masks=masks or {},
            others=others,
        )
        rows += [
            {"method": method, **reading._asdict()}
            for test in tests
            for reading in test.measure(look)
            if math.isfinite(reading.value)
        ]
    return rows
