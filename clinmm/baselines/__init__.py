"""Plain models of one input, one file each: what a deep model has to beat.

The file's name is the baseline's name; its class `Baseline` fulfils `interface.BaselineLike`. Which
file and which setting serve an input is chosen in each fold on the cases that its models stop on
(`of_fold`); the late fusion of them all is `stacked`.
"""
