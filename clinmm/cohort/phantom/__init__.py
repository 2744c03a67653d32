"""The phantom: an invented chest cohort, written as real files, whose truth is known.

>>> from clinmm.cohort.phantom import PLANTS
>>> PLANTS
('side_marker', 'stated_label', 'faint_group', 'duplicate_images', 'missing_note')
"""

from clinmm.cohort.phantom.generate import make_phantom
from clinmm.cohort.phantom.planting import ALL_PLANTS

PLANTS = ("side_marker", "stated_label", "faint_group", "duplicate_images", "missing_note")
"""What the demo plants; `ALL_PLANTS` is everything that can be planted."""

__all__ = ["ALL_PLANTS", "PLANTS", "make_phantom"]
