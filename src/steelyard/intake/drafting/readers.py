"""Reading the description of a system: plain text, Markdown, DOCX, PDF, or one column of an inventory.

Enforced:
- at most `MAX_BYTES` a file (a PDF, which holds pictures, up to `MAX_PDF`; an inventory may be as large as
  `inventory.MAX_FILE`, its cells count one by one) and `mentions.MAX_CHARACTERS` a text; UTF-8, any other encoding is
  named, never guessed;
- rows of an inventory come in order, usable or not; an empty one has an empty text;
- pictures, scans without text and other binary files are refused with what to do instead;
- a DOCX is unpacked only as far as its main part, which is bounded, and XML with a document type is refused, so that no
  entity can grow or reach out. Tracked deletions are not part of the text. How a PDF is held stands in `drafting.pdf`;
  pages of it without text are counted on standard error.

Offsets of proposals count code points of the text as given here: that of a plain file is its bytes decoded and nothing
else, so a byte-order mark and the carriage returns of Windows count.
"""

import codecs
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple, NoReturn
from xml.parsers import expat

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import guess_encoding, near
from steelyard.intake import files
from steelyard.intake.drafting import pdf
from steelyard.intake.text.mentions import MAX_CHARACTERS

MAX_BYTES = 5 * 1024 * 1024
MAX_PDF = 32 * 1024 * 1024
MAX_PART = 32 * 1024 * 1024
_MAIN = "word/document.xml"
_CHUNK = 1 << 16
_DAMAGED = (  # a ValueError or LookupError comes of an XML encoding that the parser does not know
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    expat.ExpatError,
    ValueError,
    LookupError,
)
_TABLES = (".csv", ".tsv", ".xlsx", ".parquet", ".pq")


class Description(NamedTuple):
    """A text and where it came from; `row` counts from 0 in an inventory."""

    path: str
    text: str
    row: int | None = None


class BadRow(NamedTuple):
    """A row of an inventory that cannot be read, and why."""

    row: int
    error: InputError


def read(
    path: Path, column: str | None = None, *, row: int | None = None, encoding: str | None = None
) -> Iterator[Description | BadRow]:
    """The descriptions in a file; of an inventory every row of `column` in order, or only `row` (from 0).

    `encoding` is one of `files.ENCODINGS`; without it a text is UTF-8. Raises InputError for the file, and for a row
    that is not there.
    """
    if column is not None or path.suffix.lower() in _TABLES:
        with _naming_encoding(path):
            yield from _column(path, column, row, encoding)
        return
    if row is not None:
        raise _no_row(path, row, Text("this file is not an inventory and has no rows", "该文件不是清单，没有行"))
    data = files.read(path, _limit)
    if data.startswith(files.ZIP):
        text = _docx(data, path)
    elif data.startswith(files.PDF):
        text = _pdf(data, path)
    else:
        with _naming_encoding(path):
            if encoding is None:
                files.refuse_binary(data, path)
            text = _decoded(data, path, encoding)
    problem = _problem(text, str(path))
    if problem is not None:
        raise problem
    yield Description(str(path), text)


def _decoded(data: bytes, path: Path, encoding: str | None) -> str:
    """The text as it stands in the file, a byte-order mark of UTF-8 included."""
    text = files.decode(data, path, encoding)
    marked = encoding in (None, "utf-8") and data.startswith(codecs.BOM_UTF8)
    return f"\ufeff{text}" if marked else text


@contextmanager
def _naming_encoding(path: Path) -> Iterator[None]:
    """Where a file is in another encoding, the remedy names the option that reads it."""
    try:
        yield
    except InputError as error:
        if error.code == "not_utf8":
            with open(path, "rb") as handle:
                guess = guess_encoding(handle.read(MAX_BYTES))
            wanted = {"GB18030": "gb18030", "UTF-16": "utf-16"}.get(guess, "cp1252")
            error.remedy = Text(
                f"save it as UTF-8, or add --encoding {wanted}", f"请另存为 UTF-8，或加上 --encoding {wanted}"
            )
        raise


def _no_row(path: Path, row: int, message: Text) -> InputError:
    return InputError(
        "no_such_row",
        message,
        remedy=Text(
            "leave --row out, or name a row of an inventory, from 0", "请去掉 --row，或指定清单中的行（从 0 起）"
        ),
        path=str(path),
        field=f"row {row}",
    )


def _limit(head: bytes) -> files.Limit:
    most = MAX_PDF if head.startswith(files.PDF) else MAX_BYTES
    return files.Limit(
        most,
        Text(f"the file is larger than {most:,} bytes", f"文件超过 {most:,} 字节"),
        Text(
            "give the description of the system, not the whole document",
            "请只提供系统说明部分，不要提供整份文件",
        ),
    )


def _pdf(data: bytes, path: Path) -> str:
    """The text of a PDF; says on standard error, in both languages, how many pages have none."""
    pages = pdf.read(data, path)
    if pages.without:
        said = Text(
            f"{pages.without} of {pages.total} pages hold no text (pictures?); they were not read",
            f"共 {pages.total} 页，其中 {pages.without} 页没有文本（可能是图片），未读取",
        )
        print(f"{path.name!r}: {said.en} / {said.zh}", file=sys.stderr)
    return pages.text


