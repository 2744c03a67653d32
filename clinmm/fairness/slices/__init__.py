"""Groups that nobody named: proposed on half of the test patients, confirmed on the other half.

conditions.py   what a column can say of a case: a value, a range, not recorded
topics.py       what a note is about, in words
clusters.py     cases that look alike, described by the columns that set them apart
pictures.py     thumbnails: a space of pictures that no model made
halves.py       which patients propose and which confirm
screening.py    the gap of every slice at once, in standard errors
finder.py       the search, and the test of the few slices that it puts forward
of_run.py       what describes the cases of a run
"""
