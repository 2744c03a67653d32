"""Content hashes of case files; a folder (a series) hashes as the list of its files."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def sha256_of(path: Path) -> str | None:
    """Hex SHA-256 of a file, or of the names and bytes in a folder; None where there is neither."""
    # os.path: a cell that is no path at all, such as a note, is no file and no error
    if os.path.isfile(path):
        return sha256_of_file(path)
    if os.path.isdir(path):
        whole = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            whole.update(f"{file.relative_to(path).as_posix()}\0{sha256_of_file(file)}\n".encode())
        return whole.hexdigest()
    return None


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of one file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leads_out(cell: str) -> bool:
    """Whether a path in a cell is absolute or climbs out of the table's folder."""
    path = os.path.normpath(cell.replace("\\", "/"))
    return path.startswith(("/", "..")) or (len(path) > 1 and path[1] == ":")


def outside(folder: Path, cells: Iterable[str | None]) -> list[bool]:
    """Per cell, whether its path leads out of the folder: absolute, by `..`, or over a symbolic
    link, its own or one in the folder of files that it names."""
    root = os.path.realpath(folder)
    real: dict[str, str] = {}
    return [cell is not None and (leads_out(cell) or _escapes(root, cell, real)) for cell in cells]


def _escapes(root: str, cell: str, real: dict[str, str]) -> bool:
    """real: what each folder on the way was found to be, so that each is looked up once."""
    folder, name = os.path.split(os.path.normpath(os.path.join(root, cell)))
    try:
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        path = os.path.join(real[folder], name)
        path = os.path.realpath(path) if os.path.islink(path) else path
        if not _within(root, path):
            return True
        return os.path.isdir(path) and any(
            os.path.islink(inner) and not _within(root, os.path.realpath(inner))
            for place, folders, files in os.walk(path)
            for inner in (os.path.join(place, n) for n in (*folders, *files))
        )
    except (OSError, ValueError):
        return False  # such as a zero byte: there is no such file, which the checks say


def _within(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
