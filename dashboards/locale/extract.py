"""Writes the catalogue anew from the code: python -m dashboards.locale.extract"""

import ast
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from clinmm.errors import InputError

SCREENS = Path(__file__).parents[1]
CATALOGUE = Path(__file__).parent / "clinmm.pot"
N_TEXTS = {"t": 1, "tn": 2}
"""How many texts a call begins with."""
CHANGING = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By')
HEADER = """\
# Every text of the screens. To add a language, copy this file to XX.po and translate it.
#"""


def texts(source: str, name: str) -> Iterator[tuple[str, ...]]:
    """The texts of every call of `t` (one) and `tn` (one, several), also of those in f-strings.

    Args:
        source: Python code. name: of the file, for errors.

    Raises:
        InputError: a call does not begin with its texts as literals.

    >>> list(texts("f'<b>{t(\\"Lock\\")}</b>'", ""))
    [('Lock',)]
    """
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        n = N_TEXTS.get(call.func.id, 0)
        said = [one.value for one in call.args[:n] if isinstance(one, ast.Constant)]
        if len(said) < n or not all(isinstance(one, str) and one for one in said):
            raise InputError(f"{name}:{call.lineno}: {call.func.id}() wants its text as a literal")
        if n:
            yield tuple(str(one) for one in said)


def catalogue() -> bytes:
    """The catalogue as the code has it now: texts sorted, each with the files that say it."""
    found = Catalog(project="clinmm", header_comment=HEADER, charset="utf-8")
    for path in sorted(SCREENS.rglob("*.py")):
        name = f"dashboards/{path.relative_to(SCREENS).as_posix()}"
        for said in texts(path.read_text(encoding="utf-8"), name):
            found.add(said if len(said) > 1 else said[0], locations=[(name, 0)])
    written = BytesIO()
    write_po(written, found, sort_output=True, include_lineno=False, width=100)
    # a date or a version of Babel would make every catalogue differ from the last
    lines = written.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(CHANGING))


if __name__ == "__main__":
    CATALOGUE.write_bytes(catalogue())
