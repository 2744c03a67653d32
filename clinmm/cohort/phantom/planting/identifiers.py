"""Names, dates and numbers of persons in headers, in private tags, in notes and in pixels."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted, with_own_picture

SHARES = {"header": 0.05, "note": 0.05, "burned": 0.02}
FIRST = ("Maria", "Thomas", "Ingrid", "Robert", "Aylin", "James", "Helen", "Pavel")
LAST = ("Keller", "Johnson", "Moreau", "Schneider", "Brown", "Novak", "Larsen", "Clarke")
HOSPITALS = ("Mercy General Hospital", "Klinikum Nord", "Hopital Saint-Antoine")
SENTENCES = (
    "Contact: daughter {first} {last}, 555-{number:04d}.",
    "Mr. {last} was seen on {month:02d}/{day:02d}/2019 by Dr. {other}.",
    "Email {first}.{last}@example.org, MRN {number:04d}{day:02d}{month:02d}.",
    "Discussed with Dr. {other} by phone (212) 555-{number:04d}.",
)


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    places: dict[str, list[str]] = {place: [] for place in SHARES}
    own = {case.index for case in with_own_picture(cases)}
    for case in cases:
        header, note, burned = rng.random(len(SHARES)) < list(SHARES.values())
        first, last, other = (str(rng.choice(names)) for names in (FIRST, LAST, LAST))
        number, month, day = (int(rng.integers(1, top)) for top in (10_000, 13, 29))
        if header and case.index in own:
            case.flaws.header = {
                "PatientName": f"{last}^{first}",
                "PatientBirthDate": f"{2019 - case.age}{month:02d}{day:02d}",
                "InstitutionName": str(rng.choice(HOSPITALS)),
                "private": f"{first} {last}",
            }
            places["header"].append(case.case_id)
        if note and case.present["note"]:
            sentence = SENTENCES[int(rng.integers(len(SENTENCES)))]
            case.flaws.added = sentence.format(
                first=first, last=last, other=other, number=number, month=month, day=day
            )
            places["note"].append(case.case_id)
        if burned and case.index in own:
            case.flaws.burned = f"{last.upper()} {first.upper()} {day:02d}.{month:02d}.1950"
            places["burned"].append(case.case_id)
    ids = sorted({case_id for ids in places.values() for case_id in ids})
    return Planted("identifiers", "all", "image and note", {"share": SHARES, "how": places}, ids)
