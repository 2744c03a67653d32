"""Pages of HTML from templates that lie beside the code."""

from pathlib import Path
from typing import Any


def filled(file: Path, **values: Any) -> str:
    """A jinja2 template with the values put in, escaped, since they often hold notes; a name that
    the template has and the values lack is refused."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(file.name).render(**values)
