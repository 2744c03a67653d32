"""The run folder: the only reader and writer of its files.

A file is written under a temporary name and renamed, so a reader sees all of it or none of it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm import __version__, schema
from clinmm.errors import InputError, NotMadeYet

STAGES = ("check", "train", "calibrate", "evaluate", "audit", "explain", "report")
"""The stages of a study, in order."""

MADE_BY = {
    "intake": "check",
    "intake_examples": "check",
    "images": "check",
    "links": "check",
    "intake_test": "evaluate",
    "cases": "check",
    "splits": "train",
    "notes": "train",
    "training": "train",
    "training_inputs": "train",
    "robustness": "train",
    "predictions": "train",
    "outliers": "train",
    "calibration": "calibrate",
    "thresholds": "calibrate",
    "delivered": "calibrate",
    "prediction_sets": "calibrate",
    "deferral": "calibrate",
    "metrics": "evaluate",
    "comparisons": "evaluate",
    "curves": "evaluate",
    "validation_size": "evaluate",
    "worth_it": "evaluate",
    "groups": "audit",
    "bias_verdicts": "audit",
    "slices": "audit",
    "gap_sources": "audit",
    "mitigation": "mitigate",
    "explanations": "explain",
    "explanation_audit": "explain",
    "explanation_readings": "explain",
    "what_if": "explain",
    "effects": "explain",
    "exchangeability": "predict",
    "readings": "reading results",
    "reading_results": "reading results",
    "reading_agreement": "reading results",
}


class Run:
    """One run folder.

    Args:
        folder: where it is. Use `Run.open` for one that exists and `Run.create` for a new one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @classmethod
    def open(cls, folder: Path | str) -> "Run":
        """An existing run. Raises InputError when there is none at the path."""
        run = cls(Path(folder))
        if not (run.folder / "run.json").is_file():
            raise InputError(
                f"{folder} is not a run folder: it holds no run.json. "
                "Make one with: clinmm run CONFIG.yaml --out DIR"
            )
        return run

    @classmethod
    def create(cls, folder: Path | str, kind: str, facts: dict[str, Any]) -> "Run":
        """A new run (kind: study, prediction or audit), or the one that is already there.

        Raises:
            InputError: the folder holds something else, so that nothing of it is overwritten; a
                folder `cohort` may lie in it already.
        """
        run = cls(Path(folder))
        if (run.folder / "run.json").is_file():
            if run.facts["kind"] != kind:
                raise InputError(
                    f"{folder} holds a run of kind {run.facts['kind']}, wanted one of kind {kind}. "
                    "Name a new or empty folder with --out."
                )
            return run
        if run.folder.is_dir() and any(f.name != "cohort" for f in run.folder.iterdir()):
            raise InputError(
                f"{folder} holds files but no run.json: it is not a run folder. "
                "Name a new or empty folder with --out."
            )
        run.folder.mkdir(parents=True, exist_ok=True)
        run.write_json(
            "run.json",
            {
                "clinmm": __version__,
                "kind": kind,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "stages": {},
                **facts,
            },
        )
        return run

    # --- facts ---------------------------------------------------------------------------
    @property
    def facts(self) -> dict[str, Any]:
        """run.json."""
        return self.read_json("run.json")

    def add_facts(self, **facts: Any) -> None:
        """Adds or replaces entries of run.json."""
        self.write_json("run.json", {**self.facts, **facts})

    def finished(self, stage: str) -> bool:
        """Whether the stage has been done to its end."""
        return stage in self.facts["stages"]

    def require(self, stage: str) -> None:
        """Raises NotMadeYet, naming the command, unless the stage has been done to its end."""
        if not self.finished(stage):
            raise NotMadeYet(
                f"{self.folder} has not passed '{stage}', or something before it was done again. "
                f"Do it with: clinmm {stage} {self.folder}"
            )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Marks the stage as finished, with its seconds, when the block ends without an error.

        Later stages stand on this one, so their marks go first.
        """
        later = STAGES[STAGES.index(name) :] if name in STAGES else (name,)
        if name in ("check", "train", "calibrate"):
            later = (*later, "mitigate")
        self.add_facts(stages={k: v for k, v in self.facts["stages"].items() if k not in later})
        began = datetime.now(UTC)
        yield
        seconds = round((datetime.now(UTC) - began).total_seconds(), 1)
        self.add_facts(stages={**self.facts["stages"], name: {"seconds": seconds}})

    # --- files ---------------------------------------------------------------------------
    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path beside `name`; renamed to it when the block ends without an error."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=target.suffix)
        os.close(handle)
        try:
            yield Path(temporary)
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)

    @contextmanager
    def writing_folder(self, name: str) -> Iterator[Path]:
        """A temporary folder that takes the place of `name` when the block ends."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
        try:
            yield temporary
            os.chmod(temporary, 0o755)
            if target.exists():
                shutil.rmtree(target)
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def path(self, name: str) -> Path:
        """Where a file of the run is. Raises NotMadeYet, naming the command, when it is absent."""
        path = self.folder / name
        if not path.exists():
            stage = MADE_BY.get(Path(name).name.split(".")[0])
            how = f"clinmm {stage} {self.folder}" if stage else "clinmm run CONFIG.yaml"
            raise NotMadeYet(f"{path} is missing. Make it with: {how}")
        return path

    def has(self, table: str) -> bool:
        return (self.folder / f"{table}.parquet").is_file()

    def read(self, table: str) -> pd.DataFrame:
        """A table by its name in `schema.TABLES`. Raises NotMadeYet when it is absent."""
        return pd.read_parquet(self.path(f"{table}.parquet"))

    def write(self, table: str, frame: pd.DataFrame) -> None:
        """Writes a table after checking it against its schema."""
        filled = schema.TABLES[table].fill(frame)
        with self.writing(f"{table}.parquet") as temporary:
            filled.to_parquet(temporary, index=False)

    def read_json(self, name: str) -> dict[str, Any]:
        content = json.loads(self.path(name).read_text(encoding="utf-8"))
        assert isinstance(content, dict)
        return content

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, content: str) -> None:
        with self.writing(name) as temporary:
            temporary.write_text(content, encoding="utf-8")

    # --- models --------------------------------------------------------------------------
    def model_folder(self, arm: str, repeat: int, fold: int) -> str:
        """`model/ARM`, or `model/ARM/repeat_R/fold_K` where the study has folds; `baseline:NAME` is
        `baseline/NAME`, because not every disk takes a colon."""
        arm = arm.replace(":", "/")
        if self.facts.get("n_folds"):
            return f"model/{arm}/repeat_{repeat}/fold_{fold}"
        return f"model/{arm}"
