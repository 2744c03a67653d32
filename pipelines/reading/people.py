"""Who may sign in to the reading room.

Reads, writes   people.json in the user's configuration, or the file given
"""

from pathlib import Path

import pandas as pd

from clinmm.review.people import People


def open_people(file: Path | None) -> People:
    """The people of a file; of `People.default_path()` without one."""
    return People(file or People.default_path())


def table(people: People) -> pd.DataFrame:
    """Everybody's name and role."""
    names = people.names()
    roles = ["administrator" if people.is_administrator(name) else "" for name in names]
    return pd.DataFrame({"name": names, "role": roles})
