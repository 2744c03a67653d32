"""FHIR R4 JSON -> validated resources: bundles, single resources, and folders of NDJSON.

`fhir.resources.R4B` reads them: of the resources used here R4B has the elements of R4
(the package's default is R5, which refuses an R4 ImagingStudy).
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinmm.errors import InputError
from clinmm.progress import Tell, silent

READ = (
    "Patient", "Encounter", "Observation", "Condition", "DiagnosticReport", "DocumentReference",
    "ImagingStudy",
)  # fmt: skip
MOST_CHARACTERS = 2**27
"""Of a line of NDJSON; one resource is some thousands."""
MOST_BYTES = 2**31
"""Of a JSON file, which is read whole and takes ten times as much memory."""
_EXAMPLES = 5
"""Invalid resources that are named one by one; the others are counted."""


@dataclass(eq=False)
class Resources:
    """What the files hold.

    of: resource type -> identity -> model; the identity is `Patient/1`, as references write it.
    full_urls: fullUrl of a bundle's entry -> identity.
    ignored: types that are not read -> how many. invalid: one line per resource, without values.
    two_people: identities under which two persons came.
    """

    of: dict[str, dict[str, Any]] = field(default_factory=lambda: {t: {} for t in READ})
    full_urls: dict[str, str] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    invalid: list[str] = field(default_factory=list)
    two_people: set[str] = field(default_factory=set)

    @property
    def n_read(self) -> int:
        return sum(map(len, self.of.values()))

    def identity(self, reference: Any) -> str:
        """What a Reference points to, as `Type/id`; "" if it points nowhere."""
        written = str(getattr(reference, "reference", None) or "")
        if written in self.full_urls:
            return self.full_urls[written]
        parts = written.split("/_history/")[0].rstrip("/").split("/")
        return "/".join(parts[-2:])

    def invalid_lines(self) -> list[str]:
        """The first invalid resources, and how many more there are."""
        more = len(self.invalid) - _EXAMPLES
        return [*self.invalid[:_EXAMPLES], *([f"and {more} more"] if more > 0 else [])]


def read_resources(paths: list[Path], tell: Tell = silent) -> Resources:
    """Every resource in the files; a folder means its *.json and *.ndjson files.

    Raises:
        InputError: no such file, not JSON, no FHIR, fhir.resources is not installed, two persons
            under one id, or all resources that would be read are invalid.
    """
    models = _models()
    found = Resources()
    files = _files(paths)
    for done, path in enumerate(files, start=1):
        for place, (full_url, content) in enumerate(_entries(path)):
            # Not the file's name: exports name files after patients.
            _take(found, models, f"file {done}, resource {place}", full_url, content)
        tell("files", done, len(files))
    if found.two_people:
        raise InputError(
            f"{len(found.two_people)} Patient ids stand for persons of different sex or birth "
            "date. Ids are those of one server: read one server's files at a time."
        )
    if found.invalid and not found.n_read:
        raise InputError(["every resource is invalid FHIR R4:", *found.invalid_lines()])
    if not found.n_read:
        others = ", ".join(f"{count} {kind}" for kind, count in found.ignored.most_common(5))
        raise InputError(
            f"no {', '.join(READ)} in {len(files)} files. Found: {others or 'nothing'}."
        )
    return found


def _models() -> dict[str, Any]:
    try:
        from fhir.resources.R4B import get_fhir_model_class
    except ImportError:
        raise InputError(
            "FHIR is read through fhir.resources, which is not there: pip install 'clinmm[fhir]'"
        ) from None
    return {kind: get_fhir_model_class(kind) for kind in READ}


def _files(paths: list[Path]) -> list[Path]:
    problems, files = [], []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                f
                for f in path.rglob("*")
                if f.suffix in (".json", ".ndjson") and f.is_file() and not f.is_symlink()
            )
            if not inside:
                problems.append(f"{path} holds no .json or .ndjson file.")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            problems.append(f"{path} is missing: there is no such file.")
    if problems:
        raise InputError(problems)
    return files


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """(fullUrl, resource) of one file; a line at a time where it is NDJSON."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            if path.suffix == ".ndjson":
                while line := file.readline(MOST_CHARACTERS + 1):
                    if len(line) > MOST_CHARACTERS:
                        raise InputError(_too_large(path, "a line"))
                    if line.strip():
                        yield "", json.loads(line)
                return
            if path.stat().st_size > MOST_BYTES:
                raise InputError(_too_large(path, "a file"))
            content = json.load(file)
    except (UnicodeDecodeError, ValueError, RecursionError):
        kind = "NDJSON (one resource per line)" if path.suffix == ".ndjson" else "JSON"
        raise InputError(
            f"{path} is not {kind} in UTF-8: cut short, or of another kind. Write it again, or "
            "leave it out."
        ) from None
    if not isinstance(content, dict) or "resourceType" not in content:
        raise InputError(f"{path} is no FHIR: it has no resourceType at its top.")
    if content["resourceType"] != "Bundle":
        yield "", content
        return
    entries = content.get("entry", [])
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and "resource" in entry:
            yield str(entry.get("fullUrl", "")), entry["resource"]


def _too_large(path: Path, what: str) -> str:
    return (
        f"{path}: {what} larger than any resource or bundle. Export it as NDJSON, or leave it out."
    )


def _take(
    found: Resources, models: dict[str, Any], where: str, full_url: str, content: Any
) -> None:
    from pydantic import ValidationError

    kind = content.get("resourceType") if isinstance(content, dict) else None
    if not isinstance(kind, str):
        found.invalid.append(f"{where}: no resourceType")
        return
    if kind not in models:
        found.ignored[kind] += 1
        return
    try:
        model = models[kind].model_validate(content)
    except ValidationError as error:
        # The message would quote the value, so only where it stands is said.
        places = {".".join(map(str, e["loc"])) or "as a whole" for e in error.errors()}
        found.invalid.append(f"{where}: {kind} is invalid at {', '.join(sorted(places)[:3])}")
        return
    identity = f"{kind}/{model.id}" if model.id else full_url or f"{kind}/{where}"
    if full_url:
        found.full_urls[full_url] = identity
    before = found.of[kind].get(identity)
    if kind == "Patient" and before and _sex_and_birth(before) != _sex_and_birth(model):
        found.two_people.add(identity)
    found.of[kind][identity] = model


def _sex_and_birth(person: Any) -> tuple[Any, Any]:
    return person.gender, person.birthDate
