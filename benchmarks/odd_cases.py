"""Odd cases planted among a study's own: how many does each detector flag, and how many others?

    python benchmarks/odd_cases.py RUN [COHORT.yaml ...]

RUN is a study whose train stage is done. One test case a patient (120 at most) is judged by the
detectors of a fold in which the patient was not learned from: as it is, which gives the false
alarms, and with one thing about it changed. Further cohorts with the study's inputs are judged
whole, one case a patient, by the median over the folds. With CLINMM_DATA set, photographs of skin
from ham10000 stand in for pictures too. Rates with Wilson intervals.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from PIL import Image

from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort
from clinmm.folds import Fold, Preparer, folds_of
from clinmm.intervals.limits import normal_quantile, wilson
from clinmm.new_cases import whole_as_test
from clinmm.readers import read_image
from clinmm.stored_models import load_models
from clinmm.study import Study, open_study
from clinmm.uncertainty.outliers.fold import judge_new
from clinmm.uncertainty.outliers.readings import read_inputs
from clinmm.uncertainty.outliers.rows import median_over_models
from clinmm.uncertainty.outliers.stored import load_detectors

MOST = 120
Grey = np.ndarray

GERMAN = (
    "Patientin stellt sich mit seit drei Tagen bestehendem Fieber und trockenem Husten vor. Keine "
    "Atemnot in Ruhe. Auskultatorisch feuchte Rasselgeräusche rechts basal.",
    "Bekannte Herzinsuffizienz, jetzt zunehmende Luftnot beim Treppensteigen. Beidseits "
    "Knöchelödeme. Gewicht in einer Woche um vier Kilogramm gestiegen.",
    "Der Patient berichtet über stechende Schmerzen links beim Einatmen. Kein Auswurf, kein "
    "Fieber. Vor zwei Wochen Sturz vom Fahrrad.",
    "Kontrolle nach Lungenentzündung. Beschwerden rückläufig, noch gelegentlich Husten am Morgen. "
    "Antibiotikum vor fünf Tagen beendet.",
    "Aufnahme wegen Verschlechterung des Allgemeinzustandes. Die Tochter berichtet, ihre Mutter "
    "esse kaum noch und sei nachts verwirrt. Temperatur erhöht.",
    "Herzrasen und Schwindel seit dem frühen Morgen. Bekanntes Vorhofflimmern, Einnahme von "
    "Blutverdünnern. Lunge frei, keine Stauungszeichen.",
    "Routineuntersuchung vor geplanter Hüftoperation. Keine Beschwerden von Seiten der Lunge oder "
    "des Herzens. Raucher, eine Schachtel täglich.",
    "Zunehmende Belastungsdyspnoe seit mehreren Wochen, Nachtschweiß, ungewollter Gewichtsverlust. "
    "Klopfschall links unten gedämpft, Atemgeräusch dort abgeschwächt.",
    "Husten mit gelblichem Auswurf und Schüttelfrost seit gestern. Vorerkrankungen: Bluthochdruck, "
    "Zucker. Lebt allein, versorgt sich selbst.",
    "Nach langer Flugreise plötzlich aufgetretene Atemnot und Schmerzen in der rechten Wade. "
    "Sauerstoffsättigung vermindert, Puls beschleunigt.",
)


# --- what is changed -------------------------------------------------------------------------
def blank(grey: Grey, rng: np.random.Generator) -> Grey:
    return np.full_like(grey, 0.5)


def inverted(grey: Grey, rng: np.random.Generator) -> Grey:
    return 1 - grey


def on_its_side(grey: Grey, rng: np.random.Generator) -> Grey:
    return np.rot90(grey)


def upside_down(grey: Grey, rng: np.random.Generator) -> Grey:
    return grey[::-1]


def drawn_ct(grey: Grey, rng: np.random.Generator) -> Grey:
    """An axial slice: body on black, two dark lungs, a bright spine."""
    side = round(grey.size**0.5)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    wide, high = rng.uniform(0.75, 0.9), rng.uniform(0.55, 0.7)
    out = np.zeros((side, side))
    out[(x / wide) ** 2 + (y / high) ** 2 < 1] = 0.55
    for left in (-1, 1):
        at = (x - left * 0.38) / rng.uniform(0.24, 0.3), (y + 0.03) / rng.uniform(0.36, 0.42)
        out[at[0] ** 2 + at[1] ** 2 < 1] = 0.1
    out[x**2 + ((y - 0.38) / 1.1) ** 2 < 0.012] = 0.95
    return np.clip(out + rng.normal(0, 0.03, out.shape), 0, 1)


PICTURES = {
    "picture only rewritten": lambda grey, rng: grey,
    "picture blank": blank,
    "picture inverted": inverted,
    "picture on its side": on_its_side,
    "picture upside down": upside_down,
    "drawn CT slice": drawn_ct,
}
NOTES: dict[str, Callable[[int, str], str]] = {
    "note empty": lambda i, own: "",
    "note of one word": lambda i, own: "n/a unknown",
    "note cut to 25 words": lambda i, own: " ".join(own.split()[:25]),
    "note in German": lambda i, own: GERMAN[i % len(GERMAN)],
}
UNITS: dict[str, tuple[str, Callable[[float], float]]] = {
    "temperature in Fahrenheit": ("degC", lambda v: 1.8 * v + 32),
    "age of 400": ("years", lambda v: 400.0),
    "cells per microlitre": ("10^9/L", lambda v: 1000 * v),
}


def plants(cohort: Cohort, folder: Path) -> Iterator[tuple[str, str, Cohort]]:
    """(what is changed, in which input, the cases that have the input after the change)."""
    rng = np.random.default_rng(0)
    for name, source in cohort.spec.inputs.items():
        have = cohort.subset(np.flatnonzero(cohort.present(name)))
        if source.kind == "image":
            for what, change in PICTURES.items():
                cells = []
                for i, path in enumerate(have.image_paths(name)):
                    assert path is not None
                    grey = read_image(path).pixels.mean(0)
                    file = folder / f"{what}_{i}{path.suffix}".replace(" ", "_")
                    cells.append(str(file))
                    _write(change(grey, rng), like=path, to=file)
                yield what, name, _with(have, source.column, cells)
            skin = Path(os.environ.get("CLINMM_DATA", "")) / "ham10000" / "images"
            if files := sorted(skin.glob("*"))[: have.n_cases]:
                some = have.subset(np.arange(len(files)))
                yield (
                    "photograph of skin",
                    name,
                    _with(some, source.column, [str(f) for f in files]),
                )
        elif source.kind == "note":
            for what, text in NOTES.items():
                cells = [text(i, str(own)) for i, own in enumerate(have.notes(name))]
                yield what, name, _with(have, source.column, cells)
        else:
            for what, (unit, change) in UNITS.items():
                for column in [c for c, u in source.numeric.items() if u == unit][:1]:
                    known = have.subset(np.flatnonzero(have.record(name)[column].notna()))
                    cells = [str(change(v)) for v in known.record(name)[column]]
                    yield what, name, _with(known, column, cells)
            for column in source.categorical[:1]:
                cells = ["never seen before"] * have.n_cases
                yield f"unknown {column}", name, _with(have, column, cells)


SHOWN_BY = (
    "VOILUTSequence", "VOILUTFunction", "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept",
    "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip


def _write(grey: Grey, like: Path, to: Path) -> None:
    """A file of the same kind, modality included, so that only the picture gives it away."""
    if like.suffix != ".dcm":
        Image.fromarray(np.round(255 * grey).astype(np.uint8)).save(to)
        return
    dataset = pydicom.dcmread(like)
    for tag in SHOWN_BY:
        if tag in dataset:
            delattr(dataset, tag)
    stored = np.ascontiguousarray(np.round(4095 * grey).astype(np.uint16))
    dataset.set_pixel_data(stored, "MONOCHROME2", 12, generate_instance_uid=False)
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.save_as(to)
    assert np.abs(read_image(to).pixels[0] - grey).max() < 0.001


def _with(cohort: Cohort, column: str, cells: list[str]) -> Cohort:
    return replace(cohort, table=cohort.table.assign(**{column: [c or None for c in cells]}))


# --- judging ---------------------------------------------------------------------------------
def judged(study: Study, cohort: Cohort, test_fold: dict[str, Fold] | None) -> pd.DataFrame:
    """Rows of `outliers`: by the case's test fold, or by the median over all folds."""
    readings, preparer = read_inputs(cohort), Preparer(cohort, study.config.encoders)
    ids, tables = cohort.table["case_id"].to_numpy(), []
    for repeat, number in study.model_places() if test_fold is None else _places(test_fold):
        place = study.run.model_folder(FUSED, repeat, number)
        description, models = load_models(study.run.folder / place)
        detectors = load_detectors(study.run, place)
        batch, fold = preparer.batch(description.facts), whole_as_test(cohort, repeat, number)
        rows = judge_new(detectors, cohort, readings, models, batch, fold)
        if test_fold is not None:
            mine = [i for i in ids if (test_fold[i].repeat, test_fold[i].fold) == (repeat, number)]
            rows = rows[rows["case_id"].isin(mine)]
        tables.append(rows)
    return median_over_models(tables) if test_fold is None else pd.concat(tables)


