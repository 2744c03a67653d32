"""Data in the page stay data, and the page loads nothing."""

import numpy as np

from clinmm.report.page import page

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} </style> {% raw %}"
ELEMENTS = (
    "html head meta title style body main header nav section article footer h1 h2 h3 h4 p b span "
    "dl dt dd ol ul li a div figure figcaption img mark table caption thead tbody tr th td "
    "svg g line rect circle polyline polygon text details summary"
)


def assert_harmless(found):
    assert {tag for tag, _ in found.tags} <= set(ELEMENTS.split())
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")]
        if "src" in attributes:
            assert tag == "img"
            assert attributes["src"].startswith("data:image/jpeg;base64,")
        if "href" in attributes:
            assert attributes["href"].startswith("#") or attributes["href"].endswith(".parquet")


def test_page_refers_to_nothing_outside_itself(finished, read):
    html = page(finished)
    assert_harmless(read(html))
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert len(html) < 3_000_000


def test_hostile_notes_and_names_are_shown_as_text(own_run, made, read):
    cases = own_run.read("cases")
    cases["note"] = HOSTILE
    cases["sex"] = HOSTILE
    own_run.write("cases", cases)
    for name in ("metrics", "comparisons", "curves", "predictions", "explanations", "thresholds"):
        table = own_run.read(name)
        table["class_name"] = table["class_name"].replace("effusion", HOSTILE)
        if "group" in table:
            table["group"] = table["group"].replace("F", HOSTILE)
        own_run.write(name, table)
    intake = own_run.read("intake")
    for column in ("subject", "detail", "advice"):
        intake[column] = HOSTILE
    own_run.write("intake", intake)
    target = own_run.facts["target"] | {"classes": [HOSTILE, *made.CLASSES]}
    own_run.add_facts(target=target, cohort={"name": HOSTILE}, predicted_when=HOSTILE)
    found = read(page(own_run))
    assert_harmless(found)
    assert found.text.count(HOSTILE) >= 10
    assert HOSTILE in [row[0] for row in found.tables["Operating point “high sensitivity”, fused"]]


def only(run, made, case_id, class_name):
    """Leaves one case and class explained."""
    table = run.read("explanations")
    kept = (table["case_id"] == case_id) & (table["class_name"] == class_name)
    run.write("explanations", table[kept])
    return table[kept]


def test_a_hostile_note_is_whole_in_its_case(own_run, made, read):
    only(own_run, made, made.HOSTILE, "effusion")
    note = own_run.read("cases").set_index("case_id").loc[made.HOSTILE, "note"]
    found = read(page(own_run))
    assert_harmless(found)
    assert note in found.text
    assert "Contains case notes: handle this file as the data set itself." in found.text


def test_a_withheld_map_is_replaced_by_its_reason(own_run, made, read):
    rows = only(own_run, made, made.WITHHELD, "effusion")
    reason = rows.loc[rows["status"] == "withheld", "reason"].iloc[0]
    found = read(page(own_run))
    assert f"Explanation withheld: {reason}." in found.text
    assert "image withheld" in found.text
    assert len([tag for tag, _ in found.tags if tag == "img"]) == 1


def test_a_shown_map_stands_beside_the_picture(own_run, made, read):
    only(own_run, made, "case_000", "effusion")
    found = read(page(own_run))
    assert len([tag for tag, _ in found.tags if tag == "img"]) == 2
    assert all(attributes["alt"] for tag, attributes in found.tags if tag == "img")


def test_files_outside_the_run_are_not_read(own_run, made, read, tmp_path):
    only(own_run, made, "case_000", "effusion")
    np.savez(tmp_path / "outside.npz", **{"image/map": np.ones((4, 4))})
    table = own_run.read("explanations")
    own_run.write("explanations", table.assign(file="../outside.npz"))
    assert len([tag for tag, _ in read(page(own_run)).tags if tag == "img"]) == 1
    (own_run.folder / "images" / "case_000_image.png").rename(tmp_path / "outside.png")
    cases = own_run.read("cases")
    own_run.write("cases", cases.assign(image_display="../outside.png"))
    assert not [tag for tag, _ in read(page(own_run)).tags if tag == "img"]


def test_no_patient_id_is_in_the_page(own_run, read):
    for name in ("cases", "predictions"):
        table = own_run.read(name)
        own_run.write(name, table.assign(patient_id="hospital-number-" + table["patient_id"]))
    assert "hospital-number" not in page(own_run)


def test_a_case_without_note_or_value_says_so(own_run, made, read):
    only(own_run, made, "case_000", "effusion")
    cases = own_run.read("cases").astype({"note": object, "sex": object})
    cases.loc[cases["case_id"] == "case_000", ["note", "sex"]] = None
    own_run.write("cases", cases)
    text = read(page(own_run)).text
    assert "not recorded" in text
    assert "Contains case notes" not in text
