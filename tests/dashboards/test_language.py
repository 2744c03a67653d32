"""Every text of the screens is in the catalogue, and a page can be shown in another language."""

import ast
import html
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from clinmm.errors import InputError
from clinmm.runs import Run
from dashboards import language
from dashboards.locale import extract

SCREENS = Path(language.__file__).parent
ROOT = SCREENS.parent


# --- the catalogue -----------------------------------------------------------------------------
def texts(catalog: Catalog) -> set[str | tuple[str, ...]]:
    return {tuple(one.id) if one.pluralizable else one.id for one in catalog if one.id}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with extract.CATALOGUE.open("rb") as file:
        return read_po(file)


def test_the_catalogue_is_that_of_the_code(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "now.pot"
    path.write_bytes(extract.catalogue())
    with path.open("rb") as file:
        now = texts(read_po(file))
    how = "write it anew with: python -m dashboards.locale.extract"
    assert texts(catalog) == now, how


@pytest.mark.parametrize("code", ["t(said)", "t(f'{n} cases')", "t('')", "tn('{n} case', x, n)"])
def test_a_text_that_the_catalogue_could_not_hold_is_refused(code: str) -> None:
    with pytest.raises(InputError, match=r"some.py:1: .* as a literal"):
        list(extract.texts(code, "some.py"))


def test_names_in_braces_can_be_filled(catalog: Catalog) -> None:
    for one in catalog:
        for text in one.id if one.pluralizable else (one.id,):
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            assert all(name.isidentifier() for name in names), text


# --- t and tn ----------------------------------------------------------------------------------
@pytest.fixture
def locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of languages, read anew before and after the test."""
    monkeypatch.setenv("CLINMM_LOCALE", str(tmp_path))
    language._translations.cache_clear()
    yield tmp_path
    language._translations.cache_clear()


POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "{n} case"
msgid_plural "{n} cases"
msgstr[0] "{n} przypadek"
msgstr[1] "{n} przypadki"
msgstr[2] "{n} przypadków"

msgid "Case {number} of {total}"
msgstr "Z {total} przypadków: {number}"

msgid "Not yet translated"
msgstr ""
"""  # noqa: E501


def test_a_language_has_its_own_plurals_and_order(
    locale: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (locale / "pl.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setenv("CLINMM_LANGUAGE", "pl")
    said = [language.tn("{n} case", "{n} cases", n) for n in (1, 3, 5, 22)]
    assert said == ["1 przypadek", "3 przypadki", "5 przypadków", "22 przypadki"]
    assert language.t("Case {number} of {total}", number=3, total=7) == "Z 7 przypadków: 3"


def test_what_is_not_translated_stays_english(
    locale: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (locale / "pl.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setenv("CLINMM_LANGUAGE", "pl")
    assert language.t("Not yet translated") == "Not yet translated"
    assert language.t("Never heard of") == "Never heard of"


def test_a_language_without_a_file_is_refused(
    locale: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (locale / "pl.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setenv("CLINMM_LANGUAGE", "fr")
    with pytest.raises(InputError, match=r"no language 'fr'.*There is: en, pl"):
        language.t("Overview")


# --- no text without t -------------------------------------------------------------------------
ST_CALLS = set(
    re.findall(
        r"\w+",
        """badge button caption checkbox date_input download_button error expander feedback
        file_uploader form_submit_button header html info link_button markdown metric multiselect
        number_input pills popover radio segmented_control select_slider selectbox slider spinner
        status subheader success text text_area text_input title toast toggle warning write""",
    )
)
PANELS = {"answer", "lead", "title", "small", "table", "forest", "facts", "findings"}
TEXT_KEYWORDS = {"label", "body", "help", "placeholder", "caption", "alt", "note", "heading"}
ALLOWED = {
    "clinmm": "the name of the tool",
    "CSV": "the name of a format",
}
"""What may stand on a screen in every language, and why."""


def bare_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of each text that is given to a screen without passing through t or tn."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = function.value if isinstance(function, ast.Attribute) else None
        of_panels = name == "Line" or (name in PANELS and getattr(owner, "id", "") == "panels")
        given: list[ast.expr] = []
        if of_panels:
            given = list(call.args)
        elif name in ST_CALLS and owner is not None and not isinstance(owner, ast.Constant):
            given = call.args[:1]
        if given or name in (*PANELS, *ST_CALLS, "page_link", "image", "plotly_chart"):
            given += [word.value for word in call.keywords if word.arg in TEXT_KEYWORDS]
        for one in given:
            yield from _bare(one)


def _bare(node: ast.expr) -> Iterator[tuple[int, str]]:
    """Texts in an expression that are no argument of a call in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _words(node, node.value)
    elif isinstance(node, ast.JoinedStr):
        fixed = [one.value for one in node.values if isinstance(one, ast.Constant)]
        yield from _words(node, "\0".join(map(str, fixed)))
    elif isinstance(node, (ast.Tuple, ast.List)):
        for one in node.elts:
            yield from _bare(one)
    elif isinstance(node, ast.BinOp):
        yield from _bare(node.left)
        yield from _bare(node.right)
    elif isinstance(node, ast.IfExp):
        yield from _bare(node.body)
        yield from _bare(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from _bare(one)


def _words(node: ast.expr, text: str) -> Iterator[tuple[int, str]]:
    """The text, where letters are left of it without tags and entities."""
    left = re.sub(r"<[^<>]*>|<[^<>]*$|^[^<>]*>|&\w+;", " ", text)
    left = re.sub("|".join(ALLOWED), " ", left)
    if re.search(r"[^\W\d_]{2,}", left):
        yield node.lineno, text


def test_every_text_of_a_screen_passes_through_t() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in sorted(SCREENS.rglob("*.py"))
        for line, text in bare_texts(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "without t(...):\n" + "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "st.title('Overview')",
        "left.selectbox('Finding', names)",
        "st.caption(f'{n} cases')",
        "st.info('Nothing' if empty else t('Something'))",
        "st.html('<p class=\"small\">Some text</p>')",
        "st.html(f'<p class=\"small\">{n} cases</p>')",
        "panels.table(('Finding', t('Value')), rows)",
        "st.button(label='Lock')",
        "st.markdown('**' + 'Locked' + '**')",
        "Line('everyone', n)",
    ],
)
def test_a_bare_text_is_found(code: str) -> None:
    assert list(bare_texts(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "st.title(t('Overview'))",
        "st.caption(f'{words.meaning(metric)} {said}')",
        "st.html(f'<p class=\"small\">{panels.escape(said)}</p>')",
        "left.selectbox(t('Finding'), names, key='finding of')",
        "frame.set_index('case_id')",
        "Line(words.arm(name), '')",
    ],
)
def test_what_passes_through_t_or_is_no_text_is_left_alone(code: str) -> None:
    assert not list(bare_texts(ast.parse(code)))


# --- pages in another language -----------------------------------------------------------------
OPENED = ("performance", "calibration", "decisions", "sets", "intake")
READ_PAGES = """
import json, sys
from streamlit.testing.v1 import AppTest

said = {}
for page in sys.argv[2:]:
    app = AppTest.from_file(f"{sys.argv[1]}/{page}.py", default_timeout=120).run()
    assert not app.exception, app.exception
    texts = [one.body for one in app.get("html")]
    for kind in ("title", "header", "caption", "markdown", "info", "warning", "success", "error"):
        texts += [one.value for one in app.get(kind)]
    for kind in ("selectbox", "button_group", "expander", "select_slider", "tab"):
        texts += [one.label for one in app.get(kind)]
    said[page] = texts
print(json.dumps(said))
"""


def marked(catalog: Catalog) -> Catalog:
    """A language in which every text stands between brackets."""
    made = Catalog(locale="en")
    for one in catalog:
        if one.id:
            forms = one.id if one.pluralizable else (one.id,)
            said = tuple(f"⟦{form}⟧" for form in forms)
            made.add(one.id, said if one.pluralizable else said[0])
    return made


def unmarked_words(text: str) -> set[str]:
    """Words outside every pair of brackets; tags and entities are no words."""
    text = html.unescape(re.sub(r"<[^>]*>", "\n", text))
    before = None
    while before != text:  # the innermost pair first
        before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    return set(re.findall(r"[^\W\d_]{3,}", text))


def words_of_the_data(run: Run) -> set[str]:
    """Every word that the run itself says: of its tables, its facts and its cohort file."""
    said = [run.folder.as_posix(), (run.folder / "run.json").read_text(encoding="utf-8")]
    said.append((run.folder / "cohort.yaml").read_text(encoding="utf-8"))
    for path in run.folder.glob("*.parquet"):
        for _, column in run.read(path.stem).select_dtypes(exclude="number").items():
            said += [str(cell) for cell in column.dropna().astype(str).unique()]
    return {word.lower() for one in said for word in re.findall(r"[^\W\d_]{3,}", one)}


def test_pages_in_another_language_leave_only_data_in_english(
    catalog: Catalog, finished: Run, tmp_path: Path
) -> None:
    with (tmp_path / "xx.po").open("wb") as file:
        write_po(file, marked(catalog))
    environment = {
        **os.environ,
        "CLINMM_LANGUAGE": "xx",
        "CLINMM_LOCALE": str(tmp_path),
        "CLINMM_RUN": str(finished.folder),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", READ_PAGES, str(SCREENS / "screens"), *OPENED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    of_data = words_of_the_data(finished)

    def of_a_cell(word: str) -> bool:
        # an excerpt of a note may begin or end within a word
        return any(known.startswith(word) or known.endswith(word) for known in of_data)

    for page, texts_of_page in said.items():
        assert any("⟦" in text for text in texts_of_page), page
        left = {word for text in texts_of_page for word in unmarked_words(text)}
        english = {one for one in left if not one.isupper() and not of_a_cell(one.lower())}
        assert not english, f"{page}: {sorted(english)}"
