"""Who is who in a cleaned copy: pseudonyms and date shifts, and the key file that holds them.

Everything follows from one random secret by HMAC-SHA-256, so the same cohort and the same key
file give the same copy, and without the key file nobody can compute a pseudonym.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinmm.errors import InputError

MOST_DAYS = 365
"""Dates of a patient move back by 1 to this many days, all by the same number."""


@dataclass
class Keys:
    """secret: 32 random bytes. made: kind -> {old: new} of every pseudonym given so far;
    days: patient -> days that the dates moved back."""

    secret: bytes
    made: dict[str, dict[str, str]] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)

    def _digest(self, kind: str, old: str) -> bytes:
        return hmac.new(self.secret, f"{kind}\0{old}".encode(), hashlib.sha256).digest()

    def pseudonym(self, kind: str, old: str) -> str:
        """The new id of an old one: a letter for its kind and twelve hexadecimal digits.

        kind: "patient", "case" or "site".
        """
        new = kind[0] + self._digest(kind, old).hex()[:12]
        self.made.setdefault(kind, {})[old] = new
        return new

    def uid(self, old: str) -> str:
        """The new UID of an old one, below the root 2.25 (PS3.5 B.2)."""
        # The two highest bits are those of a random UUID; the rest is the digest.
        return f"2.25.{int.from_bytes(self._digest('uid', old)[:15], 'big') | 1 << 120}"

    def days_back(self, patient: str) -> int:
        """By how many days the dates of a patient move back."""
        number = int.from_bytes(self._digest("days", patient)[:8], "big")
        self.days[patient] = 1 + number % MOST_DAYS
        return self.days[patient]


def new_keys() -> Keys:
    """Keys with a secret of the operating system's randomness, the only one that is safe here."""
    return Keys(secrets.token_bytes(32))


def read_keys(path: Path) -> Keys:
    """The keys of an earlier copy. Raises InputError if the file is no key file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Keys(bytes.fromhex(content["secret"]), content["pseudonyms"], content["days_back"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path} is no key file of clinmm deidentify. Name another with --key, or a new one."
        ) from None


def write_keys(keys: Keys, path: Path) -> None:
    """Writes the key file whole or not at all, readable by its owner alone (mode 600)."""
    content = {
        "what": "Key of a de-identified copy: keep it apart from the copy, or destroy it.",
        "secret": keys.secret.hex(),
        "pseudonyms": keys.made,
        "days_back": keys.days,
    }
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
    partial.replace(path)
