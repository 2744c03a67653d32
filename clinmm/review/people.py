"""Who may sign in: a small team's names and the hashes of their passwords, in one file.

The file stands outside every run folder, so that a run can be handed on without it, and can be read
by its owner alone. It holds no password, and an Argon2id hash of each.

Reference:
    Biryukov, Dinu, Khovratovich, Josefsson. Argon2 memory-hard function for password hashing and
    proof-of-work applications. RFC 9106, 2021.
"""

import json
import os
import secrets
import stat
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from clinmm.errors import InputError
from clinmm.review.protocol import Name

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 1024
"""Characters of a new password."""

PEOPLE_VARIABLE = "CLINMM_PEOPLE"

WRONG_TRIES, SECONDS = 5, 300.0
"""So many wrong passwords for a name within so many seconds end its attempts for as long."""

Kept = dict[str, dict[str, Any]]
"""Name -> password (its hash) and administrator."""


class TooManyAttempts(InputError):
    """Too many wrong passwords were given for a name; it has to wait."""


class People:
    """The people of one file. What is read is always what stands in the file now.

    Args:
        path: the file; made with the first person.
        hasher: of passwords; argon2-cffi's defaults (RFC 9106, low memory) without one.

    Raises:
        InputError: the path lies in a run folder.
    """

    def __init__(self, path: Path | str, hasher: "PasswordHasher | None" = None) -> None:
        self.path = Path(path).expanduser().resolve()
        self._given = hasher
        if inside := [p for p in self.path.parents if (p / "run.json").is_file()]:
            raise InputError(
                f"{self.path} lies in the run folder {inside[0]}, which may be handed on. Keep who "
                f"may sign in elsewhere, such as {_usual_path()}"
            )

    @staticmethod
    def default_path() -> Path:
        """What CLINMM_PEOPLE names; else `clinmm/people.json` in the user's configuration."""
        named = os.environ.get(PEOPLE_VARIABLE)
        return Path(named) if named else _usual_path()

    # Who there is

    def names(self) -> list[str]:
        """Everybody, by the alphabet."""
        return sorted(self._read())

    def is_administrator(self, name: str) -> bool:
        """Whether the person may see and make every study; of unknown names False."""
        return bool(self._read().get(name.strip(), {}).get("administrator"))

    def verify(self, name: str, password: str) -> bool:
        """Whether this is the person's password. An unknown name takes as long as a known one.

        A hash made with other settings than today's is made anew.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        name, nobody = name.strip(), self._nobody
        kept = self._read().get(name)
        try:
            self._hasher.verify(kept["password"] if kept else nobody, _plain(password)[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        if kept is None:
            return False
        if self._hasher.check_needs_rehash(kept["password"]):
            self.change(name, password, checked=True)
        return True

    # Changing it

    def add(self, name: str, password: str, administrator: bool = False) -> None:
        """Adds a person.

        Raises:
            InputError: the name is empty, too long or taken, or the password too short.
        """
        name, hashed = _checked(name), self._hash(password, name)
        with self._changing() as people:
            if name in people:
                raise InputError(
                    f"'{name}' may sign in already. For a new password: "
                    f"clinmm reading people password '{name}'"
                )
            people[name] = {"password": hashed, "administrator": administrator}

    def change(self, name: str, password: str, *, checked: bool = False) -> None:
        """Gives a person a new password.

        checked: the password is the one in use, and may be shorter than a new one must be.

        Raises:
            InputError: nobody has the name, or the password is too short.
        """
        hashed = self._hasher.hash(_plain(password)) if checked else self._hash(password, name)
        with self._changing() as people:
            self._known(people, name.strip())["password"] = hashed

    def remove(self, name: str) -> None:
        """Takes a person out. Their readings stay. Raises InputError where nobody has the name."""
        with self._changing() as people:
            self._known(people, name.strip())
            del people[name.strip()]

    def _known(self, people: Kept, name: str) -> dict[str, Any]:
        if name not in people:
            known = ", ".join(sorted(people)) or "nobody"
            raise InputError(f"'{name}' is not among those who may sign in: {known}.")
        return people[name]

    # Passwords

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher

        return self._given or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        """The hash that an unknown name is compared with; no password has it."""
        return self._hasher.hash(secrets.token_hex(32))

    def _hash(self, password: str, name: str) -> str:
        plain = _plain(password)
        if not SHORTEST <= len(plain) <= LONGEST:
            raise InputError(
                f"a password needs {SHORTEST} to {LONGEST} characters, got {len(plain)}. "
                "Several words that do not belong together are long and can be kept in mind."
            )
        if plain.casefold() == name.strip().casefold():
            raise InputError("a password must not be the name.")
        return self._hasher.hash(plain)

    # The file

    def _read(self) -> Kept:
        if not self.path.is_file():
            return {}
        if os.name == "posix" and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            raise InputError(
                f"{self.path} can be read or changed by other users of this machine. "
                f"Take that away with: chmod 600 {self.path}"
            )
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return {
                str(name): dict(one, password=str(one["password"])) for name, one in content.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self.path} cannot be read as the people who may sign in "
                f"({type(error).__name__}). Put a copy back, or remove it and add them anew."
            ) from None

    @contextmanager
    def _changing(self) -> Iterator[Kept]:
        """The people, written when the block ends without an error; one process at a time."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _alone(self.path.with_name(f".{self.path.name}.lock")):
                people = self._read()
                yield people
                _write(self.path, people)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}.") from None


class Gate:
    """Lets people in, and slows down guessing. One for a server process, whatever its sessions.

    Args:
        people: who may sign in.
        clock: seconds that only ever rise.
    """

    def __init__(self, people: People, clock: Callable[[], float] = time.monotonic) -> None:
        self._people, self._clock = people, clock
        self._wrong: dict[str, list[float]] = {}
        # a hash takes 64 MiB; and no try slips past the count
        self._one_at_a_time = threading.Lock()

    def try_in(self, name: str, password: str) -> bool:
        """Whether the password is right.

        Raises:
            TooManyAttempts: five wrong passwords were given for the name within five minutes;
                right ones are refused too, until five minutes after the last of them.
        """
        name = name.strip()[:80]
        with self._one_at_a_time:
            now = self._clock()
            self._wrong = {
                who: times for who, times in self._wrong.items() if times[-1] > now - SECONDS
            }
            times = [t for t in self._wrong.get(name, []) if t > now - SECONDS]
            if len(self._wrong.get(name, [])) >= WRONG_TRIES:
                minutes = max(1, round((self._wrong[name][-1] + SECONDS - now) / 60))
                raise TooManyAttempts(
                    f"too many wrong passwords for this name. Try again in {minutes} min."
                )
            if self._people.verify(name, password):
                self._wrong.pop(name, None)
                return True
            self._wrong[name] = [*times, now]
            return False


def _usual_path() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "clinmm" / "people.json"


def _checked(name: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise InputError(
            f"a name needs 1 to 80 characters, without line ends and '/', got {len(name)}."
        ) from None


def _plain(password: str) -> str:
    """One spelling for what looks the same on two keyboards (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _write(path: Path, people: Kept) -> None:
    """All of it or none of it; mkstemp's files can be read by their owner alone."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(people, file, indent=1, ensure_ascii=False, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process is in a block with this file."""
    with path.open("w") as file:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
