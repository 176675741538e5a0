"""Workbooks are looked at before they are opened: far corners, bombs and lies are refused, odd but honest ones read."""

import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.intake import workbook
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import Inventory
from tests.conftest import ROOT, Run

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
GOOD = '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
FAR = '<c r="XFD1048576"><v>1</v></c>'


def sheet(rows: str, head: str = "") -> bytes:
    """A sheet of these rows."""
    return f'{head}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def book(path: Path, content: bytes, target: str = "worksheets/sheet1.xml", **parts: bytes) -> Path:
    """A workbook with this sheet, which lies where `target` says."""
    place = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(
            "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        )
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        out.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/worksheet" Target="{target}"/>'
            "</Relationships>",
        )
        out.writestr(place, content)
        for name, data in parts.items():
            out.writestr(f"xl/{name}.xml", data)
    return path


def values(path: Path) -> list[str]:
    """The first column, its head first."""
    read = read_sheet(path, Inventory())
    return [read.frame.columns[0], *read.frame.to_series(0).to_list()]


def refused(path: Path) -> InputError:
    """The error for a workbook that must not be opened; it comes soon and says what to do."""
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        read_sheet(path, Inventory())
    assert time.process_time() - start < 10
    assert caught.value.remedy is not None and caught.value.path == str(path)
    return caught.value


# --- far corners ---


def test_one_cell_in_the_far_corner_is_refused(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as out:
        page = out.add_worksheet()
        page.write("A1", "Purpose")
        page.write("XFD1048576", "far")
    error = refused(path)
    assert error.code == "too_large" and "1,048,576" in error.message.en and "16,384" in error.message.zh
    for command in (
        ("portfolio", "assess", path, "--map", ROOT / "examples/inventory/mapping.yaml", "--out", tmp_path / "out"),
        ("intake", "draft", "--from", path, "--column", "Purpose"),
    ):
        done = steelyard(*command)
        assert done.returncode == 2 and "export the sheet as CSV" in done.stderr and "Traceback" not in done.stderr


def test_cells_that_are_only_formatted_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as out:
        page = out.add_worksheet()
        page.write_column("A1", ["Purpose", "b"])
        page.write_blank("XFD1048576", None, out.add_format({"bold": True}))
    assert values(path) == ["Purpose", "b"]


def test_a_dimension_that_boasts_is_harmless(tmp_path: Path) -> None:
    content = sheet(GOOD).replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    assert values(book(tmp_path / "a.xlsx", content)) == ["1", "2"]


@pytest.mark.parametrize(
    "content",
    [
        sheet(GOOD + f"<row>{FAR}</row>"),
        sheet(GOOD + '<row><c s="0" r="XFD1048576"><v>1</v></c></row>'),
        sheet(GOOD + "<row><c r='XFD1048576'><v>1</v></c></row>"),
        sheet(GOOD + '<row><c  r="XFD1048576"><v>1</v></c></row>'),
        sheet(GOOD + '<row><c r="xfd1048576"><v>1</v></c></row>'),
        sheet(GOOD + '<row><c r="&#88;FD1048576"><v>1</v></c></row>'),
        sheet(GOOD + '<row><c r="XFD99999999999"><v>1</v></c></row>'),
        sheet(GOOD + f'<row r="1048576">{"<c/>" * 16_383}<c><v>1</v></c></row>'),
        sheet(GOOD + f"<row><!-- --><c r='B2'/>{FAR}</row>"),
        sheet(GOOD + f"<row>{FAR}</row>", '<?xml version="1.0" encoding="iso-8859-1"?>'),
        sheet(GOOD + f"<row>{FAR}</row>").decode().encode("utf-16"),
        f'<{"x" * 99}:worksheet xmlns:{"x" * 99}="{MAIN}"><sheetData>{GOOD}'.encode()
        + f'<{"x" * 99}:c r="XFD1048576"><{"x" * 99}:v>1</{"x" * 99}:v></{"x" * 99}:c>'.encode()
        + f"</sheetData></{'x' * 99}:worksheet>".encode(),
    ],
    ids=[
        "plain", "order", "quotes", "spaces", "case", "entity", "digits", "counted", "comment", "encoding", "utf16",
        "prefix",
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", ["worksheets/sheet1.xml", "/Elsewhere/S.bin"])
def test_it_is_found_however_it_is_written(tmp_path: Path, content: bytes, target: str) -> None:
    assert refused(book(tmp_path / "a.xlsx", content, target)).code == "too_large"


@pytest.mark.parametrize(
    "content",
    [
        sheet(GOOD, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'),
        sheet(GOOD.replace(' r="A1"', "").replace(' r="A2"', "")),
        sheet(GOOD.replace('"', "'")),
        sheet(f"<!-- {FAR} -->{GOOD}"),
    ],
    ids=["usual", "counted", "quotes", "comment"],
)
def test_honest_sheets_are_read(tmp_path: Path, content: bytes) -> None:
    assert values(book(tmp_path / "a.xlsx", content)) == ["1", "2"]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The data in pieces."""
    return (data[at : at + size] for at in range(0, len(data), size))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1_048_576), st.integers(1, 16_384)), min_size=1), st.integers(1, 400))
def test_the_pattern_sees_how_far_cells_reach(places: list[tuple[int, int]], size: int) -> None:
    from xlsxwriter.utility import xl_rowcol_to_cell

    cells = "".join(f'<c r="{xl_rowcol_to_cell(row - 1, column - 1)}" s="1"><v>0</v></c>' for row, column in places)
    look = workbook._Look()
    for piece in pieces(sheet(cells), size):
        look.feed(piece)
    assert not look.odd and look.extent.cells == len(places)
    assert look.extent.rows == max(row for row, _ in places)
    assert look.extent.columns == max(column for _, column in places)


# --- archives ---


def test_bombs_are_refused(tmp_path: Path) -> None:
    spaces = b" " * (40 << 20)
    assert refused(book(tmp_path / "a.xlsx", sheet(GOOD) + spaces)).code == "too_large"
    assert refused(book(tmp_path / "b.xlsx", sheet(GOOD), sharedStrings=b"<sst>" + b"<si/>" * (8 << 20))).code == (
        "too_large"
    )


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    parts = {f"p{number}": b"" for number in range(workbook.MAX_PARTS)}
    assert refused(book(tmp_path / "a.xlsx", sheet(GOOD), **parts)).code == "too_large"


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    content = sheet(GOOD + " " * 100_000)
    path = book(tmp_path / "a.xlsx", content)
    said = struct.pack("<I", zlib.crc32(content)), struct.pack("<I", len(content))
    told = struct.pack("<I", zlib.crc32(content[:99])), struct.pack("<I", 99)
    data = path.read_bytes()
    assert data.count(said[1]) == 2
    for old, new in zip(said, told, strict=True):
        data = data.replace(old, new)
    path.write_bytes(data)
    assert refused(path).code == "bad_workbook"


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", sheet(GOOD))
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("XL/worksheets/sheet1.xml", sheet(FAR))
    assert refused(path).code == "bad_workbook"


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0" + b"\0" * 600, b"a,b\n1,2\n"], ids=range(4)
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(data)
    assert refused(path).code == "bad_workbook"


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    content = sheet(GOOD, '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>')
    assert refused(book(tmp_path / "a.xlsx", content)).code == "bad_workbook"
