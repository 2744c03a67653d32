"""Masks are found by case and class, and what is no mask is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_cohort import SETTINGS, Write

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort, resolved_settings
from clinmm.deidentification.clean_table import clean_spec
from clinmm.errors import InputError

OUTLINE = np.array([[True, False, False], [True, True, False]])


def with_masks(folder: str | None = "masks", dimensions: int = 2) -> dict[str, Any]:
    image = {"kind": "image", "column": "picture", "dimensions": dimensions}
    return {"inputs": SETTINGS["inputs"] | {"image": image | ({"masks": folder} if folder else {})}}


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """The folder beside the table that `write` writes."""
    folder = tmp_path / "set" / "masks"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def cohort(write: Write, masks: Path) -> Cohort:
    np.savez_compressed(masks / "c1.npz", died=OUTLINE)
    np.savez_compressed(masks / "c2.npz", died=OUTLINE.astype(np.uint8), other=OUTLINE)
    return load_cohort(write(**with_masks()))


def test_a_mask_is_found_by_case_and_class(cohort: Cohort) -> None:
    found = cohort.mask("image", "c1", "died")
    assert found is not None
    np.testing.assert_array_equal(found, OUTLINE)
    whole_numbers = cohort.mask("image", "c2", "died")
    assert whole_numbers is not None
    assert whole_numbers.dtype == bool


def test_what_nobody_outlined_is_none(cohort: Cohort, write: Write) -> None:
    assert cohort.mask("image", "c3", "died") is None
    assert cohort.mask("image", "c1", "other") is None
    assert load_cohort(write(**with_masks(None))).mask("image", "c1", "died") is None


def test_a_case_id_cannot_reach_out_of_the_folder(cohort: Cohort, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "secret.npz", died=OUTLINE)
    assert (cohort.folder / "masks/../../secret.npz").is_file()
    assert cohort.mask("image", "../../secret", "died") is None


def test_only_images_have_masks(cohort: Cohort) -> None:
    with pytest.raises(InputError, match="no image input 'note'"):
        cohort.mask("note", "c1", "died")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones(3, bool), r"shape \(3,\) and type bool; wanted 2 axes"),
        (np.ones((2, 3, 4), bool), "wanted 2 axes"),
        (np.full((2, 3), 0.5), "type float64; wanted 2 axes of true and false"),
        (np.full((2, 3), 255, np.uint8), "type uint8"),
        (np.zeros((0, 3), bool), r"shape \(0, 3\)"),
    ],
)
def test_what_is_no_mask_is_refused(
    cohort: Cohort, masks: Path, values: np.ndarray, said: str
) -> None:
    np.savez_compressed(masks / "c4.npz", died=values)
    with pytest.raises(InputError, match=said):
        cohort.mask("image", "c4", "died")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive at all"])
def test_a_damaged_file_is_refused(cohort: Cohort, masks: Path, content: bytes) -> None:
    (masks / "c4.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"c4.npz is no archive of masks that can be read"):
        cohort.mask("image", "c4", "died")


def test_pickled_objects_are_not_opened(cohort: Cohort, masks: Path) -> None:
    np.savez(masks / "c4.npz", died=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="no archive of masks"):
        cohort.mask("image", "c4", "died")


def test_a_volume_has_masks_of_three_axes(write: Write, masks: Path) -> None:
    np.savez(masks / "c1.npz", died=np.ones((2, 3, 4), bool))
    found = load_cohort(write(**with_masks(dimensions=3))).mask("image", "c1", "died")
    assert found is not None
    assert found.shape == (2, 3, 4)


def test_the_folder_has_to_be_there(write: Write) -> None:
    with pytest.raises(InputError, match=r"inputs.image.masks: there is no folder 'outlines'"):
        load_cohort(write(**with_masks("outlines")))


@pytest.mark.parametrize("folder", ["../masks", "/masks"])
def test_the_folder_lies_beside_the_table(write: Write, tmp_path: Path, folder: str) -> None:
    (tmp_path / "masks").mkdir()
    with pytest.raises(InputError, match="leads out of the table's folder"):
        load_cohort(write(**with_masks(folder)))


def test_masks_may_be_added_to_a_finished_study(cohort: Cohort, write: Write) -> None:
    without = load_cohort(write(**with_masks(None)))
    assert cohort.fingerprint == without.fingerprint
    assert resolved_settings(cohort)["inputs"]["image"]["masks"] == "masks"
    assert "masks" not in resolved_settings(without)["inputs"]["image"]


def test_a_copy_without_identity_has_no_masks_as_they_are_not_copied(cohort: Cohort) -> None:
    assert "masks" not in clean_spec(cohort.spec)["inputs"]["image"]
