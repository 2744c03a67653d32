"""Text in pixels, found by OCR; an optional extra (rapidocr)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 1024
"""Pictures are made smaller to this many pixels: letters of a radiograph stay 10 high."""

LEAST_SCORE = 0.6
"""Below it the recogniser is guessing at edges and ribs."""

# Marks of technique, not of a person.
_TECHNIQUE = re.compile(
    r"(?i)left|right|l|r|links|rechts|portable|port|mobile|bedside|supine|prone|(?:semi)?erect|semi|"
    r"upright|standing|(?:patient)?sitting|seated|decub\w*|lateral|lat|frontal|ap|pa|cxr|chest|"
    r"thorax|patient|view|insp\w*|expi\w*|axial|sagittal|coronal|image|zoom|"
    r"\d{0,3}(?:cm|mm|kv|mas|m?hz|db|fps)?"
)


@dataclass(frozen=True)
class TextBox:
    """A box of text: rows top to bottom, columns left to right, in pixels of the whole picture."""

    top: int
    bottom: int
    left: int
    right: int


def installed() -> bool:
    """Whether the extra `ocr` is there."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def counts(text: str) -> bool:
    """Whether text could tell of a person: at least four letters or digits, and not a word of
    technique. Side markers (L, R) and letters of the technique do not count."""
    words = re.findall(r"[^\W_]+", text)
    return len("".join(words)) >= 4 and not all(_TECHNIQUE.fullmatch(word) for word in words)


def find_text(picture: NDArray[np.uint8]) -> list[TextBox]:
    """Boxes of text that count.

    Args:
        picture: (height, width) or (height, width, 3), uint8.

    Raises:
        ImportError: the extra is not installed.
    """
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    small = picture
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 2:
        small = np.repeat(small[..., None], 3, axis=2)
    seen = _engine()(np.ascontiguousarray(small), use_cls=False)
    if seen.boxes is None or seen.txts is None:
        return []
    boxes = []
    for corners, text, score in zip(seen.boxes, seen.txts, seen.scores, strict=True):
        if score < LEAST_SCORE or not counts(text):
            continue
        (left, top), (right, bottom) = corners.min(0) / scale, corners.max(0) / scale
        margin = 0.15 * (bottom - top)
        boxes.append(
            TextBox(
                max(0, int(top - margin)),
                min(height, int(np.ceil(bottom + margin))),
                max(0, int(left - margin)),
                min(width, int(np.ceil(right + margin))),
            )
        )
    return boxes


def as_shown(path: Path) -> NDArray[np.uint8]:
    """The picture as the reader shows it, (height, width) or (height, width, 3) uint8.

    Raises:
        InputError: it cannot be read.
    """
    from clinmm.readers import read_image

    pixels = np.asarray(read_image(path).pixels)
    shown = np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8)
    return shown[0] if len(shown) == 1 else np.ascontiguousarray(shown.transpose(1, 2, 0))


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            # By default small pictures are enlarged: no more is found, in three times the time.
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
        }
    )
