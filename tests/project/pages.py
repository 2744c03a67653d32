"""The project's own files, and how a page of documentation falls into sections."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(file.relative_to(ROOT)) for file in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
)


def page(name: str) -> str:
    """A file of the repository as text."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under the heading `## title` (backticks aside), up to the next; "" if none."""
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        if part.split("\n", 1)[0].replace("`", "").strip() == title:
            return part
    return ""


def says(text: str, word: str) -> bool:
    """Whether the word stands in a code span of the text."""
    spans = re.findall(r"`[^`\n]+`", text)
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", span) for span in spans)


def code(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
