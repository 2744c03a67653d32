"""Mitigations held against plain training: trained alike, chosen on `validate`, judged on `test`.

asked.py      what a run's config and the options ask for, refused with every problem at once
trained.py    the fused arm of each method, seed and fold, plain training among them
answers.py    raw probabilities -> calibrated ones, calls and sets, each by patients of its own
scored.py     every metric by group, in mean over the seeds
choice.py     which method the rule takes, and whether it is recommended
table.py      the rows of schema.MITIGATION
sentence.py   the recommendation in words
compare.py    all of it, for one study

In every fold of repeat 0, each method is trained as often as plain training, from the same seeds,
with the same budget and calibrated in the same way. Methods that work on finished predictions take
those of plain training.
"""

PLAIN = "plain_training"
