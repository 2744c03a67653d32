"""A table whose cells carry a number on a shade; suppressed cells are hatched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dashboards.language import t

_WORSE, _BETTER, _PLAIN = "230,159,0", "86,180,233", "0,114,178"
"""Orange, sky blue and blue of Okabe and Ito: told apart with any kind of colour vision."""


@dataclass(frozen=True)
class Cell:
    """said: the number; below: its interval or n. shade: 0 to 1, or where `signed` -1 (worse) to 1
    (better). suppressed: hatched, `said` says why. mark: stands before the number."""

    said: str
    below: str = ""
    shade: float = 0.0
    signed: bool = False
    suppressed: bool = False
    mark: str = ""


def heat(
    corner: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
) -> str:
    """HTML of the table. A pair that has no cell stays empty."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f"<tr><th scope='row'>{escape(row)}</th>"
        + "".join(_cell(cells.get((row, column))) for column in columns)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table class="heat"><thead><tr><th scope="col">{escape(corner)}</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return f'<td class="quiet">{escape(t("nobody"))}</td>'
    below = f'<div class="small">{escape(cell.below)}</div>' if cell.below else ""
    if cell.suppressed:
        return f'<td class="hatched">{escape(cell.said)}{below}</td>'
    strength = min(abs(cell.shade), 1.0)
    colour = _PLAIN if not cell.signed else _WORSE if cell.shade < 0 else _BETTER
    mark = f'<b class="mark">{escape(cell.mark)}</b> ' if cell.mark else ""
    ground = f"background:rgba({colour},{0.55 * strength:.2f})"
    return f'<td style="{ground}">{mark}<b>{escape(cell.said)}</b>{below}</td>'
