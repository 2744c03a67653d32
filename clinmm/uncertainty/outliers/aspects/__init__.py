"""One aspect of an input a file: what about it may be odd. A new file is a new aspect.

A file defines

    KIND                            image, note, record or signal
    UNIT                            a difference in the score below which nothing is odd
    learn(readings, patients, spec) -> what can be stored as JSON, from training cases, no labels
    score(facts, readings)          -> (n,), the higher the odder
    reason(facts, reading)          -> why, in a sentence without words of a note or ids

`readings` are those of `outliers/readings.py`, `patients` whose case each is, `spec` the cohort
file's entry for the input.
"""

import importlib
import pkgutil
from types import ModuleType


def of_kind(kind: str) -> dict[str, ModuleType]:
    """Name -> the aspects of inputs of a kind, alphabetical; empty for a kind that has none."""
    modules = {
        found.name: importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    }
    return {name: module for name, module in sorted(modules.items()) if kind == module.KIND}
