"""What the report says of a continuous target: answers, and the evidence behind them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from clinmm.continuous.evaluate import KIND
from clinmm.continuous.intervals import COVERAGE, WIDTH
from clinmm.continuous.samples import METRICS
from clinmm.report.answer import Answer
from clinmm.report.answers import intake
from clinmm.report.exhibit import Exhibit, Sheet, exhibit
from clinmm.report.explained import explanations_hold, what_moves
from clinmm.report.figures import LEFT, SIDE, TOP, Curve, Dot, Panel
from clinmm.report.forest import forest
from clinmm.report.gap_sources import gap_sources
from clinmm.report.lines import difference_line, each, metric_line
from clinmm.report.material import Material, matching
from clinmm.report.sheets import enough
from clinmm.report.who import who_is_there
from clinmm.report.wording import arm, estimate, group, interval, metric, number, pattern

MOST_DOTS = 400
"""Cases drawn one by one; of more, every so many-th in the order of their ids."""


def is_of_values(material: Material) -> bool:
    """Whether the run predicts a value."""
    return bool((material.facts.get("target") or {}).get("kind") == "continuous")


def answers_of_values(material: Material) -> list[Answer]:
    """How far off, whether intervals hold, whom it fails, what intake found."""
    return [_errors(material), _intervals(material), _groups(material), intake(material)]


def exhibits_of_values(material: Material) -> list[Exhibit]:
    return [
        _numbers(material),
        _drawings(material),
        _patterns(material),
        who_is_there(material),
        _by_group(material),
        gap_sources(material),
        explanations_hold(material),
        what_moves(material),
    ]


def _unit(material: Material) -> str:
    return str(material.facts["target"].get("unit", ""))


def _errors(material: Material) -> Answer:
    question = "How far off are the values?"
    if not material.scored:
        return Answer(question, material.absent("metrics"))
    rows = material.metrics(metric="mae")
    lines = [
        metric_line(row, arm(row.arm), strong=row.arm == material.arm)
        for name in material.arms
        for row in each(rows[rows["arm"] == name])
    ]
    unit = _unit(material)
    head = ("Arm", f"{material.unit}s", f"mean absolute error, {unit}", "error (95 %)")
    said = f"Mean absolute error {lines[0].said} {unit}, {arm(material.arm)}." if lines else ""
    note = (
        f"Lower is better. Intervals are clustered by {material.unit}. An input alone is scored on "
        "the cases that have it."
    )
    return Answer(question, said, [forest("Error by arm", head, lines)] if lines else [], [note])


def _intervals(material: Material) -> Answer:
    question = "Do the intervals hold the observed value?"
    if not material.scored:
        return Answer(question, material.absent("metrics"))
    found = {
        name: next(each(material.metrics(metric=name, arm=material.arm)), None)
        for name in (COVERAGE, WIDTH)
    }
    covered, wide = found[COVERAGE], found[WIDTH]
    if covered is None or wide is None:
        return Answer(question, "No interval was promised: too few patients to calibrate on.")
    table = material.tables.get("prediction_sets")
    promised = ""
    if table is not None:
        share = matching(table, {"arm": material.arm})["coverage"].max()
        promised = f"Promised: {100 * share:.0f} of 100 {material.unit}s. "
    said = (
        f"{promised}Held: {estimate(covered)}. Mean width {number(wide.value, 2)} "
        f"{_unit(material)}."
    )
    remarks = [] if pd.isna(covered.flag) else [f"The interval lies {covered.flag}."]
    return Answer(question, said, [], remarks)


def _groups(material: Material) -> Answer:
    question = "Whom does it fail?"
    if "comparisons" not in material.tables:
        return Answer(question, material.absent("comparisons"))
    where = {"rival": "complement", "arm": material.arm}
    rows = matching(material.tables["comparisons"], where).dropna(subset=["difference"])
    if not len(rows):
        return Answer(question, "No group was compared with everyone else.")
    rows = rows.assign(first=rows["verdict"] != "worse").sort_values("first", kind="stable")
    lines = [
        difference_line(row, f"{group(row.group_by, row.group)}: {metric(row.metric)}")
        for row in each(rows)
    ]
    worse = [line.label for line, row in zip(lines, each(rows), strict=True) if not row.first]
    said = (
        f"Served worse: {'; '.join(worse)}." if worse else "No group was shown to be served worse."
    )
    head = ("Group: measure", f"{material.unit}s", "group − everyone else", "(95 %), verdict")
    drawn = forest("Each group against everyone else", head, lines, reference=0.0, centred=True)
    note = "Mean error above 0: values too high in the group, compared with everyone else."
    return Answer(question, said, [drawn], [note])


def _numbers(material: Material) -> Exhibit:
    reading = (
        "Mean error: above 0 predictions are too high. R squared: share of the spread explained. "
        "Concordance: how often two cases are put in the right order, .5 is chance. Slope: below 1 "
        "predictions are too extreme."
    )
    sheets, missing = [], ""
    if material.scored:
        rows = [
            [arm(name), _sizes(material.metrics(arm=name, metric="mae"))]
            + [_first(material.metrics(arm=name, metric=one)) for one in METRICS]
            for name in material.arms
        ]
        head = ["Arm", f"cases / {material.unit}s", *map(metric, METRICS)]
        caption = f"Recalibrated values on test {material.unit}s, with 95 % intervals"
        sheets = [Sheet(caption, head, rows)]
    else:
        missing = material.absent("metrics")
    return exhibit("numbers", "All headline numbers", reading, missing, sheets=sheets)


def _patterns(material: Material) -> Exhibit:
    reading = f"Of {arm(material.arm)}, for the cases in which exactly these inputs were present."
    sheets, others = [], ""
    if material.scored:
        rows = material.metrics(arm=material.arm, pattern=None)
        rows, others = enough(rows[rows["pattern"] != "any"])
        reading += others
        lines = [
            [pattern(str(name)), _sizes(of[of["metric"] == "mae"])]
            + [_first(of[of["metric"] == one]) for one in ("mae", "mean_error", COVERAGE)]
            for name, of in rows.groupby("pattern", sort=True)
        ]
        head = ["Inputs present", f"cases / {material.unit}s", "error", "mean error", "intervals"]
        sheets = [Sheet("Error by the inputs present", head, lines)] if lines else []
    missing = others.strip() or "Every case had the same inputs."
    missing = missing if material.scored else material.absent("metrics")
    return exhibit("patterns", "When inputs are missing", reading, missing, sheets=sheets)


def _by_group(material: Material) -> Exhibit:
    reading = f"Mean absolute error of {arm(material.arm)}; the dashed line is everyone."
    missing = f"No group was scored. Make it with: clinmm audit {material.run.folder.name}"
    if not material.scored:
        return exhibit("groups", "By group", reading, material.absent("metrics"))
    rows = material.metrics(metric="mae", arm=material.arm, group_by=None)
    whole = rows[rows["group_by"] == "all"]
    lines = [metric_line(row, "everyone", strong=True) for row in each(whole)]
    rows = rows[rows["group_by"] != "all"]
    lines += [metric_line(row, group(row.group_by, row.group)) for row in each(rows)]
    head = ("Group", f"{material.unit}s", "error", "error (95 %)")
    at = float(whole.iloc[0]["value"]) if len(whole) else None
    drawn = [forest("Mean absolute error by group", head, lines, reference=at)] if len(rows) else []
    return exhibit("groups", "By group", reading, missing, forests=drawn)


def _drawings(material: Material) -> Exhibit:
    reading = (
        "Left: points on the dashed line are right; hollow points are cases, filled ones means of "
        "as many cases each, with 95 % intervals. Right, after Bland and Altman: predicted less "
        "observed value over their mean; the lines are the mean difference and 1.96 standard "
        "deviations either side, between which 95 % of cases lie if differences are normal."
    )
    cases = cases_of(material)
    if not len(cases):
        missing = material.absent("predictions")
        return exhibit("values", "Predicted and observed", reading, missing)
    panels = [_against(material, cases), bland_altman(cases, _unit(material))]
    return exhibit("values", "Predicted and observed", reading, "", panels=panels)


def cases_of(material: Material) -> pd.DataFrame:
    """Test cases of the headline arm with an observed value: case_id, value (mean over repeats),
    target."""
    if "predictions" not in material.tables:
        return pd.DataFrame(columns=["case_id", "value", "target"])
    rows = matching(material.tables["predictions"], {"arm": material.arm, "split": "test"})
    rows = rows.dropna(subset=["value", "target"])
    return rows.groupby("case_id", sort=True)[["value", "target"]].mean().reset_index()


def _against(material: Material, cases: pd.DataFrame) -> Panel:
    low, high = _ends([*cases["value"], *cases["target"]])
    dots = [
        _dot(row.value, row.target, (low, high), (low, high), f"case {row.case_id}", hollow=True)
        for row in each(_thinned(cases))
    ]
    if "curves" in material.tables:
        where = {"kind": KIND, "arm": material.arm, "group_by": "all", "pattern": "any"}
        for row in each(matching(material.tables["curves"], where)):
            said = f"predicted {row.x:.1f}, observed {row.y:.1f} ({interval(row.low, row.high)})"
            one = _dot(row.x, row.y, (low, high), (low, high), said, hollow=False)
            ends = [_height(min(max(end, low), high), (low, high)) for end in (row.high, row.low)]
            dots.append(Dot(one.x, one.y, ends[0], ends[1], said))
    unit = _unit(material)
    return Panel(
        title=material.classes[0],
        alt=f"Observed over predicted value in {unit}, {len(cases)} cases.",
        x_name=f"predicted, {unit}",
        y_name=f"observed, {unit}",
        x_ticks=round_ticks((low, high), down=False),
        y_ticks=round_ticks((low, high), down=True),
        dots=dots,
        below=_thinning(cases),
    )


def bland_altman(cases: pd.DataFrame, unit: str) -> Panel:
    """Difference over mean of predicted and observed value, with the limits of agreement."""
    mean = (cases["value"] + cases["target"]) / 2
    apart = cases["value"] - cases["target"]
    bias, spread = float(apart.mean()), float(apart.std(ddof=1)) if len(apart) > 1 else 0.0
    wide = _ends(list(mean))
    reach = _around_zero([*apart, bias - 1.96 * spread, bias + 1.96 * spread])
    lines = [
        Curve("", f"{LEFT},{_height(at, reach)} {LEFT + SIDE},{_height(at, reach)}", colour)
        for at, colour in ((bias, 0), (bias - 1.96 * spread, 1), (bias + 1.96 * spread, 1))
    ]
    drawn = _thinned(cases.assign(mean=mean, apart=apart))
    zero = _height(0.0, reach)
    return Panel(
        title="Difference over mean",
        alt=f"Bland-Altman plot: mean difference {bias:.2f} {unit}, limits of agreement "
        f"{bias - 1.96 * spread:.2f} to {bias + 1.96 * spread:.2f}.",
        x_name=f"mean of both, {unit}",
        y_name="predicted − observed",
        x_ticks=round_ticks(wide, down=False),
        y_ticks=round_ticks(reach, down=True),
        curves=lines,
        dots=[
            _dot(row.mean, row.apart, wide, reach, f"case {row.case_id}", hollow=True)
            for row in each(drawn)
        ],
        below=f"mean {number(bias, 2)}, limits of agreement {number(bias - 1.96 * spread, 2)} to "
        f"{number(bias + 1.96 * spread, 2)} {unit}",
        reference=f"{LEFT},{zero} {LEFT + SIDE},{zero}",
    )


Ends = tuple[float, float]


def _ends(values: Sequence[float]) -> Ends:
    """The round numbers around all values."""
    low, high = float(np.min(values)), float(np.max(values))
    step = 10.0 ** math.floor(math.log10(high - low)) / 2 if high > low else 0.5
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (low, high) if high > low else (low - step, high + step)


def _around_zero(values: Sequence[float]) -> Ends:
    """The same length either side of 0."""
    furthest = max(map(abs, _ends([*values, 0.0])))
    return -furthest, furthest


def _height(value: float, ends: Ends) -> float:
    return round(TOP + SIDE * (ends[1] - value) / (ends[1] - ends[0]), 1)


def _dot(x: float, y: float, wide: Ends, reach: Ends, said: str, *, hollow: bool) -> Dot:
    across = round(LEFT + SIDE * (x - wide[0]) / (wide[1] - wide[0]), 1)
    return Dot(across, _height(y, reach), None, None, said, hollow)


def round_ticks(ends: Ends, *, down: bool) -> list[tuple[float, str]]:
    """Three to six multiples of 1, 2 or 5 times a power of ten, within the ends."""
    low, length = ends[0], ends[1] - ends[0]
    power = 10.0 ** math.floor(math.log10(length))
    step = next(part * power for part in (0.2, 0.5, 1.0, 2.0) if length / (part * power) <= 5)
    ticks = []
    for i in range(math.ceil(low / step - 1e-9), math.floor(ends[1] / step + 1e-9) + 1):
        part = (i * step - low) / length
        place = TOP + SIDE * (1 - part) if down else LEFT + SIDE * part
        ticks.append((place, f"{i * step:.6g}".replace("-", "−")))
    return ticks


def _thinned(cases: pd.DataFrame) -> pd.DataFrame:
    return cases.iloc[:: -(-len(cases) // MOST_DOTS)] if len(cases) > MOST_DOTS else cases


def _thinning(cases: pd.DataFrame) -> str:
    drawn = len(_thinned(cases))
    return f"{len(cases)} cases" + ("" if drawn == len(cases) else f", {drawn} of them drawn")


def _first(rows: pd.DataFrame) -> str:
    return next(map(estimate, each(rows)), "–")


def _sizes(rows: pd.DataFrame) -> str:
    row: Any = next(each(rows), None)
    return "–" if row is None else f"{row.n_cases} / {row.n_patients}"
