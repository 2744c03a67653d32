"""Light and dark: every colour of style.css in both, readable in both, and nothing beside them."""

import re
import tomllib
from pathlib import Path

import plotly.graph_objects as go
import pytest

from dashboards import charts, theme

HERE = Path(__file__).parents[2] / "dashboards"
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
CONFIG = tomllib.loads((HERE / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
PAIRS = re.findall(r"--cm-([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLE)
COLOURS = {
    theme: {name: pair[dark] for name, *pair in PAIRS}
    for dark, theme in enumerate(("light", "dark"))
}
GROUNDS = ("ground", "card", "soft")
TEXTS = ("ink", "quiet", "accent", "for", "against", "good", "warn", "bad")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in levels]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def mixed(colour: str, share: float, other: str) -> str:
    """color-mix(in srgb, colour share, other)."""
    parts = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in parts)


def test_contrast_by_hand() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_is_readable_on_every_ground(name: str) -> None:
    of = COLOURS[name]
    weak = {
        (text, ground): round(contrast(of[text], of[ground]), 2)
        for text in TEXTS
        for ground in GROUNDS
        if contrast(of[text], of[ground]) < 4.5
    }
    assert not weak
    assert contrast(of["on-accent"], of["accent"]) >= 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("kind", ["good", "warn", "bad"])
def test_text_is_readable_on_what_is_good_doubtful_or_bad(name: str, kind: str) -> None:
    of = COLOURS[name]
    share = int(re.findall(rf"--cm-{kind}-soft: color-mix\(in srgb, [^ ]+ (\d+)%", STYLE)[0]) / 100
    ground = mixed(of[kind], share, of["card"])
    for text in ("ink", "quiet"):
        assert contrast(of[text], ground) >= 4.5, (text, kind)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_for_and_against_stay_apart_for_every_kind_of_colour_vision(name: str) -> None:
    """One is warm and one is cool: red above blue, and blue above red."""
    for kind in ("", "-fill"):
        warm, cool = COLOURS[name][f"for{kind}"], COLOURS[name][f"against{kind}"]
        assert int(warm[1:3], 16) > int(warm[5:7], 16) + 60
        assert int(cool[5:7], 16) > int(cool[1:3], 16) + 60


def test_no_colour_stands_outside_the_variables() -> None:
    rules = STYLE[STYLE.index("}", STYLE.index(":root")) :]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*[;}])", rules)
    used = set(re.findall(r"var\(--cm-([a-z-]+)", STYLE))
    known = set(re.findall(r"--cm-([a-z-]+):", STYLE))
    assert used <= known


def test_streamlit_is_given_the_same_colours() -> None:
    keys = {"backgroundColor": "ground", "textColor": "ink", "linkColor": "accent"}
    keys |= {"borderColor": "line", "primaryColor": "accent"}
    for name, of in COLOURS.items():
        for key, colour in keys.items():
            assert CONFIG["theme"][name][key] == of[colour], (name, key)


def test_the_reader_can_choose_and_nothing_is_fetched_from_elsewhere() -> None:
    assert CONFIG["client"]["toolbarMode"] != "minimal"  # it would hide the menu with the choice
    assert "base" not in CONFIG["theme"]
    assert "//" not in STYLE
    assert "url(" not in STYLE


def test_what_opens_above_the_page_is_light_where_no_browser_says_otherwise() -> None:
    assert theme.scheme() == ":root { color-scheme: light; }"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_lines_of_charts_are_seen_on_both(name: str) -> None:
    ground = COLOURS[name]["card"]
    first = (*charts.OKABE_ITO[:4], charts.NEUTRAL)
    assert min(contrast(colour, ground) for colour in first) >= 3


def test_charts_leave_text_grid_and_ground_to_the_stylesheet() -> None:
    for drawn in (r"text:not\(.hoverlayer text\) { fill", r"\.gridlayer path { stroke"):
        assert re.search(rf"\.js-plotly-plot {drawn}: var\(--cm-[a-z]+\) !important", STYLE)
    figure = charts._calm(go.Figure(), 100)
    assert figure.layout.font.color is None
    assert figure.layout.xaxis.gridcolor is None
    assert figure.layout.plot_bgcolor == figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
