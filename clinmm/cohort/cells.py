"""Words that every part of a cohort file uses: columns, the values in them, formats of times."""

from collections import Counter
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _cell(value: Any) -> Any:
    """A table's cells are text, so the values that a cohort file names are text too."""
    if isinstance(value, bool):
        raise ValueError(f"got {str(value).lower()}: write it in quotes, as the table spells it.")
    if isinstance(value, list | dict | set):
        raise ValueError("wanted one value, got several: write one value per item.")
    return "" if value is None else str(value)


def _format(text: str) -> str:
    """A format of strptime that pandas can read by."""
    try:
        pd.to_datetime(pd.Series(["-"]), format=text, errors="coerce")
    except (ValueError, TypeError):
        raise ValueError("is no format of times. Write it as for strptime: %Y-%m-%d.") from None
    return text


Cell = Annotated[str, BeforeValidator(_cell)]
Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[tuple[Column, ...], Field(min_length=1)]
Cells = Annotated[tuple[Cell, ...], Field(min_length=1)]
Formats = Annotated[
    tuple[Annotated[str, Field(pattern=r"%[A-Za-z]"), AfterValidator(_format)], ...],
    Field(min_length=1),
]


class Settings(BaseModel):
    """Frozen; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def all_differ(what: str, values: tuple[str, ...]) -> None:
    """Raises ValueError naming the values that come twice."""
    if repeated := sorted(value for value, n in Counter(values).items() if n > 1):
        raise ValueError(f"{what} named twice: {', '.join(repeated)}. Name each once.")
