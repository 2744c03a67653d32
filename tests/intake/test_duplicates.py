"""Copies among drawn pictures, found and told from pictures that are only alike."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.split_config import SplitConfig
from clinmm.intake.checks import duplicates
from clinmm.intake.context import Context
from clinmm.intake.duplicates import near
from clinmm.intake.duplicates.links import find_links
from clinmm.intake.duplicates.near import threshold

Make = Callable[..., Cohort]


def picture(seed: int, side: int = 256) -> Image.Image:
    """A drawing of its own over an anatomy that all share."""
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(99)
    grey = 4 * gaussian_filter(shared.normal(size=(side, side)), side / 12) / (12 / side) / 20
    for width, weight in ((side / 24, 1.0), (side / 64, 0.6)):
        own = gaussian_filter(rng.normal(size=(side, side)), width)
        grey += weight * own / own.std()
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    return Image.fromarray(np.round(grey * 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def toned(image: Image.Image) -> Image.Image:
    grey = np.asarray(image, dtype=np.float32) / 255
    return Image.fromarray(np.round((0.7 * grey**1.6 + 0.2) * 255).astype(np.uint8))


def marked(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).text((10, 10), "L PORTABLE", fill=255, font_size=22)
    return image


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((120, 140)),
    "recompressed": lambda image: jpeg(image, 30),
    "cut": lambda image: image.crop((20, 5, 240, 250)),
    "toned": toned,
    "marked": marked,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


def links_of(cohort: Cohort) -> pd.DataFrame:
    return find_links(cohort, Context().images_of(cohort))


def with_pictures(make: Make, folder: Path, images: list[Image.Image]) -> Cohort:
    """One case a patient, with these pictures."""
    n = len(images)
    cohort = make(
        n,
        patient_id=[f"p{i}" for i in range(n)],
        file=[f"q{i}.png" for i in range(n)],
    )
    for i, image in enumerate(images):
        image.save(folder / f"q{i}.png")
    return cohort


def test_every_change_is_found_and_other_pictures_are_not_linked(
    make: Make, tmp_path: Path
) -> None:
    originals = [picture(seed) for seed in range(20)]
    copies = [change(originals[i].copy()) for i, change in enumerate(CHANGES.values())]
    links = links_of(with_pictures(make, tmp_path, originals + copies))
    pairs = set(zip(links["case_id"], links["other_case_id"], strict=True))
    assert pairs == {(f"c{i}", f"c{20 + i}") for i in range(len(copies))}
    assert set(links["kind"]) == {"near_duplicate"}
    assert links["distance"].between(0, 0.2).all()


def test_equal_files_and_equal_pixels_are_told_apart(make: Make, tmp_path: Path) -> None:
    images = [picture(seed) for seed in range(6)]
    cohort = with_pictures(make, tmp_path, [*images, images[0], images[1], images[1]])
    images[1].save(tmp_path / "q7.png", compress_level=1)
    images[1].convert("RGB").save(tmp_path / "q8.png")
    links = links_of(cohort)
    assert links[["case_id", "other_case_id", "kind"]].to_numpy().tolist() == [
        ["c0", "c6", "same_bytes"],
        ["c1", "c7", "same_pixels"],
        ["c7", "c8", "same_pixels"],
    ]
    assert (links["distance"] == 0).all()


def test_copies_within_one_patient_are_no_links(make: Make, tmp_path: Path) -> None:
    images = [picture(seed) for seed in range(6)]
    cohort = with_pictures(make, tmp_path, [*images, images[0], CHANGES["cut"](images[0])])
    cohort.table.loc[cohort.table["case_id"].isin(["c6", "c7"]), "patient_id"] = "p0"
    assert links_of(cohort).empty
    (told,) = duplicates.check(cohort, Context())
    assert (told.severity, told.case_ids, told.count) == ("info", ("c0", "c6"), 1)


def test_blank_and_unreadable_pictures_are_linked_only_as_equal_files(
    make: Make, tmp_path: Path
) -> None:
    blank = [Image.new("L", (40, 40), shade) for shade in (10, 10, 60, 70)]
    cohort = with_pictures(make, tmp_path, [*blank, picture(1)])
    (tmp_path / "q2.png").write_bytes(b"no picture")
    (tmp_path / "q3.png").write_bytes(b"no picture")
    assert links_of(cohort)["kind"].tolist() == ["same_bytes", "same_bytes"]


def test_one_file_of_many_patients_connects_them_all_with_few_pairs(make: Make) -> None:
    cohort = make(20, file=["0.png"] * 20)
    links = links_of(cohort)
    assert len(links) == 9  # ten patients of two cases
    assert links["case_id"].unique().tolist() == ["c0"]


def test_the_links_are_the_same_again(make: Make, tmp_path: Path) -> None:
    images = [picture(seed) for seed in range(8)]
    cohort = with_pictures(make, tmp_path, [*images, CHANGES["toned"](images[2])])
    pd.testing.assert_frame_equal(links_of(cohort), links_of(cohort))


def severities(cohort: Cohort, context: Context) -> list[tuple[str, str]]:
    return [(f.severity, f.subject) for f in duplicates.check(cohort, context)]


def test_a_shared_picture_is_a_warning_and_an_error_where_it_may_leak(make: Make) -> None:
    cohort = make(12, file=[*(f"{i}.png" for i in range(10)), "2.png", "11.png"])  # c2 and c10
    assert severities(cohort, Context(SplitConfig())) == [("warning", "image")]
    apart = SplitConfig(keep_linked_together=False)
    assert severities(cohort, Context(apart)) == [("error", "image")]
    (finding,) = duplicates.check(cohort, Context())
    (example,) = finding.examples
    assert (example.case_id, example.other_case_id, example.value) == ("c2", "c10", 0.0)


def test_contradicting_targets_of_one_picture_are_an_error_if_they_may_be_looked_at(
    make: Make,
) -> None:
    outcome = ["1"] + ["0"] * 9 + [None, "0"]
    files = [*(f"{i}.png" for i in range(8)), "0.png", "9.png", "0.png", "2.png"]
    cohort = make(12, file=files, outcome=outcome)  # c0 is 1, c8 is 0, c10 not known; c2 and c11 0
    found = [f for f in duplicates.check(cohort, Context()) if f.severity == "error"]
    assert [(f.subject, f.case_ids) for f in found] == [("image with other targets", ("c0", "c8"))]
    learns: NDArray[np.bool_] = np.arange(12) != 8
    assert severities(cohort, Context(learns=learns)) == [("warning", "image")]


def alike_in_small(seed: int) -> Image.Image:
    """A picture that differs from others of its kind only in what a thumbnail does not show."""
    grey = np.asarray(picture(5), dtype=np.float32)
    fine = np.random.default_rng(seed).normal(size=(64, 2, 64, 2))
    fine = (fine - fine.mean(axis=(1, 3), keepdims=True)).reshape(128, 128)
    return Image.fromarray(
        np.round(np.clip(grey + 12 * fine.repeat(2, 0).repeat(2, 1), 0, 255)).astype(np.uint8)
    )


def test_pictures_that_agree_only_in_their_thumbnails_are_told_apart_in_their_files(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [picture(seed) for seed in range(4)] + [alike_in_small(seed) for seed in (0, 1)]
    cohort = with_pictures(make, tmp_path, images)
    assert links_of(cohort).empty
    monkeypatch.setattr(near, "FULL_DETAIL_RANGE", (0.0, 0.0))
    assert links_of(cohort)[["case_id", "other_case_id"]].to_numpy().tolist() == [["c4", "c5"]]


def test_a_volume_copied_under_another_patient_is_found(tmp_path: Path) -> None:
    cohort = load_cohort(make_phantom(tmp_path / "ct", seed=1, n_patients=5, modality="ct"))
    folders = [path for path in cohort.image_paths("image") if path is not None]
    patients = cohort.table["patient_id"][
        [path is not None for path in cohort.image_paths("image")]
    ]
    assert links_of(cohort).empty
    one, other = 0, int((patients != patients.iloc[0]).to_numpy().argmax())
    ids = patients.index[[one, other]]
    shutil.rmtree(folders[other])
    shutil.copytree(folders[one], folders[other])
    cohort = load_cohort(tmp_path / "ct" / "cohort.yaml")
    pair = cohort.table["case_id"][ids].tolist()
    (link,) = links_of(cohort).to_dict("records")
    assert (link["case_id"], link["other_case_id"], link["kind"]) == (*pair, "same_bytes")
    for path in folders[other].iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientID = "another"
        dataset.save_as(path)
    cohort = load_cohort(tmp_path / "ct" / "cohort.yaml")
    (link,) = links_of(cohort).to_dict("records")
    assert (link["case_id"], link["other_case_id"], link["kind"]) == (*pair, "same_pixels")


def test_many_copies_of_one_picture_hang_together(make: Make, tmp_path: Path) -> None:
    plain = [jpeg(picture(0), quality) for quality in (95, 90, 85)]
    with_mark = [jpeg(marked(picture(0)), quality) for quality in (95, 90, 85)]  # most alike
    images = [*plain, *with_mark, *(picture(seed) for seed in range(1, 8))]
    links = links_of(with_pictures(make, tmp_path, images))
    group = {"c0"}
    for _ in range(6):
        pairs = links[["case_id", "other_case_id"]].to_numpy().tolist()
        group |= {case for pair in pairs if group & set(pair) for case in pair}
    assert group == {f"c{k}" for k in range(6)}


def test_the_threshold_follows_the_pairs_of_the_cohort() -> None:
    rng = np.random.default_rng(0)
    usual = np.tanh(rng.normal(0.4, 0.1, 4000))
    assert threshold(usual, 5, (0.35, 0.92)) == pytest.approx(np.tanh(0.9), abs=0.02)
    with_copies = np.append(usual, np.full(1000, 0.99))
    assert threshold(with_copies, 5, (0.35, 0.92)) == pytest.approx(np.tanh(0.96), abs=0.03)
    assert threshold(usual[:20], 5, (0.35, 0.92)) == 0.92
    assert threshold(usual - 0.5, 5, (0.35, 0.92)) == 0.35
