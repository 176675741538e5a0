"""Looking at a workbook before it is opened, because what opens it holds a sheet as one full rectangle of cells.

Enforced, without holding more than a piece of the file at a time:
- the parts are few, have names of their own, and unpack to no more than `MAX_UNPACKED` bytes and `MAX_RATIO` times
  their size. What counts is what really unpacks, not what the directory of the archive says;
- the rectangle from A1 to the last filled cell of each sheet has at most `MAX_CELLS` cells, whatever its `dimension`
  says. A sheet is told by its content, not by its name. Cells that are only formatted do not count;
- no part holds more than `MAX_TAGS` tags.

A sheet is first read by a pattern that knows the way in which every common program writes cells; only one that is
written otherwise, or reaches too far, is read as XML.
"""

import copy
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.intake.files import COMPOUND

MAX_PARTS = 10_000
MAX_UNPACKED = 1024**3
MAX_RATIO = 200
MAX_CELLS = 20_000_000
MAX_TAGS = 6 * MAX_CELLS
_SMALL = 16 * 1024 * 1024
_CHUNK = 1 << 20
_LONGEST_TAG = 1 << 16
_SHEET = tuple("sheetData".encode(name) for name in ("utf-8", "utf-16-le", "utf-16-be"))
_LONGEST_MARK = max(map(len, _SHEET))
_CELL = re.compile(rb'<(?:[^\s<>/]*:)?c(?=[\s/>])(?: r="([A-Z]{1,3})([1-9][0-9]{0,6})"(?=[\s/>]))?')
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
_FILLED = ("v", "f", "is")


class _Extent:
    """How far the cells of a sheet reach, from A1, and how many there are."""

    def __init__(self) -> None:
        self.rows = self.columns = self.cells = 0

    def grow(self, rows: int, columns: int, cells: int) -> None:
        self.rows, self.columns = max(self.rows, rows), max(self.columns, columns)
        self.cells += cells

    @property
    def fits(self) -> bool:
        return self.rows * self.columns <= MAX_CELLS and self.cells <= MAX_CELLS


class _Look:
    """The pattern at work, piece by piece; `odd` once it meets what it cannot judge."""

    def __init__(self) -> None:
        self.extent, self.odd = _Extent(), False
        self._rest: bytes | None = None

    def feed(self, data: bytes) -> None:
        if self._rest is None:
            declared = _ENCODING.search(data[:200].partition(b"?>")[0])
            self.odd = declared is not None and declared[1].lower() != b"utf-8"
        data = (self._rest or b"") + data
        cut = data.rfind(b"<")
        if cut < 0 or data.find(b">", cut) >= 0:
            cut = len(data)
        self._rest = data[cut:]
        if b"\0" in data or b"<!" in data or len(self._rest) > _LONGEST_TAG:
            self.odd = True
        if not self.odd and (found := _CELL.findall(data, 0, cut)):
            letters, digits = map(set, zip(*found, strict=True))
            self.odd = b"" in letters
            self.extent.grow(max(map(int, digits - {b""}), default=0), max(map(_column, letters)), len(found))

    @property
    def passes(self) -> bool:
        """Whether the sheet is seen to be whole and to fit."""
        return not self.odd and not self._rest and self.extent.fits


def check(path: Path) -> None:
    """Raises InputError for a workbook that must not be opened; OSError where it cannot be read."""
    with open(path, "rb") as handle:
        if handle.read(4) == COMPOUND:
            raise damaged(path, Text("an old format (.xls), or a password", "旧格式（.xls）或已加密"))
    try:
        with zipfile.ZipFile(path) as book:
            parts = book.infolist()
            _check_directory(parts, path)
            for part in parts:
                _check_part(book, part, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError) as error:
        raise damaged(path, error) from None


def _check_directory(parts: list[zipfile.ZipInfo], path: Path) -> None:
    if len(parts) > MAX_PARTS:
        raise _too_large(path, Text(f"the workbook has {len(parts):,} parts", f"工作簿含 {len(parts):,} 个部件"))
    if len({part.filename.lower() for part in parts}) < len(parts):
        raise damaged(path, Text("two parts have the same name", "有两个部件同名"))
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if unpacked > MAX_UNPACKED or (unpacked > _SMALL and unpacked > MAX_RATIO * packed):
        raise _unpacks(path)


