"""How far readers agree beyond chance: one coefficient a file.

cohen_kappa         two readers, as each of them uses the scale
fleiss_kappa        any readers, as many answers on each case
gwet_ac1            any readers, answers may be missing; stands where one answer is frequent
krippendorff_alpha  any readers, answers may be missing; nominal, ordinal or interval

Each file has two functions: one of its own name for a table of answers, and `replicates`, the same
under many weightings of the cases at once, from which `interval.py` makes intervals by patient.
"""
