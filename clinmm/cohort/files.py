"""Content hashes of case files; a folder (a series) hashes as the list of its files."""

import hashlib
import os
from pathlib import Path


def sha256_of(path: Path) -> str | None:
    """Hex SHA-256 of a file, or of the names and bytes in a folder; None where there is neither."""
    if path.is_file():
        return sha256_of_file(path)
    if path.is_dir():
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
