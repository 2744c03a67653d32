"""What the command line says in text: thresholds, operating points, prevalences, deferral."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from clinmm.arms import FUSED
from clinmm.config import CalibrateConfig, DeferralConfig, SetsConfig
from clinmm.errors import InputError
from clinmm.outside_predictions.cells import numbers, read_text
from clinmm.thresholds import OperatingPoint

POINT = "given"
"""Name of the operating point of a decision column or of --threshold."""


def thresholds_of(given: str, classes: list[str], problems: list[str]) -> pd.DataFrame | None:
    """Rows of schema.THRESHOLDS from a number, or from a CSV of class_name, threshold."""
    by_class: dict[str, float] = {}
    try:
        by_class = dict.fromkeys(classes, float(given))
    except ValueError:
        table = read_text(Path(given))
        if lacking := [c for c in ("class_name", "threshold") if c not in table.columns]:
            problems.append(f"{given}: missing columns {lacking}.")
            return None
        limits = numbers(table["threshold"], f"{given}: threshold", problems)
        if n_twice := int(table["class_name"].duplicated().sum()):
            problems.append(f"{given}: {n_twice} classes have two thresholds.")
        by_class = dict(zip(table["class_name"], limits, strict=True))
    if absent := sorted(set(classes) - set(by_class)):
        problems.append(f"no threshold for classes {absent}. Add them to {given}.")
    wrong = {name: t for name, t in by_class.items() if not 0 <= t <= 1}
    if wrong:
        problems.append(f"thresholds must lie in [0, 1]; these do not: {wrong}.")
    return pd.DataFrame(
        [(FUSED, 0, 0, name, POINT, by_class[name]) for name in classes if name in by_class],
        columns=["arm", "repeat", "fold", "class_name", "operating_point", "threshold"],
    )


def operating_points(texts: Sequence[str]) -> dict[str, OperatingPoint]:
    """Operating points from `NAME=POLICY:VALUE`, or `NAME=youden`.

    Raises:
        InputError: every text that is none.

    >>> operating_points(["screening=sensitivity:.9"])["screening"].sensitivity
    0.9
    """
    found: dict[str, OperatingPoint] = {}
    problems = []
    for text in texts:
        name, equals, rest = text.partition("=")
        policy, _, value = rest.partition(":")
        bare = policy == "youden"  # the one policy without a value
        if not name or not equals or bare == bool(value) or name == POINT or name in found:
            problems.append(
                f"'{text}' is no operating point. Write NAME=POLICY:VALUE as in "
                f"screening=sensitivity:.9, or NAME=youden; each name once, and none `{POINT}`."
            )
            continue
        try:
            found[name] = OperatingPoint.model_validate({policy: value or True})
        except ValidationError as error:
            policies = ", ".join(OperatingPoint.model_fields)
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            problems.append(f"'{text}': {said}. Policies: {policies}.")
    if problems:
        raise InputError(problems)
    return found


def prevalences(texts: Sequence[str]) -> dict[str, float]:
    """Class -> prevalence from `CLASS=SHARE`.

    Raises:
        InputError: every text that is none.

    >>> prevalences(["pneumonia=.05"])
    {'pneumonia': 0.05}
    """
    found, problems = {}, []
    for text in texts:
        name, _, share = text.rpartition("=")
        number = _number(share)
        if name and number is not None and 0 < number < 1:
            found[name] = number
        else:
            problems.append(f"'{text}' is no prevalence. Write CLASS=SHARE as in pneumonia=.05.")
    if problems:
        raise InputError(problems)
    return found


def rules_of(coverage: float, defer: str) -> CalibrateConfig:
    """Settings for what is fitted on calibration patients.

    Args:
        coverage: of prediction sets.
        defer: `share:VALUE` or `risk:VALUE`.

    Raises:
        InputError: a coverage outside [.5, 1), or a deferral that is none.

    >>> rules_of(.95, "risk:.02").deferral.risk
    0.02
    """
    rule, _, text = defer.partition(":")
    value = _number(text)
    problems = []
    if not 0.5 <= coverage < 1:
        problems.append(f"--coverage is at least 0.5 and below 1, got {coverage:g}.")
    if rule not in DeferralConfig.model_fields or value is None or not 0 < value < 1:
        problems.append(f"--defer '{defer}': write share:.2 or risk:.05, between 0 and 1.")
    if problems:
        raise InputError(problems)
    return CalibrateConfig(
        sets=SetsConfig(coverage=coverage), deferral=DeferralConfig.model_validate({rule: value})
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
