"""Decision curves: is acting on the estimates worth more than treating everyone, or no one?

Reference:
    Vickers & Elkin (2006), Medical Decision Making 26(6): net benefit over threshold probability.
"""

import pandas as pd

from clinmm.report.exhibit import MOST_CLASSES, Exhibit, exhibit
from clinmm.report.figures import LEFT, SIDE, TOP, Curve, Panel
from clinmm.report.material import Material, matching
from clinmm.report.wording import arm, class_label, number

_BELOW = 0.25
"""Of the plot, the share below a net benefit of 0."""


def decision_curves(material: Material) -> Exhibit:
    heading = "Decision curves"
    reading = (
        "Net benefit: true positives less false positives weighed by the odds of the threshold, "
        "per case. Worth using where the curve lies above both treating everyone and treating no "
        "one (dashed, 0). The band is the 95 % interval at each threshold; no verdict is drawn."
    )
    if "curves" not in material.tables:
        return exhibit("decision", heading, reading, material.absent("curves"))
    where = {"arm": material.arm, "group_by": "all", "pattern": "any"}
    points = matching(material.tables["curves"], where).dropna(subset=["x", "y"])
    model, everyone = (points[points["kind"] == k] for k in ("decision", "decision_treat_all"))
    panels, said = [], []
    for name in [c for c in material.classes if c in set(model["class_name"])][:MOST_CLASSES]:
        own = model[model["class_name"] == name].sort_values("x")
        others = everyone[everyone["class_name"] == name].sort_values("x")
        panels.append(panel(class_label(name), own, others, arm(material.arm)))
        said.append(f"{class_label(name)} {worth(own, others)}")
    words = f"Above treating everyone and no one, intervals aside: {'; '.join(said)}."
    missing = "No decision curve in this run."
    return exhibit("decision", heading, reading, missing, said=words, panels=panels)


def worth(model: pd.DataFrame, everyone: pd.DataFrame) -> str:
    """Thresholds at which the model lies above both alternatives, in words.

    model, everyone: curve rows of one class; thresholds that only one of them has are left out.
    """
    both = model.merge(everyone[["x", "y"]], on="x", suffixes=("", "_all"))
    above = both[(both["y"] > both["y_all"]) & (both["y"] > 0)]
    if not len(above):
        return "at no threshold"
    low, high = number(above["x"].min(), 2), number(above["x"].max(), 2)
    between = both[both["x"].between(above["x"].min(), above["x"].max())]
    if len(between) == len(above):
        return f"at thresholds {low} to {high}"
    return f"at {len(above)} of {len(between)} thresholds from {low} to {high}"


def panel(title: str, model: pd.DataFrame, everyone: pd.DataFrame, label: str) -> Panel:
    """Net benefit over threshold; what lies below the plot is not drawn.

    Args:
        title: of the panel.
        model, everyone: curve rows of one class, kinds decision and decision_treat_all, by x.
        label: of the model.
    """
    widest = float(pd.concat([model["y"], model["high"], everyone["y"]]).max())
    top = next((x for x in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8) if widest <= x), 1.0)
    bottom = -top * _BELOW / (1 - _BELOW)

    def at(x: float, y: float) -> str:
        down = (top - max(y, bottom)) / (top - bottom)
        return f"{LEFT + SIDE * x:.1f},{TOP + SIDE * down:.1f}"

    def path(rows: pd.DataFrame, column: str) -> list[str]:
        return [at(x, y) for x, y in zip(rows["x"], rows[column], strict=True)]

    band = model.dropna(subset=["low", "high"])
    outline = path(band, "high") + path(band, "low")[::-1]
    seen = everyone[everyone["y"] >= bottom]
    shown = model[model["y"] >= bottom]
    zero = at(0, 0).split(",")[1]
    return Panel(
        title=title,
        alt=f"Decision curve for {title}. Above treating everyone and no one "
        f"{worth(model, everyone)}.",
        x_name="threshold probability",
        y_name="net benefit",
        x_ticks=[(LEFT + SIDE * x, f"{x:g}") for x in (0, 0.25, 0.5, 0.75, 1)],
        y_ticks=[(float(at(0, y).split(",")[1]), f"{y:g}") for y in (0, top / 2, top)],
        curves=[
            Curve(label, " ".join(path(shown, "y")), 0, " ".join(outline) if len(band) > 1 else ""),
            Curve("treat everyone", " ".join(path(seen, "y")), 2),
        ],
        below=_behind(model),
        reference=f"{LEFT},{zero} {LEFT + SIDE},{zero}",
        legend_above=True,
    )


def _behind(model: pd.DataFrame) -> str:
    counts = model["n_cases"].dropna()
    if not len(counts):
        return ""
    first, last = int(counts.iloc[0]), int(counts.iloc[-1])
    return f"{first} cases called at the lowest threshold, {last} at the highest"
