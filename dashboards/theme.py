"""Light and dark: style.css has both values of every colour, and the browser chooses.

Streamlit sets `color-scheme` on the page as the reader chose, and `light-dark()` in style.css goes
by that, at once. What opens above the page (popovers, dialogs) stands outside of it: see `scheme`.
"""

import streamlit as st


def scheme() -> str:
    """CSS for what opens above the page, for the theme that the browser last said it has."""
    dark = st.context.theme.type == "dark"
    return f":root {{ color-scheme: {'dark' if dark else 'light'}; }}"
