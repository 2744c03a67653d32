"""Every text that a person reads passes through `t` or `tn`; the catalogue is locale/clinmm.pot.

A language is added as locale/XX.po, made from the catalogue, and chosen with CLINMM_LANGUAGE=XX;
files outside the package are found with CLINMM_LOCALE=FOLDER.
"""

import gettext
import os
from functools import cache
from io import BytesIO
from pathlib import Path

from clinmm.errors import InputError

LOCALE = Path(__file__).parent / "locale"


def t(text: str, **values: object) -> str:
    """The text in the chosen language, with `{names}` filled in.

    The first argument is a literal, so that the catalogue can be read off the code; where the names
    are filled in later, by `format`, none is given.

    >>> t("Case {number}", number=3)
    'Case 3'
    """
    said = _translations().gettext(text)
    return said.format(**values) if values else said


def tn(one: str, several: str, n: int, **values: object) -> str:
    """As `t`, of a number of things; `{n}` is the number.

    >>> tn("{n} case", "{n} cases", 1), tn("{n} case", "{n} cases", 2)
    ('1 case', '2 cases')
    """
    return _translations().ngettext(one, several, n).format(n=n, **values)


@cache
def _translations() -> gettext.NullTranslations:
    """What was translated; English stands where nothing was.

    Raises:
        InputError: the language has no file.
    """
    language = os.environ.get("CLINMM_LANGUAGE", "en")
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    folder = Path(os.environ.get("CLINMM_LOCALE") or LOCALE)
    path = folder / f"{language}.po"
    if not path.is_file():
        known = ", ".join(["en", *sorted(file.stem for file in folder.glob("*.po"))])
        raise InputError(f"no language '{language}' in {folder}. There is: {known}.")
    with path.open("rb") as file:
        catalog = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
