"""clinmm: studies from images, notes, records and signals that can be trusted or refused.

For research and review use. Importing this package imports nothing heavy.
"""

__version__ = "0.8.0"