def _places(test_fold: dict[str, Fold]) -> list[tuple[int, int]]:
    return sorted({(fold.repeat, fold.fold) for fold in test_fold.values()})


def show(what: str, rows: pd.DataFrame, name: str | None) -> None:
    """One line per detector: all inputs, or the one that was changed; and either detector."""
    part = rows if name is None else rows[rows["input"] == name]
    lines = [(f"{d} {i}", g) for (d, i), g in part.groupby(["detector", "input"])]
    lines.append(("any" if name is None else "either", part))
    for label, group in lines:
        hit = group.assign(hit=group["flag"] == "yes").groupby("case_id")["hit"].any()
        low, high = wilson(float(hit.mean()), len(hit), normal_quantile())
        print(
            f"{what:28s} {label:18s} {int(hit.sum()):4d} of {len(hit):4d}   "
            f"{hit.mean():6.1%} ({low:.1%} to {high:.1%})"
        )


def one_a_patient(cohort: Cohort) -> Cohort:
    order = np.random.default_rng(0).permutation(cohort.n_cases)
    first = ~cohort.table["patient_id"].iloc[order].duplicated().to_numpy()
    return cohort.subset(np.sort(order[first][:MOST]))


def main(folder: str, others: list[str]) -> None:
    study = open_study(Path(folder))
    ids = study.cohort.table["case_id"].tolist()
    test_fold: dict[str, Fold] = {}
    for fold in folds_of(study.run.read("splits"), ids):
        for row in np.flatnonzero(fold.split == "test"):
            test_fold.setdefault(ids[row], fold)
    tested = np.flatnonzero([i in test_fold for i in ids])
    cohort = one_a_patient(study.cohort.subset(tested))
    show("as it is", judged(study, cohort, test_fold), None)
    with tempfile.TemporaryDirectory() as temporary:
        for what, name, changed in plants(cohort, Path(temporary)):
            show(what, judged(study, changed, test_fold), name)
    for file in others:
        other = one_a_patient(load_cohort(Path(file), for_prediction=True))
        show(Path(file).stem, judged(study, other, None), None)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
