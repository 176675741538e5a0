"""Files that people send as evidence: how large they may be and what they may be.

Rules enforced: what a file is, is read from its first bytes and never from what the browser says; its name must not say
otherwise; programs, pages with script and other active content are refused. Files are kept as bytes under their digest
and never served as pages.
"""

import unicodedata
from typing import Any

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text

LARGEST = 20 * 1024 * 1024
_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
)
_ENDINGS: dict[str, frozenset[str]] = {
    "pdf": frozenset({"pdf"}),
    "zip": frozenset({"zip", "docx", "xlsx", "pptx", "odt", "ods", "odp"}),
    "png": frozenset({"png"}),
    "jpeg": frozenset({"jpg", "jpeg"}),
    "gzip": frozenset({"gz", "tgz"}),
    "parquet": frozenset({"parquet"}),
}
_BINARY = frozenset().union(*_ENDINGS.values())
_ACTIVE = ("<!doctype html", "<html", "<script", "<svg", "<?php", "#!", "<head", "<body", "<iframe")
_ACTIVE_ENDINGS = frozenset({"html", "htm", "svg", "js", "exe", "sh", "bat", "cmd", "ps1", "php", "jar", "dll", "msi"})


def refused(en: str, zh: str) -> InputError:
    """The error for a file that is not taken in."""
    return InputError(
        "bad_upload",
        Text(en, zh),
        remedy=Text(
            "send a PDF, an Office document, an image, an archive or plain text of up to 20 MB",
            "请上传不超过 20 MB 的 PDF、Office 文档、图片、压缩包或纯文本",
        ),
        field="file",
    )


def kind_of(data: bytes) -> str:
    """What the bytes are: pdf, zip, png, jpeg, gzip, parquet or text. Raises InputError `bad_upload`."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            text = "\x00"
    if any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f" for char in text):
        raise refused("this is no kind of file that is taken in", "不支持此类文件")
    if text.lstrip().casefold().startswith(_ACTIVE):
        raise refused("pages and scripts are not taken in", "不接受网页或脚本文件")
    return "text"


def take(upload: Any) -> tuple[str, bytes]:
    """The name and the bytes of an uploaded file. Raises InputError `bad_upload`."""
    if upload is None or not upload.size:
        raise refused("a file is needed, and it must not be empty", "请选择文件，且文件不能为空")
    if upload.size > LARGEST:
        raise refused(
            f"this file has {upload.size / 1_048_576:.0f} MB; at most 20 MB are taken in",
            f"该文件为 {upload.size / 1_048_576:.0f} MB，上限为 20 MB",
        )
    data = upload.read()
    kind = kind_of(data)
    name = one_line(upload.name)[:200] or "file"
    ending = name.rpartition(".")[2].casefold() if "." in name else ""
    if ending in _ACTIVE_ENDINGS or (ending in _BINARY and ending not in _ENDINGS.get(kind, frozenset())):
        raise refused(
            f"its name says .{ending}, its content does not", f"文件扩展名为 .{ending}，但内容不符或该类型不被接受"
        )
    return name, data


def one_line(text: str) -> str:
    """A name on one line, without characters that turn the direction of the text around it."""
    kept = (char if char.isprintable() or char in _JOINERS else " " for char in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())


_JOINERS = "\u200c\u200d"  # Persian words and composed emoji need them
