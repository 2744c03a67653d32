"""What a plant does to the files of one case; nothing of it is evidence of a finding."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Copy:
    """The picture is that of another case. how: a name of `picture_copies.WAYS`."""

    of: int  # index of the other case
    how: str


@dataclass(eq=False)
class Flaws:
    """All empty unless something is planted.

    marker: a letter burned into the picture. own_machine: the picture comes from a machine that
        no unflawed case uses. copy: whose picture it really is. broken: `photometric`,
        `truncated` or `no_pixels`. header: DICOM keyword -> value that names a person.
        burned: words burned into the picture.
    stated: a sentence that gives the label. added: a sentence at the end of the note.
    reworded: the note is that of another case (its index) with a few words changed.
    body: the picture shows the body of another patient (their index).
    mistyped: column -> the value that the table holds.
    days_after: input -> days from the index time to its recording; `before` where it is absent.
    mislabelled: findings whose label in the table is wrong; read_twice: the truth stands beside.
    ward: where the patient lay, a column of the record.
    """

    marker: bool = False
    own_machine: bool = False
    copy: Copy | None = None
    broken: str = ""
    header: dict[str, str] = field(default_factory=dict)
    burned: str = ""
    stated: str = ""
    added: str = ""
    reworded: int | None = None
    body: int | None = None
    mistyped: dict[str, float] = field(default_factory=dict)
    days_after: dict[str, int] = field(default_factory=dict)
    mislabelled: tuple[str, ...] = ()
    read_twice: bool = False
    ward: str = ""
