"""What the image viewer and the note share: how they are mounted, and what is marked in them."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import streamlit as st

from clinmm.review.answers import Mark, Span

One = TypeVar("One", bound=Mark | Span)
Mount = Callable[..., Any]

HERE = Path(__file__).parent


def component(
    name: str, files: Sequence[str], texts: Mapping[str, str], isolate_styles: bool = True
) -> Mount:
    """A component made of files beside this one.

    Args:
        files: one `.html`, in which `$key` stands for a text, one `.css`, and `.js` in their order.
        texts: key -> as it is to be read.
        isolate_styles: as Streamlit has it.
    """

    def read(kind: str) -> str:
        found = [(HERE / file).read_text(encoding="utf-8") for file in files if file.endswith(kind)]
        return "\n".join(found)

    escaped = {key: escape(text) for key, text in texts.items()}
    html = Template(read(".html")).substitute(escaped)
    return st.components.v2.component(
        name, html=html, css=read(".css"), js=read(".js"), isolate_styles=isolate_styles
    )


def draw(
    mount: Mount,
    key: str,
    data: Mapping[str, Any],
    kept: Sequence[One],
    name: str,
    classes: Sequence[str],
    read: Callable[[Sequence[Any]], tuple[One, ...]] | None,
) -> tuple[One, ...] | None:
    """Draws the component with the reader's marks in it.

    Args:
        mount: from `component`.
        key: of the component; differs between those of a page.
        data: what else the browser gets; its `id` names what is shown.
        kept: marks of every input; those of `name` are drawn.
        name: of the input.
        classes: that a mark may have.
        read: checks what the browser sent; None where nothing may be marked.

    Returns:
        All marks after the reader changed one, else None. A change is returned once.
    """
    heard = f"{key} heard"

    def keep() -> None:
        # kept at once: the rerun that it starts may end before it comes here
        st.session_state[heard] = st.session_state[key]["marked"]

    said: Mapping[str, Any] = st.session_state.get(heard) or {}
    new = None
    if read is not None and said.get("id") == data["id"] and "marks" in said:
        changed = read(said["marks"])
        new = (*(one for one in kept if one.input != name), *changed)
        st.session_state[heard] = {"edits": said["edits"]}
    drawn = kept if new is None else new
    mount(
        data={
            **data,
            "marks": [one.model_dump(exclude={"input"}) for one in drawn if one.input == name],
            "marking": read is not None,
            "classes": list(classes),
            "heard": said.get("edits", 0),
        },
        key=key,
        on_marked_change=keep,
    )
    return new
