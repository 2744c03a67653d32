"""Columns of a record named by a pattern, `gene_*`, become the columns of the table."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clinmm.cohort.inputs import RecordInput
from clinmm.cohort.spec import CohortSpec
from clinmm.errors import InputError


def is_pattern(name: str) -> bool:
    """
    >>> is_pattern("gene_*"), is_pattern("age")
    (True, False)
    """
    return "*" in name


def matching(pattern: str, columns: Iterable[str]) -> list[str]:
    """The columns that the pattern stands for, in their order; `*` is any number of letters.

    >>> matching("gene_*", ["age", "gene_A", "gene_B", "old_gene_A"])
    ['gene_A', 'gene_B']
    """
    rule = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return [column for column in columns if rule.fullmatch(column)]


def expanded(spec: CohortSpec, columns: Iterable[str], source: str) -> CohortSpec:
    """The cohort file with every pattern replaced by the columns of the table.

    A pattern stands for columns that the file names nowhere else, so that neither the target nor
    an id can slip in. A column whose own name holds a `*` is that column.

    Args:
        spec: the cohort file as written.
        columns: of the table. source: the file's name, for errors.

    Raises:
        InputError: patterns that match no column, or two that match the same one.
    """
    records = {n: one for n, one in spec.inputs.items() if isinstance(one, RecordInput)}
    known = list(columns)
    if not any(is_pattern(c) and c not in known for r in records.values() for c in _named(r)):
        return spec
    free = [column for column in known if column not in _taken(spec)]
    owner: dict[str, str] = {}
    both: dict[tuple[str, str], list[str]] = {}
    problems: list[str] = []

    def stands_for(where: str, name: str) -> list[str]:
        if not is_pattern(name) or name in known:
            return [name]
        found = matching(name, free)
        if not found:
            problems.append(
                f"{source}.inputs.{where}: no column of the table that is not named elsewhere "
                f"matches '{name}'. Correct the pattern, or take it out."
            )
        for column in found:
            if (first := owner.setdefault(column, f"{where} '{name}'")) != f"{where} '{name}'":
                both.setdefault((first, f"{where} '{name}'"), []).append(column)
        return found

    written = {}
    for input_name, record in records.items():
        of = {n: stands_for(f"{input_name}.numeric", n) for n in record.numeric}
        words = [
            column
            for name in record.categorical
            for column in stands_for(f"{input_name}.categorical", name)
        ]
        written[input_name] = record.model_dump() | {
            "numeric": {c: unit for n, unit in record.numeric.items() for c in of[n]},
            "ranges": {c: ends for n, ends in record.ranges.items() for c in of.get(n, [])},
            "references": {c: ends for n, ends in record.references.items() for c in of.get(n, [])},
            "categorical": words,
        }
    for (first, second), columns_of_both in both.items():
        more = f" and {len(columns_of_both) - 1} more" if len(columns_of_both) > 1 else ""
        problems.append(
            f"{source}.inputs: column '{columns_of_both[0]}'{more} matches {first} and {second}. "
            "Make the patterns exclude each other."
        )
    if problems:
        raise InputError(problems)
    new = {name: RecordInput.model_validate(one) for name, one in written.items()}
    return spec.model_copy(update={"inputs": {**spec.inputs, **new}})


def record_columns(source: RecordInput, cells: Mapping[Any, Any]) -> dict[str, str]:
    """Column -> unit ("" of a categorical one) of a record as written, for a row of the run's case
    table, which has no other columns than those that the file names.

    Columns that the file names one by one come before those of a pattern.

    >>> source = RecordInput(kind="record", numeric={"gene_*": "counts", "age": "years"})
    >>> record_columns(source, {"case_id": "c1", "age": 60.0, "gene_A": 3.0})
    {'age': 'years', 'gene_A': 'counts'}
    """
    units = dict(source.numeric) | dict.fromkeys(source.categorical, "")
    if not any(map(is_pattern, units)):
        return units
    names = [str(name) for name in cells if str(name) not in units]
    return {
        column: unit
        for name, unit in sorted(units.items(), key=lambda one: is_pattern(one[0]))
        for column in ([name] if not is_pattern(name) or name in cells else matching(name, names))
    }


def _named(record: RecordInput) -> tuple[str, ...]:
    return (*record.numeric, *record.categorical)


def _taken(spec: CohortSpec) -> set[str]:
    """Columns that the file names, and those that a run's case table has of its own."""
    own = {"case_id", "patient_id", "pattern", *spec.inputs}
    own |= {f"{name}_{what}" for name in spec.inputs for what in ("sha256", "display")}
    return own | {column for _, column in (*spec.table_columns(), *spec.declared())}