def _problem(text: str, place: str, row: int | None = None) -> InputError | None:
    field = None if row is None else f"row {row}"
    if not text.removeprefix("\ufeff").strip():
        return InputError(
            "no_text",
            Text("there is no text in it", "其中没有文本"),
            remedy=Text(
                "describe the system in a few sentences; for a scan, recognise its text first",
                "请用几句话描述系统；扫描件请先做文字识别",
            ),
            path=place,
            field=field,
        )
    if len(text) > MAX_CHARACTERS or "\0" in text:
        return InputError(
            "too_large" if len(text) > MAX_CHARACTERS else "binary",
            Text(
                f"the text has {len(text):,} characters or holds NUL; at most {MAX_CHARACTERS:,} plain ones are read",
                f"文本共 {len(text):,} 个字符或含空字符；最多读取 {MAX_CHARACTERS:,} 个普通字符",
            ),
            remedy=Text("give the description of the system only", "请只提供系统说明"),
            path=place,
            field=field,
        )
    return None


def _docx(data: bytes, path: Path) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as book:
            names = set(book.namelist())
            if _MAIN not in names:
                raise files.not_text(
                    path, Text("this is an archive, not a DOCX document", "这是压缩包，不是 DOCX 文档")
                )
            with book.open(_MAIN) as part:
                text = _paragraphs(part, path)
    except _DAMAGED as error:
        raise InputError(
            "bad_docx",
            Text(f"the document is damaged or locked: {error}", f"文档已损坏或已加密：{error}"),
            remedy=Text("open it in a word processor and save it again", "请用文字处理软件打开后重新保存"),
            path=str(path),
        ) from None
    if not text.strip() and any(name.startswith("word/media/") for name in names):
        message = Text("the document holds pictures but no text: a scan", "文档只有图片没有文本，应为扫描件")
        raise files.not_text(path, message, "no_text")
    return text


def _paragraphs(part: IO[bytes], path: Path) -> str:
    """The text of a main document part, a line a paragraph. Raises InputError for one that is too large or odd."""
    out: list[str] = []
    depth = {"t": 0, "del": 0}

    def opened(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local in ("t", "del"):
            depth[local] += 1
        elif local in ("tab", "tc"):
            out.append("\t")
        elif local in ("br", "cr"):
            out.append("\n")

    def closed(name: str) -> None:
        local = name.rpartition(" ")[2]
        if local in ("t", "del"):
            depth[local] -= 1
        elif local == "p":
            out.append("\n")

    def data(text: str) -> None:
        if depth["t"] and not depth["del"]:
            out.append(text)

    def refuse(*_: object) -> NoReturn:
        raise InputError(
            "bad_docx",
            Text("the document declares a document type, which Word never does", "文档含 DTD 声明，正常文档没有"),
            remedy=Text("open it in a word processor and save it again", "请用文字处理软件打开后重新保存"),
            path=str(path),
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    total = 0
    while chunk := part.read(_CHUNK):
        total += len(chunk)
        if total > MAX_PART:
            raise InputError(
                "too_large",
                Text("the document unpacks to more than 32 MB", "文档解压后超过 32 MB"),
                remedy=Text("give the description of the system only", "请只提供系统说明"),
                path=str(path),
            )
        parser.Parse(chunk)
    parser.Parse(b"", True)
    return "".join(out).strip("\n")


def _column(path: Path, column: str | None, row: int | None, encoding: str | None) -> Iterator[Description | BadRow]:
    try:
        from steelyard.intake.inventory import read_sheet
        from steelyard.intake.mapping import Inventory
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    sheet = read_sheet(path, Inventory(encoding=encoding or "utf-8"))
    name = _checked_column(path, column, sheet.frame.columns)
    if row is not None and not 0 <= row < sheet.total:
        raise _no_row(
            path,
            row,
            Text(
                f"there is no row {row}; the inventory has {sheet.total}, counted from 0",
                f"没有第 {row} 行；清单共 {sheet.total} 行，从 0 起计",
            ),
        )
    texts = dict(zip(sheet.rows, sheet.frame[name].to_list(), strict=True))
    for number in range(sheet.total) if row is None else (row,):
        value = texts.get(number) or ""
        error = _bad_row(path, number, sheet.unusable.get(number)) or (
            _problem(value, str(path), number) if value.strip() else None
        )
        yield Description(str(path), value, number) if error is None else BadRow(number, error)


def _checked_column(path: Path, column: str | None, names: list[str]) -> str:
    """The column. Raises InputError for one that is not there, or that two columns are called."""
    if column is not None and f"{column}#2" in names:
        raise InputError(
            "duplicate_column",
            Text(f"two columns are called {column!r}", f"有两列都叫 {column!r}"),
            remedy=Text("give each column a name of its own", "请为各列取不同的列名"),
            path=str(path),
        )
    if column is not None and column in names:
        return column
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    message = (
        Text("an inventory is read one column at a time", "清单须指定一列")
        if column is None
        else Text(f"there is no column {column!r}", f"没有列 {column!r}")
    )
    raise InputError(
        "no_such_column",
        message,
        remedy=(near(column, names) if column else None)
        or Text(f"name one with --column: {listed}", f"请用 --column 指定一列：{listed}"),
        path=str(path),
    )


def _bad_row(path: Path, row: int, reason: str | None) -> InputError | None:
    """The error for a damaged row; an empty one is no error."""
    if reason is None or reason.startswith("the row is empty"):
        return None
    english, _, chinese = reason.partition(" / ")
    return InputError(
        "bad_row",
        Text(english, chinese or english),
        path=str(path),
        field=f"row {row}",
        remedy=Text("correct this row", "请修正该行"),
    )
