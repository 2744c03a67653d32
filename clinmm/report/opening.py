"""The first lines: what is predicted, for whom, when, from what, by how many, and how tested."""

from clinmm.report.material import Material
from clinmm.report.wording import class_label, counted, interval, listing, number
from clinmm.validation_size import statement

NOTICE = "For research and review use only. Not for use in patient care."
GENERAL_ENGLISH = "Notes are read by a model of general, not clinical, English."
_KINDS = {
    "image": "pictures",
    "note": "text",
    "record": "values of the record",
    "signal": "a signal",
}


def title(material: Material) -> str:
    """The cohort's name, or what kind of run it is."""
    cohort = material.facts.get("cohort") or {}
    return str(cohort.get("name") or "Predictions made elsewhere")


def lead(material: Material) -> list[tuple[str, str]]:
    """(heading, sentence) pairs."""
    facts, unit = material.facts, material.unit
    lines = [("What is predicted", _target(material)), ("For whom", _who(material))]
    if material.kind != "audit":
        when = str(facts.get("predicted_when") or "not stated")
        lines += [("When", f"{when[:1].upper()}{when[1:]}."), ("From what", _inputs(material))]
    lines.append(("How tested", _tested(material)))
    if "calibrated_on" in facts:
        where = str(facts["calibrated_on"])
        lines.append(("Calibrated on", f"{where[:1].upper()}{where[1:]}."))
    if _general_english(material):
        lines.append(("Language model", GENERAL_ENGLISH))
    if said := _headline(material):
        lines.append(("In one line", said))
    if "validation_size" in material.tables:
        enough = statement(material.tables["validation_size"], unit)
        lines.append(("Enough to validate?", f"{enough[:1].upper()}{enough[1:]}"))
    if carried := (facts.get("transfer") or {}).get("sentence"):
        lines.append(("Does it transfer?", str(carried)))
    lines.append(
        ("Unit", f"The {unit} is the unit of splits, intervals and tests; estimates weigh cases.")
    )
    return lines


def _general_english(material: Material) -> bool:
    """Whether a note is read by the embedded language model."""
    encoders = (material.facts.get("encoders") or {}).values()
    return any(
        e["name"] == "language_model" and e.get("weights", "embedded") == "embedded"
        for e in encoders
    )


def _target(material: Material) -> str:
    names = listing([class_label(name) for name in material.classes])
    target = material.facts.get("target")
    if not target:
        return f"{names}, as given in a file of predictions. clinmm trained nothing here."
    if target["kind"] == "binary":
        return f"{names}: yes or no."
    if target["kind"] == "continuous":
        limits = target.get("range")
        between = f", {limits[0]:g} to {limits[1]:g}" if limits else ""
        return f"{names}: a value in {target['unit']}{between}."
    if target["kind"] == "multiclass":
        return f"{target['name']}, one of {names}."
    return f"{names}: each present or absent, on its own ({target['name']})."


def _who(material: Material) -> str:
    facts = material.facts
    said = f"{facts['n_cases']} cases of {counted(facts['n_patients'], material.unit)}"
    dropped = (facts.get("cohort") or {}).get("dropped")
    if isinstance(dropped, dict) and any(dropped.values()):
        parts = [f"{n} ({name.replace('_', ' ')})" for name, n in dropped.items() if n]
        said += f"; rows of the table left out: {listing(parts)}"
    return said + "."


def _inputs(material: Material) -> str:
    inputs = material.facts.get("inputs") or {}
    parts = [f"{name} ({_KINDS.get(kind, kind)})" for name, kind in inputs.items()]
    return f"{listing(parts)}. Any of them may be missing in any case." if parts else "Not stated."


def _tested(material: Material) -> str:
    facts, unit = material.facts, material.unit
    if material.kind == "audit":
        return "As the file says; its predictions are taken as they are."
    if material.kind == "prediction":
        study = (facts.get("study") or {}).get("cohort", {})
        said = f"Predicted by {facts.get('predicted_by', 'a finished study')}"
        own = (facts.get("cohort") or {}).get("fingerprint")
        if own and study.get("fingerprint") == own:
            return f"{said} on the study's own cases: these are not numbers of unseen {unit}s."
        made_on = study.get("name", "another cohort")
        return f"{said}, made on {made_on}; new cases only as far as the two do not overlap."
    folds, repeats, split = facts.get("n_folds") or 0, facts.get("n_repeats") or 1, material.split
    never = f"each case is judged only by models that never saw its {unit}"
    if folds and split is not None and split.by == "site":
        return f"Each of {folds} sites is held out in turn; {never}."
    if folds:
        return f"{folds} folds by {unit}, {counted(repeats, 'repeat')}; {never}."
    if split is None:
        return f"On held-out {unit}s; the config that says which is not in the run."
    if split.by == "time":
        return f"On the {unit}s from {split.test_from} on; {never}."
    parts = [f"{100 * share:.0f} % {part}" for part, share in split.shares.items()]
    return f"One division by {unit} ({listing(parts)}); numbers are of the test part; {never}."


def _headline(material: Material) -> str:
    if not material.scored:
        return "Nothing has been scored: " + material.absent("metrics")
    of_values = (material.facts.get("target") or {}).get("kind") == "continuous"
    name, words = ("mae", "Mean absolute error") if of_values else ("auroc", "AUROC")
    rows = material.metrics(metric=name, arm=material.arm, class_name=material.headline_class)
    if not len(rows) or rows.iloc[0]["status"] != "ok":
        return f"The {words} could not be estimated: too few cases."
    row = rows.iloc[0]
    inputs = "all inputs together" if material.arm == "fused" else material.arm
    return (
        f"{words} {number(row['value'])} (95 % {interval(row['low'], row['high'])}), "
        f"{class_label(material.headline_class)}, {inputs}, "
        f"{row['n_cases']} test cases of {counted(row['n_patients'], material.unit)}."
    )
