"""The report: a run as one page that needs nothing beside it.

Numbers are read from the run's tables and written down; none is computed here. Every text goes
through a template that escapes it, because notes, class names and groups are somebody's data.
"""
