"""Reading the description of a system: plain text, Markdown, DOCX, or one column of an inventory.

Enforced:
- at most `MAX_BYTES` a file (an inventory may be as large as `inventory.MAX_FILE`, its cells count one by one) and
  `mentions.MAX_CHARACTERS` a text; UTF-8, any other encoding is named, never guessed;
- PDF files, pictures, scans without text and other binary files are refused with what to do instead;
- a DOCX is unpacked only as far as its main part, which is bounded, and XML with a document type is refused, so that no
  entity can grow or reach out. Tracked deletions are not part of the text.

Offsets of proposals count code points of the text as given here.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, NoReturn
from xml.parsers import expat

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import decode_utf8, near
from steelyard.intake.text.mentions import MAX_CHARACTERS

MAX_BYTES = 5 * 1024 * 1024
MAX_PART = 32 * 1024 * 1024
_MAIN = "word/document.xml"
_CHUNK = 1 << 16
_SEEN = 8192
_TABLES = (".csv", ".tsv", ".xlsx", ".parquet", ".pq")

_EXPORT = Text(
    "open it and save it as text, Markdown or DOCX; for a scan, recognise its text first",
    "请打开后另存为文本、Markdown 或 DOCX；扫描件请先做文字识别",
)
_KINDS: tuple[tuple[bytes, str, Text], ...] = (
    (b"%PDF-", "pdf", Text("PDF files are not read yet", "暂不支持读取 PDF 文件")),
    (b"\x89PNG", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"\xff\xd8\xff", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"GIF8", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"II*\0", "picture", Text("this is a scan, not text", "这是扫描图像，不含文本")),
    (b"MM\0*", "picture", Text("this is a scan, not text", "这是扫描图像，不含文本")),
    (
        b"\xd0\xcf\x11\xe0",
        "old_or_locked",
        Text("this is an old Word file (.doc) or one with a password", "这是旧版 Word 文件（.doc）或已加密的文件"),
    ),
    (b"{\\rtf", "rtf", Text("RTF files are not read", "不支持读取 RTF 文件")),
)


class Description(NamedTuple):
    """A text and where it came from; `row` counts from 0 in an inventory."""

    path: str
    text: str
    row: int | None = None


def read(path: Path, column: str | None = None) -> Iterator[Description | InputError]:
    """The descriptions in a file. Raises InputError for the file; a row that cannot be used comes as its error."""
    if column is not None or path.suffix.lower() in _TABLES:
        yield from _column(path, column)
        return
    head = _head(path)
    _refuse_kind(path, head)
    text = _docx(path) if head.startswith(b"PK") else _plain(path)
    problem = _problem(text, str(path))
    if problem is not None:
        raise problem
    yield Description(str(path), text)


def _head(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                "too_large",
                Text(f"the file is larger than {MAX_BYTES:,} bytes", f"文件超过 {MAX_BYTES:,} 字节"),
                remedy=Text(
                    "give the description of the system, not the whole document",
                    "请只提供系统说明部分，不要提供整份文件",
                ),
                path=str(path),
            )
        with open(path, "rb") as handle:
            return handle.read(_SEEN)
    except OSError as error:
        raise InputError(
            "cannot_read",
            Text(f"cannot be read ({error.strerror})", f"无法读取（{error.strerror}）"),
            remedy=Text("check the path and its permissions", "请检查路径和访问权限"),
            path=str(path),
        ) from None


def _refuse_kind(path: Path, head: bytes) -> None:
    for magic, kind, message in _KINDS:
        if head.startswith(magic):
            raise InputError(kind, message, remedy=_EXPORT, path=str(path))
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head.startswith(b"PK"):
        return
    strange = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    if b"\0" in head or strange * 50 > len(head):
        raise InputError(
            "binary",
            Text("this is a binary file, not text", "这是二进制文件，不是文本"),
            remedy=_EXPORT,
            path=str(path),
        )


def _plain(path: Path) -> str:
    return decode_utf8(path.read_bytes(), str(path)).replace("\r\n", "\n")


def _problem(text: str, place: str, row: int | None = None) -> InputError | None:
    field = None if row is None else f"row {row}"
    if not text.strip():
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


def _docx(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
            if _MAIN not in names:
                raise InputError(
                    "binary",
                    Text("this is an archive, not a DOCX document", "这是压缩包，不是 DOCX 文档"),
                    remedy=_EXPORT,
                    path=str(path),
                )
            with book.open(_MAIN) as part:
                text = _paragraphs(part, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError) as error:
        raise InputError(
            "bad_docx",
            Text(f"the document is damaged or locked: {error}", f"文档已损坏或已加密：{error}"),
            remedy=Text("open it in a word processor and save it again", "请用文字处理软件打开后重新保存"),
            path=str(path),
        ) from None
    if not text.strip() and any(name.startswith("word/media/") for name in names):
        raise InputError(
            "no_text",
            Text("the document holds pictures but no text: a scan", "文档只有图片没有文本，应为扫描件"),
            remedy=_EXPORT,
            path=str(path),
        )
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


def _column(path: Path, column: str | None) -> Iterator[Description | InputError]:
    try:
        from steelyard.intake.inventory import read_sheet
        from steelyard.intake.mapping import Inventory
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    sheet = read_sheet(path, Inventory())
    names = sheet.frame.columns
    if column is None or column not in names:
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
    for row, text in zip(sheet.rows, sheet.frame[column].to_list(), strict=True):
        value = text or ""
        yield _problem(value, str(path), row) or Description(str(path), value, row)
    for row, reason in sheet.unusable.items():
        english, _, chinese = reason.partition(" / ")
        yield InputError(
            "bad_row", Text(english, chinese or english), path=str(path), field=f"row {row}",
            remedy=Text("correct this row", "请修正该行"),
        )  # fmt: skip
