"""Explained cases as files for papers: a PNG and a self-contained HTML of each."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from clinmm.errors import InputError
from clinmm.runs import Run


def write_figures(
    run: Run,
    case_ids: Sequence[str],
    folder: Path,
    *,
    class_name: str | None = None,
    rather_than: str | None = None,
    methods: Sequence[str] | None = None,
) -> list[Path]:
    """A PNG (180 mm wide, 300 dpi) and an HTML (no scripts, loads nothing) of each case.

    They show what passed the audit; in place of what did not stands the reason. Notes are in them:
    handle them as the data set itself.

    Args:
        run: with explanations; what_if is drawn where it is there.
        case_ids: explained cases.
        folder: made if absent.
        class_name: what is explained; of each case the class with the highest estimate if left out.
        rather_than: the class that it is set against, if it was explained so.
        methods: of the run's; the one with most inputs to draw is drawn, the fate of each told.

    Returns:
        The files, two a case.

    Raises:
        NotMadeYet: the run has no explanations, naming the command that makes them.
        InputError: methods, or cases and classes, of which the run has no explanation.
    """
    from clinmm.explain.figures.page import html
    from clinmm.explain.figures.reader import CaseReader
    from clinmm.explain.figures.sheet import png

    reader = CaseReader(run, methods)
    if missing := reader.unexplained(case_ids, class_name, rather_than):
        of = "" if class_name is None else f" for {class_name}"
        of += "" if rather_than is None else f" rather than {rather_than}"
        raise InputError(
            f"{run.folder} has no explanation{of} of {len(missing)} of {len(case_ids)} cases, "
            f"first {', '.join(missing[:5])}. Make it with: clinmm explain {run.folder} --cases "
            f"{','.join(missing[:5])}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for case_id in case_ids:
        shown = reader.case(case_id, class_name, rather_than)
        stem = _file_name(case_id, shown.target)
        for ending, content in ((".png", png(shown)), (".html", html(shown).encode())):
            path = folder / f"{stem}{ending}"
            path.write_bytes(content)
            written.append(path)
    return written


def _file_name(case_id: str, target: str) -> str:
    """A name that every disk takes; ids that lose signs by it get a hash, so that none collide.

    >>> _file_name("c0001", "pleural effusion")
    'c0001_pleural_effusion'
    """
    plain = re.sub(r"[^\w-]+", "_", f"{case_id}_{target}")[:80]
    if re.fullmatch(r"[\w-]{1,60}", case_id):
        return plain
    return f"{plain}_{hashlib.sha256(case_id.encode()).hexdigest()[:8]}"
