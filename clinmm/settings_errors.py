"""What pydantic found wrong in a settings file, in the words of that file's author."""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from clinmm.errors import InputError, did_you_mean


def as_input_error(error: ValidationError, source: str, model: type[BaseModel]) -> InputError:
    """Every problem of a settings file as one line `SOURCE.key.path: what came, what was wanted`.

    Args:
        error: what `model.model_validate` raised.
        source: the file as its author knows it, such as `cohort.yaml`.
        model: the model that was validated; tells which keys it knows.

    Returns:
        An InputError for the caller to raise; problems in the order of the model's fields.
    """
    problems = [dict(problem) for problem in error.errors()]
    lines = [_line(p, source, model) for p in problems if not _follows_from(p, problems)]
    return InputError([line for several in lines for line in several.split("\n")])


def _follows_from(problem: dict[str, Any], problems: list[dict[str, Any]]) -> bool:
    """pydantic counts the valid items: a list is then too short because an item of it is bad."""
    depth = len(problem["loc"])
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > depth and other["loc"][:depth] == problem["loc"] for other in problems
    )


def _line(problem: dict[str, Any], source: str, model: type[BaseModel]) -> str:
    location = tuple(problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("extra_forbidden", "missing"):
        keys, owners = _follow(location[:-1], model)
        key = str(location[-1])
        where = _written(source, keys)
        known = [name for owner in owners for name in owner.model_fields]
        if kind == "missing":
            return f"{where}: key '{key}' is missing. Add it."
        return f"{where}: unknown key '{key}'. {did_you_mean(key, known)}"
    where = _written(source, _follow(location, model)[0])
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        name = str(context["discriminator"]).strip("'")
        if kind == "union_tag_not_found":
            tags = [tag for m in _follow(location, model)[1] for tag in _tags(m)]
            return f"{where}: key '{name}' is missing. Known: {', '.join(tags)}."
        tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return f"{where}.{name}: got '{context['tag']}'. {did_you_mean(str(context['tag']), tags)}"
    if kind == "value_error":
        # A validator of ours that found several problems puts each on a line of its own.
        said = str(problem["msg"]).removeprefix("Value error, ").split("\n")
        return "\n".join(f"{where}: {line}" for line in said)
    if kind == "literal_error":
        return f"{where}: got {_short(problem['input'])}, wanted {context['expected']}."
    return f"{where}: {problem['msg']}, got {_short(problem['input'])}."


def _written(source: str, keys: list[str | int]) -> str:
    return source + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _follow(
    location: tuple[str | int, ...], model: type[BaseModel]
) -> tuple[list[str | int], list[type[BaseModel]]]:
    """The location without the union tags that pydantic puts in it, and the models at its end."""
    keys: list[str | int] = []
    here: list[Any] = [model]
    for part in location:
        models = [m for m in here if isinstance(m, type) and issubclass(m, BaseModel)]
        named = [m for m in models if part in _tags(m) or part == m.__name__]
        if len(models) > 1 and named:
            here = named
            continue
        keys.append(part)
        inner: list[Any] = []
        for candidate in here:
            if candidate in models:
                field = candidate.model_fields.get(str(part))
                inner += _members(field.annotation) if field else []
            elif get_args(candidate):
                inner += _members(get_args(candidate)[-1])
        here = inner
    return keys, [m for m in here if isinstance(m, type) and issubclass(m, BaseModel)]


def _members(annotation: Any) -> list[Any]:
    """The types of a union, without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [m for part in get_args(annotation) for m in _members(part)]
    return [] if annotation is type(None) else [annotation]


def _tags(model: type[BaseModel]) -> list[Any]:
    """Values of the model's Literal fields: those by which a union tells its members apart."""
    fields = model.model_fields.values()
    return [
        v
        for f in fields
        if get_origin(f.annotation) is Literal
        for v in get_args(f.annotation)
        if isinstance(v, str)
    ]
