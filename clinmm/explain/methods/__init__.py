"""One attribution method a file; the file's name is its name in a config.

A file defines `attribute(logit, values, references, steps)`, all inputs together, so that their
attributions share one scale.
"""
