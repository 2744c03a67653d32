"""Pieces of a long piece of work, kept on disk until all of it is done."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clinmm.runs import Run

FOLDER = "checkpoints/explain"


class Kept:
    """What a stopped `explain` goes on with.

    Args:
        run: holds the pieces, in a folder named by a hash of `made_of` and `files`.
        purpose: what they are for; pieces for the same, but made of something else, are removed.
        made_of, files: everything that the pieces depend on, JSON and files.
    """

    def __init__(self, run: Run, purpose: str, made_of: Any, files: list[Path]) -> None:
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode())
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        self.run, self.name = run, f"{FOLDER}/{purpose}_{digest.hexdigest()[:16]}"
        self.folder = run.folder / self.name
        for other in self.folder.parent.glob(f"{purpose}_*"):
            if other != self.folder:
                shutil.rmtree(other)
        self.arrays = self.folder / "attributions"
        self.arrays.mkdir(parents=True, exist_ok=True)

    def piece(self, *key: str, make: Callable[[], Any]) -> Any:
        """What make() gives, JSON; made once. A new piece is read back as an old one is."""
        name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:24]
        file = f"{self.name}/{name}.json"
        if not (self.run.folder / file).is_file():
            self.run.write_text(file, json.dumps(make(), default=_plain))
        return json.loads((self.run.folder / file).read_text(encoding="utf-8"))

    def remove(self) -> None:
        """All of it is done and written elsewhere."""
        shutil.rmtree(self.folder)
        for parent in (self.folder.parent, self.folder.parent.parent):
            if not any(parent.iterdir()):
                parent.rmdir()


def _plain(number: Any) -> Any:
    """A number of numpy as JSON takes it."""
    return number.item()
