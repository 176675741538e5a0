"""Files as people hand them in: read once and only so far, told apart by their first bytes, decoded by name.

Enforced: a file larger than its limit is refused before it is held; an encoding is named, never guessed (a guess stands
in messages only); what is not text is refused with what to do instead. Used for descriptions and for inventories.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import decode_utf8, guess_encoding

ENCODINGS = ("utf-8", "gb18030", "cp1252", "utf-16")
PDF, ZIP, COMPOUND = b"%PDF-", b"PK", b"\xd0\xcf\x11\xe0"
_SEEN = 8192

_EXPORT = Text(
    "open it and save it as text, Markdown or DOCX; for a scan, recognise its text first",
    "请打开后另存为文本、Markdown 或 DOCX；扫描件请先做文字识别",
)
_KINDS: tuple[tuple[bytes, str, Text], ...] = (
    (b"\x89PNG", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"\xff\xd8\xff", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"GIF8", "picture", Text("this is a picture, not text", "这是图片，不含文本")),
    (b"II*\0", "picture", Text("this is a scan, not text", "这是扫描图像，不含文本")),
    (b"MM\0*", "picture", Text("this is a scan, not text", "这是扫描图像，不含文本")),
    (
        COMPOUND,
        "old_or_locked",
        Text("this is an old Word file (.doc) or one with a password", "这是旧版 Word 文件（.doc）或已加密的文件"),
    ),
    (b"{\\rtf", "rtf", Text("RTF files are not read", "不支持读取 RTF 文件")),
)


class Limit(NamedTuple):
    """The greatest size of a kind of file in bytes, and what is said about a larger one."""

    size: int
    message: Text
    remedy: Text

    def refusal(self, path: Path) -> InputError:
        """The error for a larger file."""
        return InputError("too_large", self.message, remedy=self.remedy, path=str(path))


def read(path: Path, limit: Limit | Callable[[bytes], Limit]) -> bytes:
    """The bytes of a file; a limit may depend on how the file begins.

    Raises InputError `cannot_read` and `too_large`.
    """
    try:
        with open(path, "rb") as handle:
            data = handle.read(_SEEN)
            most = limit if isinstance(limit, Limit) else limit(data)
            if path.stat().st_size <= most.size:
                data += handle.read(max(0, most.size + 1 - len(data)))
                if len(data) <= most.size:
                    return data
            raise most.refusal(path)
    except OSError as error:
        raise cannot_read(path, error) from None


def check_size(path: Path, limit: Limit) -> None:
    """Raises InputError `cannot_read` and `too_large`, for a file that something else opens."""
    try:
        with open(path, "rb"):
            size = path.stat().st_size
    except OSError as error:
        raise cannot_read(path, error) from None
    if size > limit.size:
        raise limit.refusal(path)


def cannot_read(path: Path, error: OSError) -> InputError:
    """The error for a file that the file system refuses."""
    return InputError(
        "cannot_read",
        Text(f"cannot be read ({error.strerror})", f"无法读取（{error.strerror}）"),
        remedy=Text("check the path and its permissions", "请检查路径和访问权限"),
        path=str(path),
    )


def refuse_binary(data: bytes, path: Path) -> None:
    """Raises InputError for what is not text; UTF-16 passes, so that `decode` can name it."""
    for magic, kind, message in _KINDS:
        if data.startswith(magic):
            raise InputError(kind, message, remedy=_EXPORT, path=str(path))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    head = data[:_SEEN]
    strange = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    if b"\0" in head or strange * 50 > len(head):
        raise not_text(path, Text("this is a binary file, not text", "这是二进制文件，不是文本"))


def not_text(path: Path, message: Text, code: str = "binary") -> InputError:
    """The error for a file whose text must be exported first."""
    return InputError(code, message, remedy=_EXPORT, path=str(path))


def decode(data: bytes, path: Path, encoding: str | None = None) -> str:
    """The text of a file: UTF-8, or the encoding that a mapping names. Raises InputError with the place."""
    if encoding is None:
        return decode_utf8(data, str(path))
    name = encoding.lower()
    if name in ("utf-8", "utf8"):
        try:
            return decode_utf8(data, str(path))
        except InputError as error:
            guess = guess_encoding(data)
            wanted = {"GB18030": "gb18030", "UTF-16": "utf-16"}.get(guess, "cp1252")
            error.remedy = Text(
                f"save it as UTF-8, or write 'inventory: {{encoding: {wanted}}}' in the mapping",
                f"请另存为 UTF-8，或在映射文件中写 inventory: {{encoding: {wanted}}}",
            )
            raise
    if name not in ENCODINGS:
        raise InputError(
            "unknown_encoding",
            Text(f"the encoding {encoding!r} is not known", f"未知编码 {encoding!r}"),
            remedy=Text(f"use one of: {', '.join(ENCODINGS)}", f"可用编码：{'、'.join(ENCODINGS)}"),
            field="inventory.encoding",
        )
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            "damaged_text",
            Text(
                f"byte {error.start + 1} cannot be read as {encoding}; the text was damaged before",
                f"第 {error.start + 1} 个字节不是有效的 {encoding}；文本此前已受损",
            ),
            remedy=Text("correct this line, or export the inventory again as UTF-8", "请修正该行，或重新导出为 UTF-8"),
            path=str(path),
            line=line,
        ) from None
