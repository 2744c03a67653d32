"""Whether the explanations hold, and what moves the answers over the whole cohort."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from clinmm.arms import FUSED
from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.forest import Forest, Line, forest
from clinmm.report.lines import each
from clinmm.report.material import Material, matching
from clinmm.report.wording import (
    class_label,
    counted,
    interval,
    listing,
    method_name,
    number,
    present,
    signed,
    unstopped,
)

MOST_EFFECTS = 10
"""Columns and words drawn for each class: those with the largest means."""
MOST_DRAWN = 4
"""Classes whose columns and words are drawn."""
VERDICTS = {"pass": "passed", "weak": "weak", "fail": "failed"}


def explanations_hold(material: Material) -> Exhibit:
    """The verdicts of the audit, and what became of the explained cases."""
    heading = "Do the explanations hold?"
    reading = (
        "Each method was tested for each input and class: whether its numbers add up, are stable, "
        "come from what the model has learned, and name what the model leans on. Passed: the "
        f"estimate and its 95 % interval by {material.unit} are on the good side of every bound. "
        "Weak: the estimate alone. Only what passed is drawn. A passed explanation says what moved "
        "this model, not that the model is right."
    )
    if material.kind == "prediction":
        missing = "The explanations of new cases stand under the verdicts of their study."
        sheets = list(_cases(material))
        return exhibit("explanations", heading, reading, missing, sheets=sheets)
    if "explanation_audit" not in material.tables:
        return exhibit("explanations", heading, reading, material.absent("explanation_audit"))
    audit = matching(material.tables["explanation_audit"], {"arm": FUSED, "group_by": "all"})
    overall = matching(audit, {"test": "overall"})
    if not len(overall):
        return exhibit("explanations", heading, reading, "No explanation was judged.")
    sheets = [_verdicts(overall, _fewest(audit), material), *_cases(material)]
    folded = [_tests(audit, material)]
    said = _said(overall)
    return exhibit(
        "explanations",
        heading,
        reading,
        "",
        said=said,
        folded_as="Every test: the numbers behind the verdicts",
        sheets=sheets,
        folded=folded,
    )


def what_moves(material: Material) -> Exhibit:
    """Shares of the inputs, and the columns and words that add most, over the test cases."""
    heading = "What moves the answers"
    scale = str((material.facts.get("target") or {}).get("unit") or "logits")
    reading = (
        f"Each test case asked again without the thing; mean change over the {material.unit}s who "
        f"have it, with 95 % intervals clustered by {material.unit}. Right of 0 speaks for the "
        "class. The largest are shown, so they are a little too large. An effect is the model's, "
        "not a cause."
    )
    if "effects" not in material.tables:
        missing = material.absent("effects")
        if material.kind == "prediction":
            missing = "Effects are those of the study's test cases: see the report of that study."
        return exhibit("effects", heading, reading, missing)
    table = matching(material.tables["effects"], {"arm": FUSED})
    table = table.dropna(subset=["value"])
    there = [name for name in material.classes if name in set(table["class_name"])]
    forests = [
        *_shares(table, there, material),
        *_effects(table, there[:MOST_DRAWN], scale, material),
    ]
    if len(there) > MOST_DRAWN:
        reading += f" Columns and words of the first {MOST_DRAWN} classes; the run has the others."
    missing = "Too few patients for any effect."
    said = _most_used(table, there)
    return exhibit("effects", heading, reading, missing, said=said, forests=forests)


# --- verdicts --------------------------------------------------------------------------------
def _said(overall: pd.DataFrame) -> str:
    n = overall["verdict"].value_counts()
    passed = int(n.get("pass", 0))
    what = f"{counted(len(overall), 'explanation')} (method, input and class)"
    withheld = f"{n.get('weak', 0)} weak and {n.get('fail', 0)} failed ones are withheld."
    if not passed:
        return f"None of {what} passed the audit, and none is drawn: {withheld}"
    said = f"{passed} of {what} passed the audit and may be drawn; {withheld}"
    good = overall[overall["verdict"] == "pass"]
    nothing = [
        name for name in overall["class_name"].unique() if name not in set(good["class_name"])
    ]
    if nothing:
        said += f" Nothing is drawn for {listing([class_label(name) for name in nothing])}."
    return said


def _fewest(audit: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """(method, input, class) -> patients behind the smallest of the tests that it needed."""
    needed = audit[audit["needed"] == "yes"]
    found: dict[tuple[str, str, str], int] = {}
    for row in each(needed):
        at = (row.method, row.input, row.class_name)
        found[at] = min(found.get(at, row.n_patients), row.n_patients)
    return found


def _verdicts(
    overall: pd.DataFrame, fewest: dict[tuple[str, str, str], int], material: Material
) -> Sheet:
    names = material.in_order(overall["class_name"])[:MOST_CLASSES]
    rows = [
        [
            method_name(row.method),
            _input(row.input),
            class_label(row.class_name),
            VERDICTS.get(row.verdict, "not judged"),
            str(fewest.get((row.method, row.input, row.class_name), row.n_patients)),
            main_reason(row.reason),
        ]
        for row in each(_sorted(overall[overall["class_name"].isin(names)], names))
    ]
    caption = "Verdict by method, input and class, with the main reason"
    if len(names) < overall["class_name"].nunique():
        caption += f", the first {len(names)} classes"
    head = ["Method", "Input", "class", "verdict", f"{material.unit}s at least"]
    head.append("why it is withheld")
    return Sheet(caption, head, rows, keys=3, grouped=True)


def _sorted(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Methods in the order of the audit, inputs in the alphabet's, classes in the cohort's."""
    methods = list(dict.fromkeys(rows["method"]))
    return (
        rows.assign(m=rows["method"].map(methods.index), c=rows["class_name"].map(names.index))
        .sort_values(["m", "input", "c"], kind="stable")
        .drop(columns=["m", "c"])
    )


