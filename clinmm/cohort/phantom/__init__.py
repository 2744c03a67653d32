"""The phantom: an invented chest cohort, written as real files, whose truth is known.

>>> from clinmm.cohort.phantom import PLANTS
>>> PLANTS
('side_marker', 'stated_label', 'faint_group')
"""

from clinmm.cohort.phantom.generate import make_phantom
from clinmm.cohort.phantom.planting import PLANTS

__all__ = ["PLANTS", "make_phantom"]
