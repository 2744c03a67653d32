"""What the reading room refuses to do, beside plainly unusable input."""

from clinmm.errors import InputError


class NotAllowed(InputError):
    """This person's role, or how far they have come with the case, does not allow it."""


class Superseded(InputError):
    """What was to be saved rests on a state that is no longer the latest; nothing was saved."""


class NotSaved(InputError):
    """The database did not take what was to be saved."""
