"""Reads a YAML settings file as plain data, without YAML 1.1's surprises."""

import re
from pathlib import Path
from typing import Any

import yaml

from clinmm.errors import InputError

LARGEST_FILE = 2**20
"""Bytes of a settings file that are read."""

DEEPEST = 30
"""Lists and mappings inside one another that are read."""


class _Loader(yaml.SafeLoader):
    """SafeLoader in which `yes`, `no`, `on` and `off` stay words and a key comes once.

    References (`*name`) are refused: a few lines of them can stand for billions of values.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "references (*name) are not read; write the value out", mark
            )
        if self._depth >= DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, f"more than {DEEPEST} levels inside one another", mark
            )
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a word or a number", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
# YAML 1.1 reads 1e-3 as a word; a learning rate is a number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def read_settings(path: Path, source: str | None = None) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Args:
        path: the file, UTF-8.
        source: how messages name it; the path as given by default.

    Raises:
        InputError: no such file, not UTF-8, not YAML (says where), a key written twice, or the
            top is not a mapping.
    """
    source = source or str(path)
    if not Path(path).is_file():
        raise InputError(f"{source} is missing: there is no such file.")
    try:
        if Path(path).stat().st_size > LARGEST_FILE:
            raise InputError(f"{source} is larger than {LARGEST_FILE // 2**20} MiB: no settings.")
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except UnicodeDecodeError:
        raise InputError(f"{source} is not text in UTF-8. Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{source}{where}: not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}.") from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # A date such as 2020-13-41, a number of ten thousand digits, a set as a key.
        raise InputError(f"{source}: a value that YAML cannot read: {str(error)[:200]}.") from None
    except OSError as error:
        raise InputError(f"{source} cannot be opened: {error.strerror}.") from None
    if not isinstance(content, dict):
        raise InputError(f"{source} holds no `key: value` lines at its top.")
    return content
