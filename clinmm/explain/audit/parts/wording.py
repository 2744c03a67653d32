"""What the audit says, in words and short numbers."""

from collections.abc import Mapping
from typing import Any

from clinmm.explain.audit.parts.rules import Rule


def holds(value: float, rule: Rule) -> bool:
    """Whether the number lies on the good side of the bound; NaN does not."""
    return bool(value > rule.bound if rule.above is not None else value < rule.bound)


def wanted(rule: Rule) -> str:
    """The rule in words.

    >>> wanted(Rule(below=0.5))
    'below .5'
    """
    return f"{'above' if rule.above is not None else 'below'} {short(rule.bound)}"


def in_words(test: str) -> str:
    return test.replace("_", " ")


def short(number: float) -> str:
    """Two significant decimals, no zero before the point.

    >>> short(0.5), short(-0.123), short(12.0)
    ('.5', '-.12', '12')
    """
    text = f"{number:.2f}".rstrip("0").rstrip(".").replace("-0.", "-.")
    if text in ("-0", "-"):
        return "0"
    return text.removeprefix("0") if text.startswith("0.") else text


def mean_in_words(row: Mapping[str, Any]) -> str:
    """A mean with its interval, where it has one."""
    if row["low"] != row["low"]:  # NaN
        return short(row["value"])
    return f"{short(row['value'])} ({short(row['low'])} to {short(row['high'])})"