def _check_part(book: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> None:
    """Raises InputError where a part is not as large as it says, or holds too much."""
    look, tags, sheet, tail = _Look(), 0, False, b""
    for chunk in _unpacked(book, part, path):
        if not look.odd:
            look.feed(chunk)
        sheet = sheet or any(mark in tail + chunk for mark in _SHEET)
        tail = chunk[-_LONGEST_MARK:]
        tags += chunk.count(b"<")
        if tags > MAX_TAGS:
            raise _too_large(path, Text("the workbook holds too many elements", "工作簿含有过多元素"))
    if sheet and not look.passes:
        _check_cells(book, part, path)


def _check_cells(book: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> None:
    """Reads a sheet as XML. Raises InputError where its filled cells reach too far."""
    extent = _Extent()
    row = column = 0
    cell = False

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, cell
        local = name.rpartition(":")[2]
        if local == "row":
            row, column = _number(attributes.get("r"), row + 1), 0
        elif local == "c":
            row, column = _place(attributes.get("r"), row, column + 1)
            cell = True
        elif cell and local in _FILLED:
            cell = False
            extent.grow(row, column, 1)
            if not extent.fits:
                raise _reaches(path, part.filename, extent)

    def closed(name: str) -> None:
        nonlocal cell
        if name.rpartition(":")[2] == "c":
            cell = False

    parser = _parser(path)
    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    for chunk in _unpacked(book, part, path):
        parser.Parse(chunk)
    parser.Parse(b"", True)


def _unpacked(book: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> Iterator[bytes]:
    """A part in pieces. Raises InputError where it is not as large as the archive says, which other readers ignore."""
    true = copy.copy(part)
    true.file_size += 1
    size = 0
    with book.open(true) as handle:
        while chunk := handle.read(_CHUNK):
            size += len(chunk)
            yield chunk
    if size != part.file_size:
        raise damaged(path, Text(f"{part.filename} is not as large as it says", f"{part.filename} 的大小与声明不符"))


def _parser(path: Path) -> "expat.XMLParserType":
    def refuse(*_: object) -> NoReturn:
        raise damaged(path, Text("it declares a document type", "含 DTD 声明"))

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    return parser


def _place(reference: str | None, row: int, column: int) -> tuple[int, int]:
    """Where a cell stands, counted from 1; without a reference, after the one before."""
    if reference is None:
        return row, column
    found = _REFERENCE.fullmatch(reference)
    return (int(found[2]), _column(found[1].upper().encode())) if found else (MAX_CELLS, MAX_CELLS)


def _number(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    return int(text) if re.fullmatch("[0-9]{1,7}", text) else MAX_CELLS


def _column(letters: bytes) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def damaged(path: Path, why: Text | Exception) -> InputError:
    """The error for a workbook that cannot be read."""
    said = why if isinstance(why, Text) else Text(str(why) or "?", str(why) or "?")
    return InputError(
        "bad_workbook",
        Text(f"the workbook cannot be read: {said.en}", f"无法读取工作簿：{said.zh}"),
        remedy=Text("open it and save it again as .xlsx, or export CSV", "请打开后另存为 .xlsx，或导出为 CSV"),
        path=str(path),
    )


def _too_large(path: Path, message: Text, field: str | None = None) -> InputError:
    return InputError(
        "too_large",
        message,
        remedy=Text(
            "delete the rows and columns beyond the table and save it again, or export the sheet as CSV",
            "请删除表格范围以外的行和列后重新保存，或将工作表导出为 CSV",
        ),
        path=str(path),
        field=field,
    )


def _unpacks(path: Path) -> InputError:
    return _too_large(
        path,
        Text(
            f"the workbook unpacks to more than {MAX_UNPACKED >> 20:,} MB, or to more than {MAX_RATIO} times its size",
            f"工作簿解压后超过 {MAX_UNPACKED >> 20:,} MB，或超过其自身大小的 {MAX_RATIO} 倍",
        ),
    )


def _reaches(path: Path, part: str, extent: _Extent) -> InputError:
    return _too_large(
        path,
        Text(
            f"cells reach to row {extent.rows:,} and column {extent.columns:,}; at most {MAX_CELLS:,} cells are read",
            f"单元格延伸至第 {extent.rows:,} 行、第 {extent.columns:,} 列；最多读取 {MAX_CELLS:,} 个单元格",
        ),
        part,
    )
