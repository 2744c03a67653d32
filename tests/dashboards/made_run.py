"""A small, invented run folder: forty cases, four findings, three inputs, drawn pictures.

Its numbers are made up and only plausible; the pages are tested against the files, not the files
against a model.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from made_intake import write_intake
from PIL import Image

from clinmm.runs import STAGES, Run

CLASSES = ["cardiomegaly", "effusion", "consolidation", "nodule"]
N_CASES = 40
HOSTILE = "case_003"
"""Its note carries markup that a browser must never run."""

WITHHELD = "case_002"
"""Its effusion explanation has status `withheld`."""

NUMERIC = {"age": "years", "temperature": "degC", "spo2": "%", "crp": "mg/L", "bnp": "ng/L"}

COHORT: dict[str, Any] = {
    "name": "made-chest",
    "table": "cases.csv",
    "case_id": "case_id",
    "patient_id": "patient_id",
    "unit_name": "patient",
    "target": {"name": "finding", "kind": "multilabel", "columns": CLASSES},
    "inputs": {
        "image": {"kind": "image", "column": "image"},
        "note": {"kind": "note", "column": "note"},
        "record": {"kind": "record", "numeric": NUMERIC, "categorical": ["sex"]},
    },
    "sensitive": {"sex": "sex", "age": {"column": "age", "bins": [0, 40, 65, 120]}},
}

NOTE = (
    "67-year-old, short of breath for three days, worse lying flat. Known hypertension, "
    "appendectomy in 1998. Dull percussion at the left base, no fever. Ankles swollen. "
    "BNP pending. No haemoptysis. Pls assess for effusion vs consolidation."
)

WORTH_IT = {
    "sentence": "Fusion is worth it: mean AUROC 0.871, better than the best other (image, 0.804) "
    "by 0.067 (0.039 to 0.095), 230 patients.",
    "verdict": "better",
    "rival": "image",
}
AROUND = (0.04, 0.028)
"""Half widths of the made intervals, of a value and of a difference."""


def made_run(folder: Path) -> Run:
    """Writes the run into `folder` and gives it back."""
    rng = np.random.default_rng(7)
    run = Run.create(folder, "study", _facts())
    run.write_text("cohort.yaml", yaml.safe_dump(COHORT, sort_keys=False))
    cases = _cases(run, rng)
    run.write("cases", cases)
    run.write("predictions", _predictions(cases, rng))
    run.write("metrics", _metrics())
    run.write("comparisons", _comparisons())
    run.write("curves", _curves())
    run.write("worth_it", _worth_it())
    run.write("training_inputs", _training_inputs())
    write_intake(run)
    run.write("explanations", _explanations(run, cases, rng))
    return run


def _facts() -> dict[str, Any]:
    return {
        "seed": 7,
        "cohort": {"name": "made-chest", "fingerprint": "0f" * 8},
        "n_cases": N_CASES,
        "n_patients": 36,
        "unit_name": "patient",
        "target": {"name": "finding", "kind": "multilabel", "classes": CLASSES},
        "inputs": {"image": "image", "note": "note", "record": "record"},
        "predicted_when": "at the radiograph, before it is reported",
        "n_folds": 0,
        "n_repeats": 1,
        "arms": ["fused", "image", "note", "record"],
        "rival": "image",
        "worth_it": WORTH_IT,
        "stages": {stage: {"seconds": 3.0 + i} for i, stage in enumerate(STAGES)},
    }


def _picture(rng: np.random.Generator, colour: bool) -> Image.Image:
    """Two lungs, a heart and ribs as ellipses and arcs; 16-bit gray, or 8-bit RGB."""
    y, x = np.mgrid[-1:1:420j, -1:1:360j]
    body = 0.75 * np.exp(-((x / 0.95) ** 6) - (y / 1.15) ** 8)
    for side in (-1, 1):
        lung = ((x - side * 0.42) / 0.33) ** 2 + ((y + 0.02) / 0.66) ** 2 < 1
        body = np.where(lung, body * 0.42, body)
        ribs = np.sin((y + 0.35 * (x * side - 0.4) ** 2) * 34) > 0.72
        body = np.where(lung & ribs, body + 0.07, body)
    heart = ((x - 0.16) / 0.34) ** 2 + ((y - 0.3) / 0.32) ** 2 < 1
    body = np.where(heart, np.maximum(body, 0.62), body)
    spine = np.abs(x) < 0.06
    body = np.where(spine, body + 0.08, body)
    noisy = np.clip(body + rng.normal(0, 0.012, body.shape), 0, 1)
    if colour:
        return Image.fromarray((noisy[..., None] * [255, 214, 196]).astype(np.uint8))
    return Image.fromarray((noisy * 4095).astype(np.uint16))


def _cases(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    (run.folder / "images").mkdir(exist_ok=True)
    for i in range(N_CASES):
        case_id = f"case_{i:03d}"
        display = f"images/{case_id}_image.png"
        has_image, has_note = i % 9 != 4, i % 11 != 5
        if has_image:
            _picture(rng, colour=i == 6).save(run.folder / display)
        note = NOTE
        if case_id == HOSTILE:
            note = (
                "Fever <38 & cough. <script>window.hacked = true</script>"
                '<img src=x onerror="window.hacked = true"> </span> **end**'
            )
        inputs = ["image"] * has_image + ["note"] * has_note + ["record"]
        rows.append(
            {
                "case_id": case_id,
                "patient_id": f"p{i * 9 // 10:03d}",
                "image": f"files/{i}.dcm" if has_image else None,
                "image_sha256": "00" * 32 if has_image else None,
                "image_display": display if has_image else "",
                "note": note if has_note else None,
                "age": float(30 + (i * 7) % 55),
                "temperature": None if i % 5 == 1 else 36.4 + (i % 7) * 0.4,
                "spo2": float(88 + i % 11),
                "crp": None if i % 6 == 2 else float(4 + (i * 13) % 160),
                "bnp": None if i % 4 == 3 else float(40 + (i * 97) % 1900),
                "sex": "F" if i % 2 else "M",
                "pattern": "+".join(inputs),
                **{name: float((i + k) % 4 == 0) for k, name in enumerate(CLASSES)},
            }
        )
    return pd.DataFrame(rows)


def _predictions(cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for arm in ("fused", "image", "note", "record"):
        for i, case in cases.iterrows():
            for name in CLASSES:
                score = 2.2 * case[name] - 1.4 + rng.normal(0, 0.9)
                risk = 1 / (1 + np.exp(-score))
                rows.append(
                    {
                        "arm": arm,
                        "repeat": 0,
                        "fold": 0,
                        "case_id": case["case_id"],
                        "patient_id": case["patient_id"],
                        "split": "test" if int(str(i)) < 30 else "train",
                        "class_name": name,
                        "target": case[name],
                        "probability_raw": 1 / (1 + np.exp(-1.6 * score)),
                        "probability": risk,
                        "pattern": case["pattern"],
                    }
                )
    return pd.DataFrame(rows)


def _metric(metric: str, value: float, **other: Any) -> dict[str, Any]:
    half = 0.04 if metric != "log_loss" else 0.05
    return {
        "arm": "fused",
        "split": "test",
        "repeat": "all",
        "fold": "all",
        "metric": metric,
        "class_name": "macro",
        "group_by": "all",
        "group": "all",
        "pattern": "any",
        "probability": "calibrated",
        "operating_point": None,
        "value": value,
        "low": value - half,
        "high": value + half,
        "n_cases": 300,
        "n_patients": 260,
        "n_positive": 84,
        "interval": "patient bootstrap",
        "status": "ok",
        "reason": None,
        **other,
    }


def _metrics() -> pd.DataFrame:
    rows = []
    for arm, auroc in (("fused", 0.871), ("image", 0.804), ("note", 0.752), ("record", 0.698)):
        rows.append(_metric("auroc", auroc, arm=arm))
        for k, name in enumerate(CLASSES):
            rows.append(_metric("auroc", auroc + 0.03 - 0.02 * k, arm=arm, class_name=name))
            rows.append(_metric("auprc", auroc - 0.2 - 0.02 * k, arm=arm, class_name=name))
    for probability, shift in (("raw", 0.04), ("calibrated", 0.0)):
        for metric, value in (("log_loss", 0.412), ("brier", 0.131), ("ece", 0.046)):
            rows.append(_metric(metric, value + shift, probability=probability))
            for k, name in enumerate(CLASSES):
                worse = value + shift + 0.01 * k
                rows.append(_metric(metric, worse, probability=probability, class_name=name))
    for k, name in enumerate(CLASSES):
        rows.append(_metric("prevalence", 0.31 - 0.04 * k, class_name=name))
        point = {"class_name": name, "operating_point": "high_sensitivity"}
        rows.append(_metric("sensitivity", 0.9 - 0.02 * k, **point))
        rows.append(_metric("specificity", 0.61 - 0.03 * k, **point))
    for pattern, value in (("image+note+record", 0.884), ("note+record", 0.771), ("record", 0.69)):
        rows.append(_metric("auroc", value, pattern=pattern, n_patients=90))
    for group_by, group, value, n in (
        ("sex", "F", 0.842, 131),
        ("sex", "M", 0.893, 129),
        ("age", "[0, 40)", 0.879, 61),
        ("age", "[40, 65)", 0.868, 108),
        ("age", "[65, 120)", 0.851, 91),
    ):
        rows.append(_metric("auroc", value, group_by=group_by, group=group, n_patients=n))
        for k, name in enumerate(CLASSES):
            slice_ = {"group_by": group_by, "group": group, "n_patients": n, "class_name": name}
            rows.append(_metric("auroc", value - 0.01 * k, **slice_))
    point = {"operating_point": "high_sensitivity", "interval": "none", "class_name": "effusion"}
    gap = {"low": float("nan"), "high": float("nan"), "group_by": "sex", **point}
    rows.append(_metric("fnr_gap", 0.083, **gap))
    unknown = _metric("auroc", float("nan"), group_by="sex", group="not recorded", n_patients=6)
    unknown |= {"low": float("nan"), "high": float("nan"), "status": "suppressed"}
    unknown |= {"reason": "6 patients; an estimate needs at least 10", "n_cases": 6}
    rows.append(unknown)
    return pd.DataFrame(rows)


def _comparison(arm: str, rival: str, difference: float, verdict: str, **other: Any) -> Any:
    return {
        "arm": arm,
        "rival": rival,
        "metric": "auroc",
        "class_name": "macro",
        "group_by": "all",
        "group": "all",
        "pattern": "any",
        "difference": difference,
        "low": difference - 0.028,
        "high": difference + 0.028,
        "p": 0.004,
        "p_holm": 0.012,
        "family": "fusion",
        "n_patients": 260,
        "verdict": verdict,
        **other,
    }


def _comparisons() -> pd.DataFrame:
    log_loss = {"metric": "log_loss", "family": "calibration"}
    rows = [_comparison("fused", "image", 0.067, "better")]
    for rival, difference in (("note", 0.119), ("record", 0.173)):
        rows.append(_comparison("fused", rival, difference, "exploratory", family=None))
    for k, name in enumerate(CLASSES):
        verdict = "better" if k < 3 else "not_shown"
        log_loss["class_name"] = name
        rows.append(_comparison("fused", "uncalibrated", -0.04, verdict, **log_loss))
        for group_by, group, difference in (
            ("sex", "F", -0.021),
            ("sex", "M", 0.021),
            ("age", "[0, 40)", 0.017),
            ("age", "[65, 120)", -0.022),
        ):
            planted = name == "effusion" and group_by == "sex"
            sign = 1 if difference > 0 else -1
            slice_ = {"group_by": group_by, "group": group, "family": "gaps", "class_name": name}
            rows.append(
                _comparison(
                    "fused",
                    "complement",
                    0.051 * sign if planted else difference,
                    ("better" if sign > 0 else "worse") if planted else "not_shown",
                    **slice_,
                )
            )
    return pd.DataFrame(rows)


def _worth_it() -> pd.DataFrame:
    rows = []
    aurocs = {"fused": 0.871, "image": 0.804, "note": 0.752, "record": 0.698}
    aurocs |= {"image+note": 0.842, "baseline:note": 0.731, "baseline:stacked": 0.829}
    shown = ("fused", "image", "note", "record")
    for population, n in (("have_rival", 230), ("everyone", 260)):
        places = [("any", arm, name) for arm in aurocs for name in ("macro", *CLASSES)]
        places += [("image+note+record", arm, "macro") for arm in shown]
        places += [("note+record", arm, "macro") for arm in shown if population == "everyone"]
        for pattern, arm, name in places:
            shift = 0.01 * (CLASSES.index(name) + 1 if name in CLASSES else 0)
            shift += 0.02 * (population == "everyone") * (arm != "fused")
            rows += [
                _compared_arm(population, n, pattern, arm, name, metric, value, aurocs["fused"])
                for metric, value in (("auroc", aurocs[arm] - shift), ("brier", 0.15 + shift))
            ]
    return pd.DataFrame(rows)


def _compared_arm(
    population: str,
    n: int,
    pattern: str,
    arm: str,
    name: str,
    metric: str,
    value: float,
    fused: float,
) -> dict[str, Any]:
    judged = (arm, name, metric, pattern) == ("image", "macro", "auroc", "any")
    gap = float("nan") if arm == "fused" else fused - value
    return {
        "population": population,
        "arm": arm,
        "role": {"fused": "fused", "image": "rival"}.get(arm),
        "metric": metric,
        "class_name": name,
        "group_by": "all",
        "group": "all",
        "pattern": pattern,
        "value": value,
        "low": value - AROUND[0],
        "high": value + AROUND[0],
        "n_cases": n + 40,
        "n_patients": n,
        "difference": gap,
        "difference_low": gap - AROUND[1],
        "difference_high": gap + AROUND[1],
        "p": float("nan") if arm == "fused" else 0.0041,
        "p_holm": 0.0082 if judged else float("nan"),
        "n_compared": n,
        "verdict": None if arm == "fused" else "better" if judged else "exploratory",
        "detectable": 0.04,
        "status": "ok",
        "reason": None,
    }


def _training_inputs() -> pd.DataFrame:
    rows = []
    for member in range(3):
        for name, best in (("image", 0.41), ("note", 0.55), ("record", 0.6)):
            for epoch in range(1, 13 - member):
                loss = best + 0.25 * float(np.exp(-epoch / 4)) + 0.01 * member
                place = {"arm": "fused", "repeat": 0, "fold": 0, "member": member, "epoch": epoch}
                losses = {"train_loss": loss - 0.05, "validate_loss": loss}
                rows.append({**place, "input": name, **losses, "validate_auroc": 0.8, "step": 1.0})
    return pd.DataFrame(rows)


def _curves() -> pd.DataFrame:
    rows = []
    for k, name in enumerate(CLASSES):
        for b in range(8):
            x = 0.05 + 0.12 * b
            y = float(np.clip(x + 0.05 * np.sin(b + k), 0.01, 0.99))
            rows.append(
                ("reliability", name, x, y, max(y - 0.09, 0), min(y + 0.09, 1), 90 - 10 * b)
            )
        for x in np.linspace(0, 1, 21):
            rows.append(("roc", name, x, x ** (0.25 + 0.05 * k), None, None, None))
    frame = pd.DataFrame(rows, columns=["kind", "class_name", "x", "y", "low", "high", "n_cases"])
    return frame.assign(arm="fused", group_by="all", group="all", pattern="any")


def _explanations(run: Run, cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    (run.folder / "attributions").mkdir(exist_ok=True)
    for _, case in cases.head(20).iterrows():
        present = str(case["pattern"]).split("+")
        for name in CLASSES:
            file = f"attributions/{case['case_id']}_{name}.npz"
            np.savez(run.folder / file, **_arrays(case, present, rng))
            weights = dict(zip(present, rng.dirichlet([3.0] * len(present)), strict=True))
            for kind, share in weights.items():
                withheld = case["case_id"] == WITHHELD and name == "effusion" and kind == "image"
                rows.append(
                    {
                        "arm": "fused",
                        "case_id": case["case_id"],
                        "class_name": name,
                        "method": "integrated_gradients",
                        "input": kind,
                        "share": share,
                        "attribution": share * 1.4 - 0.3,
                        "logit_change": 1.4 - 0.3 * len(weights),
                        "completeness_error": 0.012,
                        "status": "withheld" if withheld else "pass",
                        "reason": "the map did not change when the model was randomised"
                        if withheld
                        else None,
                        "file": file,
                    }
                )
    return pd.DataFrame(rows)


def _arrays(case: "pd.Series[Any]", present: list[str], rng: np.random.Generator) -> dict[str, Any]:
    y, x = np.mgrid[-1:1:56j, -1:1:56j]
    arrays: dict[str, Any] = {
        "record/column": np.array([*NUMERIC, "sex"]),
        "record/score": rng.normal(0, 0.25, len(NUMERIC) + 1).astype(np.float32),
    }
    if "image" in present:
        hot = np.exp(-(((x - 0.45) / 0.2) ** 2) - ((y - 0.5) / 0.2) ** 2)
        cold = np.exp(-(((x + 0.4) / 0.25) ** 2) - ((y + 0.3) / 0.25) ** 2)
        arrays["image/map"] = ((hot - 0.5 * cold) * 0.02).astype(np.float16)
    if "note" in present:
        note = str(case["note"])
        ends, starts, at = [], [], 0
        for word in note.split(" "):
            starts.append(at)
            ends.append(at + len(word))
            at += len(word) + 1
        arrays["note/start"] = np.array(starts, dtype=np.int32)
        arrays["note/end"] = np.array(ends, dtype=np.int32)
        arrays["note/score"] = (rng.normal(0, 1, len(starts)) ** 3 * 0.05).astype(np.float32)
    return arrays