def main_reason(reason: Any) -> str:
    """The first reason of several, and how many there are besides.

    >>> main_reason("deletion: .1 (-.1 to .3), wanted above 0; stability: .2, wanted above .5")
    'deletion: .1 (-.1 to .3), wanted above 0 (and 1 more)'
    """
    if not present(reason):
        return ""
    first, *others = str(reason).split("; ")
    return f"{unstopped(first)} (and {len(others)} more)" if others else unstopped(first)


def _input(name: str) -> str:
    return "all together" if name == "joint" else name


def _tests(audit: pd.DataFrame, material: Material) -> Sheet:
    """Every test: the numbers that the verdicts rest on."""
    names = material.in_order(audit["class_name"])[:MOST_CLASSES]
    rows = [
        [
            method_name(row.method),
            _input(row.input),
            class_label(row.class_name),
            str(row.test).replace("_", " "),
            f"{number(row.value)} ({interval(row.low, row.high)})",
            number(row.bound) if present(row.bound) else "told only",
            VERDICTS.get(row.verdict, ""),
            str(row.n_patients),
        ]
        for row in each(_sorted(audit[audit["class_name"].isin(names)], names))
        if row.test != "overall"
    ]
    head = ["Method", "Input", "class", "test", "mean (95 %)", "bound", "verdict"]
    return Sheet("Every test", [*head, f"{material.unit}s"], rows, keys=4, grouped=True)


def _cases(material: Material) -> Iterator[Sheet]:
    """Of the cases that were explained: how many are drawn, and why others are not."""
    if "explanations" not in material.tables:
        return
    table = material.tables["explanations"]
    table = table[table["rather_than"].isna()]
    rows = []
    ordered = table.groupby(["method", "input"], sort=False)
    methods = list(dict.fromkeys(table["method"]))
    for (method, name), of in sorted(ordered, key=lambda one: methods.index(one[0][0])):
        withheld = of[of["status"] != "pass"]
        commonest = withheld["reason"].map(main_reason).value_counts()
        why = str(commonest.index[0]) if len(commonest) else ""
        said = f"{len(of) - len(withheld)} of {len(of)}"
        rows.append([method_name(str(method)), str(name), said, why])
    head = ["Method", "Input", "drawn", "commonest reason of the others"]
    yield Sheet("Explanations of single cases that are drawn", head, rows, keys=2, grouped=True)


# --- effects ---------------------------------------------------------------------------------
def _shares(table: pd.DataFrame, names: list[str], material: Material) -> list[Forest]:
    rows = table[table["kind"] == "input"]
    lines: list[Line] = []
    for name in names[:MOST_CLASSES]:
        of = rows[rows["class_name"] == name].sort_values("value", ascending=False)
        if len(of):
            lines.append(Line(class_label(name), "", "", heading=True))
        for row in each(of):
            said = f"{number(row.value, 2)} ({number(row.low, 2)} to {number(row.high, 2)})"
            lines.append(Line(row.input, str(row.n_patients), said, row.value, row.low, row.high))
    if not lines:
        return []
    head = ("Input", f"{material.unit}s", "mean share", "mean share (95 %)")
    caption = "Share of each input: its |Shapley value| over the sum of all, cases that have it"
    return [forest(caption, head, lines, reference=0.0)]


def _effects(
    table: pd.DataFrame, names: list[str], scale: str, material: Material
) -> Iterator[Forest]:
    rows = table[table["kind"] != "input"]
    lines: dict[str, list[Line]] = {}
    for name in names:
        here = rows[rows["class_name"] == name]
        largest = here.loc[here["value"].abs().sort_values(ascending=False).index[:MOST_EFFECTS]]
        lines[name] = [_line(row) for row in each(largest.sort_values("value", ascending=False))]
    among = [line for of in lines.values() for line in of]
    head = ("Column or word", f"{material.unit}s", "against | for", f"mean change, {scale} (95 %)")
    for name, of in lines.items():
        if of:
            caption = f"What adds most: {class_label(name)}"
            yield forest(caption, head, of, reference=0.0, centred=True, among=among)


def _line(row: Any) -> Line:
    label = {"word": f"“{row.part}”", "not_recorded": f"{row.part}, not recorded"}
    said = f"{signed(row.value)} ({interval(row.low, row.high)})"
    strong = bool(row.low > 0 or row.high < 0)
    name = f"{row.input}: {label.get(row.kind, row.part)}"
    return Line(name, str(row.n_patients), said, row.value, row.low, row.high, strong)


def _most_used(table: pd.DataFrame, names: list[str]) -> str:
    """The input with the largest mean share, where there are several."""
    rows = table[(table["kind"] == "input") & table["class_name"].isin(names)]
    shares = rows.groupby("input")["value"].mean()
    if len(shares) < 2:
        return ""
    over = ", mean over the classes" if len(names) > 1 else ""
    top = f"{100 * shares.max():.0f} %"
    return f"The model leans most on {shares.idxmax()}: {top} of what moved its answers{over}."
