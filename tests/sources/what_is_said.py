"""What must never be written, and everything that was."""

from pathlib import Path

SECRETS = ("MRN-778123", "Doe", "Jane", "19560203", "1956-02-03", "ACC-55012")


def all_text(folder: Path) -> str:
    """Every name below a folder, and the content of its text files."""
    parts = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))]
    parts += [path.read_text() for path in folder.rglob("*") if path.suffix in (".csv", ".yaml")]
    return "\n".join(parts)
