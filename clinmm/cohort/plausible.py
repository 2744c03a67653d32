"""Limits of life: what a measured quantity can be in a living person, by unit."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """names: words of a column's name that mean it. limits: unit -> (lowest, highest) ever seen in
    a living patient, or that a device reports. These are no limits of health."""

    names: tuple[str, ...]
    limits: dict[str, tuple[float, float]]


QUANTITIES = (
    # 13.7 degC survived: Gilbert et al., Lancet 2000. 46.5 degC survived: Slovis et al., 1982.
    Quantity(("temperature", "temp"), {"degC": (13, 47), "degF": (55, 117)}),
    Quantity(
        ("spo2", "sao2", "saturation", "o2sat", "sat"), {"percent": (10, 100), "fraction": (0.1, 1)}
    ),
    # 600/min: Chhabra et al., J Cardiovasc Electrophysiol 2012.
    Quantity(("heartrate", "hr", "pulse"), {"/min": (10, 600)}),
    Quantity(("respiratoryrate", "resprate", "rr"), {"/min": (1, 150)}),
    # 370/360 mmHg while lifting: MacDougall et al., J Appl Physiol 1985.
    Quantity(
        ("systolic", "sbp", "sysbp", "diastolic", "dbp", "diasbp", "map"),
        {"mmHg": (10, 400), "kPa": (1.3, 53)},
    ),
    Quantity(("age",), {"years": (0, 123), "months": (0, 1476), "days": (0, 45000)}),
    Quantity(("height",), {"cm": (20, 275), "m": (0.2, 2.75), "in": (8, 108)}),
    Quantity(("weight",), {"kg": (0.2, 640), "g": (200, 640000), "lb": (0.4, 1410)}),
    Quantity(("bmi",), {"kg/m2": (5, 210)}),
    # 1.4 g/dL survived, 0.7 g/dL reported: Schmidt et al., Transfusion 2023.
    Quantity(("hemoglobin", "haemoglobin", "hb", "hgb"),
             {"g/dL": (0.5, 30), "g/L": (5, 300), "mmol/L": (0.3, 19)}),
    Quantity(("sodium", "na"), {"mmol/L": (70, 260)}),
    Quantity(("potassium", "k"), {"mmol/L": (0.5, 15)}),
    Quantity(("chloride", "cl"), {"mmol/L": (40, 200)}),
    Quantity(("creatinine", "crea"), {"umol/L": (2, 7000), "mg/dL": (0.02, 80)}),
    Quantity(("urea",), {"mmol/L": (0.1, 150), "mg/dL": (0.6, 900)}),
    Quantity(("bun",), {"mg/dL": (0.3, 420), "mmol/L": (0.1, 150)}),
    # 2656 mg/dL: Guinness World Records 2008.
    Quantity(("glucose",), {"mmol/L": (0.1, 160), "mg/dL": (1, 2900)}),
    Quantity(("lactate",), {"mmol/L": (0.05, 60), "mg/dL": (0.5, 540)}),
    Quantity(("bilirubin",), {"umol/L": (0, 1500), "mg/dL": (0, 90)}),
    Quantity(("albumin",), {"g/L": (2, 80), "g/dL": (0.2, 8)}),
    Quantity(("crp",), {"mg/L": (0, 1000), "mg/dL": (0, 100)}),
    Quantity(("ph",), {"": (6.2, 8.0), "pH": (6.2, 8.0)}),
    Quantity(("wbc", "leukocyte", "leucocyte", "leukocytes", "leucocytes"), {"10^9/L": (0, 1500)}),
    Quantity(("platelets", "platelet", "plt"), {"10^9/L": (0, 6000)}),
)  # fmt: skip

_SPELLINGS = {
    "c": "degC", "celsius": "degC", "degc": "degC", "degf": "degF", "f": "degF",
    "fahrenheit": "degF", "%": "percent", "percent": "percent", "bpm": "/min",
    "beats/min": "/min", "breaths/min": "/min", "per minute": "/min", "min-1": "/min",
    "/minute": "/min", "1/min": "/min", "year": "years", "yr": "years", "yrs": "years",
    "y": "years", "a": "years", "month": "months", "day": "days", "kg/m^2": "kg/m2",
    "meq/l": "mmol/L", "micromol/l": "umol/L", "10*9/l": "10^9/L", "10e9/l": "10^9/L",
    "x10^9/l": "10^9/L", "giga/l": "10^9/L", "k/ul": "10^9/L",
    "10^3/ul": "10^9/L",
}  # fmt: skip
_SPELLINGS |= {unit.lower(): unit for quantity in QUANTITIES for unit in quantity.limits if unit}


def canonical(unit: str) -> str:
    """One spelling of a unit: `°C`, `C` and `celsius` are degC. Unknown ones stay as they are.

    >>> canonical("°C"), canonical("mmol/l"), canonical("µmol/L"), canonical("points")
    ('degC', 'mmol/L', 'umol/L', 'points')
    """
    plain = unit.strip().replace("°", "").replace("µ", "u").replace("\u03bc", "u")
    plain = plain.replace("²", "2").replace("⁹", "^9").replace("³", "^3")
    return _SPELLINGS.get(plain.lower(), plain)


def quantity_of(column: str) -> Quantity | None:
    """What a column measures, by the words of its name: `temp_c`, `HeartRate`, `body temperature`.

    A name that says more than the quantity (a difference, a score, a mean of neighbours) is not
    known: `age_at_death` and `weight_loss` are none.
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column)
    words = [word for word in re.split(r"[^a-z0-9]+", split.lower()) if word]
    said = [w for w in words if w not in _BESIDE and canonical(w).lower() not in _UNIT_WORDS]
    for quantity in QUANTITIES:
        if "".join(said) in quantity.names or (said and all(w in quantity.names for w in said)):
            return quantity
    return None


_BESIDE = {
    "body", "patient", "p", "core", "blood", "serum", "plasma", "pressure", "count", "first",
    "admission", "baseline", "at", "on", "bp", "po2", "p02", "o2", "oxygen", "level", "value",
    "arterial", "min", "max", "mean", "last",
}  # fmt: skip
_UNIT_WORDS = {
    "degc", "degf", "percent", "years", "months", "days", "cm", "m", "kg", "g", "lb", "mmhg",
    "kpa", "mmol", "umol", "mg", "dl", "l", "10",
}  # fmt: skip


def limits_of(column: str, unit: str) -> tuple[float, float] | None:
    """What the column can hold at the utmost; None where its name or unit is not known.

    >>> limits_of("temp", "°C")
    (13, 47)
    """
    quantity = quantity_of(column)
    return quantity.limits.get(canonical(unit)) if quantity else None


def likely_unit(column: str, values: "list[float]") -> str:
    """The first unit in which all values are possible, `unit` where none is or nothing is known.

    >>> likely_unit("temperature", [98.6, 101.2]), likely_unit("score", [3.0])
    ('degF', 'unit')
    """
    quantity = quantity_of(column)
    for unit, (low, high) in (quantity.limits if quantity else {}).items():
        if values and all(low <= value <= high for value in values):
            return unit or "unit"
    return "unit"
