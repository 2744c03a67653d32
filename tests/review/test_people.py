"""Who may sign in: nothing but hashes is kept, and guessing is slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from clinmm.errors import InputError
from clinmm.review.people import Gate, People, TooManyAttempts

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""For tests alone: a hash takes a millisecond."""

PASSWORD = "nine green bottles"


@pytest.fixture
def people(tmp_path: Path) -> People:
    kept = People(tmp_path / "clinmm" / "people.json", QUICK)
    kept.add("Ada", PASSWORD, administrator=True)
    return kept


def test_the_right_password_and_no_other_lets_in(people: People) -> None:
    people.add("Ben", "another one of mine")
    assert people.names() == ["Ada", "Ben"]
    assert people.verify("Ada", PASSWORD)
    assert people.verify(" Ada ", PASSWORD)
    assert not people.verify("Ada", PASSWORD + " ")
    assert not people.verify("Ben", PASSWORD)
    assert not people.verify("Cy", PASSWORD)
    assert not people.verify("Ada", "")
    assert people.is_administrator("Ada")
    assert not people.is_administrator("Ben")
    assert not people.is_administrator("Cy")


def test_a_password_is_the_same_however_a_keyboard_spells_it(people: People) -> None:
    people.add("Ben", "cafe\u0301 au lait \u2460")
    assert people.verify("Ben", "caf\u00e9 au lait 1")


def test_a_new_password_takes_the_place_of_the_old(people: People) -> None:
    people.change("Ada", "ten green bottles")
    assert people.verify("Ada", "ten green bottles")
    assert not people.verify("Ada", PASSWORD)
    assert people.is_administrator("Ada")


def test_who_is_removed_is_let_in_no_more(people: People) -> None:
    people.remove("Ada")
    assert people.names() == []
    assert not people.verify("Ada", PASSWORD)


def test_the_file_is_its_owners_alone_and_holds_no_password(people: People) -> None:
    assert people.path.stat().st_mode & 0o777 == 0o600
    assert people.path.parent.stat().st_mode & 0o777 == 0o700
    text = people.path.read_text()
    assert "bottles" not in text
    assert json.loads(text)["Ada"]["password"].startswith("$argon2id$v=19$")
    people.path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        people.names()


def test_without_settings_the_hash_is_that_of_rfc_9106(tmp_path: Path) -> None:
    kept = People(tmp_path / "people.json")
    kept.add("Ada", PASSWORD)
    assert "$m=65536,t=3,p=4$" in kept.path.read_text()


def test_an_old_hash_is_made_anew_at_the_next_sign_in(people: People) -> None:
    stronger = People(people.path, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    before = people.path.read_text()
    assert not stronger.verify("Ada", "wrong password")
    assert people.path.read_text() == before
    assert stronger.verify("Ada", PASSWORD)
    assert "m=16,t=2" in people.path.read_text()
    assert stronger.verify("Ada", PASSWORD)
    assert stronger.is_administrator("Ada")


def test_an_unknown_name_costs_as_many_hashes_as_a_known_one(tmp_path: Path) -> None:
    class Counting(PasswordHasher):
        verified = 0

        def verify(self, *args: object) -> bool:  # type: ignore[override]
            Counting.verified += 1
            return super().verify(*args)  # type: ignore[arg-type]

    kept = People(tmp_path / "people.json", Counting(1, 8, 1))
    kept.add("Ada", PASSWORD)
    kept.verify("Ada", "wrong password")
    kept.verify("nobody", "wrong password")
    assert Counting.verified == 2


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [
        ("Ben", "short", "10 to 1024 characters, got 5"),
        ("Ben", "x" * 1025, "got 1025"),
        ("Benedict Ben", "benedict ben", "must not be the name"),
        ("Ada", PASSWORD, "'Ada' may sign in already"),
        (" ", PASSWORD, "1 to 80 characters"),
        ("a/b", PASSWORD, "without line ends and '/'"),
    ],
)
def test_what_cannot_be_added_is_refused(
    people: People, name: str, password: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        people.add(name, password)
    assert password not in str(caught.value) or name == password
    assert people.names() == ["Ada"]


def test_nobody_unknown_is_changed_or_removed(people: People) -> None:
    with pytest.raises(InputError, match="not among those who may sign in: Ada"):
        people.remove("Ben")
    with pytest.raises(InputError, match="not among those who may sign in: Ada"):
        people.change("Ben", PASSWORD)


def test_a_run_folder_is_no_place_for_passwords(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    for path in (tmp_path / "people.json", tmp_path / "deep" / "er" / "people.json"):
        with pytest.raises(InputError, match="lies in the run folder"):
            People(path)
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    with pytest.raises(InputError, match="lies in the run folder"):
        People(link / "people.json")


@pytest.mark.parametrize("content", ["", "[]", '{"Ada": 3}', '{"Ada": {}}'])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "people.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="cannot be read as the people"):
        People(path, QUICK).add("Ben", PASSWORD)
    assert path.read_text() == content


def test_the_file_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLINMM_PEOPLE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert People.default_path() == tmp_path / "clinmm" / "people.json"
    monkeypatch.setenv("CLINMM_PEOPLE", str(tmp_path / "mine.json"))
    assert People.default_path() == tmp_path / "mine.json"


def test_processes_that_add_at_once_lose_nobody(people: People) -> None:
    script = (
        "import sys; from argon2 import PasswordHasher; from clinmm.review.people import People\n"
        "p = People(sys.argv[1], PasswordHasher(1, 8, 1))\n"
        "for i in range(8): p.add(f'{sys.argv[2]}{i}', 'a long password')\n"
    )
    command = [sys.executable, "-c", script, str(people.path)]
    both = [subprocess.Popen([*command, name]) for name in ("x", "y", "z")]
    assert [one.wait(timeout=300) for one in both] == [0, 0, 0]
    assert set(people.names()) == {"Ada", *(f"{n}{i}" for n in "xyz" for i in range(8))}


# --- guessing ------------------------------------------------------------------------------


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_five_wrong_passwords_even_the_right_one_waits(people: People) -> None:
    clock = _Clock()
    gate = Gate(people, clock)
    for _ in range(5):
        clock.now += 10
        assert not gate.try_in("Ada", "wrong password")
    with pytest.raises(TooManyAttempts, match="Try again in 5 min"):
        gate.try_in("Ada", PASSWORD)
    clock.now += 240
    with pytest.raises(TooManyAttempts, match="Try again in 1 min"):
        gate.try_in(" Ada", PASSWORD)
    clock.now += 61
    assert gate.try_in("Ada", PASSWORD)


def test_others_are_not_slowed_and_a_right_password_forgets_wrong_ones(people: People) -> None:
    people.add("Ben", PASSWORD)
    gate = Gate(people, _Clock())
    for _ in range(4):
        gate.try_in("Ada", "wrong password")
    assert gate.try_in("Ada", PASSWORD)
    for _ in range(5):
        gate.try_in("Ada", "wrong password")
    assert gate.try_in("Ben", PASSWORD)


def test_wrong_passwords_long_ago_do_not_count(people: People) -> None:
    clock = _Clock()
    gate = Gate(people, clock)
    for _ in range(12):
        clock.now += 80
        assert not gate.try_in("Ada", "wrong password")
    assert gate.try_in("Ada", PASSWORD)


def test_names_that_nobody_has_are_slowed_too(people: People) -> None:
    gate = Gate(people, _Clock())
    for _ in range(5):
        assert not gate.try_in("nobody", "wrong password")
    with pytest.raises(TooManyAttempts):
        gate.try_in("nobody", "wrong password")
