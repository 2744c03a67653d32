"""Studies of a continuous target: what calibrate, evaluate and audit do with a value.

    recalibration   a straight line from predicted to observed value, chosen against none
    rules           that line and an interval around each prediction, for a predictions table
    samples         a predictions table as samples, for `clinmm.intervals`
    evaluate        errors, order, calibration and intervals on test patients
    audit           the same by sensitive group
    choice          which cases are explained

In the predictions table `target` and the columns `value...` are in the target's unit, and the
columns of probabilities are empty.
"""
