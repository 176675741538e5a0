"""The text of a PDF as it was meant to be read, and how many of its pages have none.

Enforced: a PDF is read in a process of its own that may take `MAX_SECONDS`, a bounded amount of memory and a bounded
number of pages (`pdf_worker`); whatever it does there, the answer is its text or one InputError. A file that opens
without a password is read even where it is encrypted; one that asks for a password is refused.

What a PDF holds are glyphs in places. Undone here, because words would not be found otherwise: radicals that stand for
the Chinese characters of the same shape, ligatures, lines of Chinese broken in the middle of a word, characters set
wide. Offsets count code points of the text as given here.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text
from steelyard.intake.drafting import pdf_worker
from steelyard.intake.drafting.pdf_worker import MAX_PAGES, MAX_SECONDS
from steelyard.intake.text.mentions import MAX_CHARACTERS

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_WRAPPED = re.compile(rf"(?<=[{_HAN}，、：）》”])[ \t]*\n[ \t]*(?=[{_HAN}，、（《“])")
_CLOSE = re.compile(rf"(?<=[{_HAN}])(?=[{_HAN}])")
_WIDE = re.compile(rf"(?<=[{_HAN}，、。；：）》”]) (?=[{_HAN}，、。；：（《“])")
_FULL = 0.7
_SPACED = 0.3
_ODD = 0.3
_SIMPLE_RADICALS = str.maketrans(
    "⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳",
    "民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟",
)  # fmt: skip
_UNSEEN = {
    **dict.fromkeys([*range(32), *range(127, 160), 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF]),
    9: "\t",
    10: "\n",
    13: "\n",
    12: "\n",
    0xA0: " ",
}
_SEPARATE = Text(
    "print the pages that describe the system to a new PDF, or paste the text",
    "请将描述系统的页面另存为新的 PDF，或直接粘贴文本",
)


class Pages(NamedTuple):
    """The text of a PDF, how many pages it has, and how many of them have no text to read."""

    text: str
    total: int
    without: int


def read(data: bytes, path: Path) -> Pages:
    """The text of a PDF. Raises InputError, and EnvironmentNotReady without pypdf."""
    if importlib.util.find_spec("pypdf") is None:
        raise missing_extra("intake", "pypdf")
    answer = _answer(data)
    if "refused" in answer:
        raise _refusal(answer, path)
    pages = [plain(text or "") for text in answer["pages"]]
    with_text = [page for page in pages if page]
    if not with_text:
        raise _damaged(path) if None in answer["pages"] else _scan(path)
    return Pages("\n".join(with_text), len(pages), len(pages) - len(with_text))


def _answer(data: bytes) -> dict[str, Any]:
    """What the worker says, or why it could not."""
    command = [sys.executable, "-P", str(Path(pdf_worker.__file__)), str(MAX_CHARACTERS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"refused": "time"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"refused": "size"}
    return answer


def plain(page: str) -> str:
    """The text of a page with what setting it in type did to it undone; empty where too little of it can be read."""
    text = "".join(_as_meant(char) for char in page.translate(_UNSEEN))
    odd = sum(char == "\ufffd" or unicodedata.category(char) == "Co" for char in text)
    if odd > _ODD * len(text) or not any(char.isalnum() for char in text):
        return ""
    spaced = len(_WIDE.findall(text))
    if spaced > _SPACED * (spaced + len(_CLOSE.findall(text))):
        text = _WIDE.sub("", text)
    widest = max(map(_width, text.splitlines()))
    return _WRAPPED.sub(lambda found: _join(text, found, widest), text).strip("\n")


def _as_meant(char: str) -> str:
    """A radical or ligature as the characters it stands for."""
    if "\u2f00" <= char <= "\u2fd5" or "\ufb00" <= char <= "\ufb06":
        return unicodedata.normalize("NFKC", char)
    return char.translate(_SIMPLE_RADICALS) if "\u2e80" <= char <= "\u2eff" else char


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line.strip())


def _join(text: str, found: "re.Match[str]", widest: int) -> str:
    """Nothing where a full line goes on in the next one; a short line is a heading or an item and ends there."""
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return "" if _width(line) >= _FULL * widest else found.group()


def _refusal(answer: dict[str, Any], path: Path) -> InputError:
    """The error for a PDF that the worker refused."""
    why = answer["refused"]
    if why == "locked":
        return InputError(
            "locked",
            Text("the PDF asks for a password", "PDF 已加密，需要密码"),
            remedy=Text(
                "open it with its password and save it without one, or paste the text",
                "请用密码打开后另存为未加密的文件，或直接粘贴文本",
            ),
            path=str(path),
        )
    if why == "pages":
        message = Text(
            f"the PDF has {answer['count']:,} pages; at most {MAX_PAGES} are read",
            f"PDF 共 {answer['count']:,} 页，最多读取 {MAX_PAGES} 页",
        )
        return InputError("too_large", message, remedy=_SEPARATE, path=str(path))
    if why == "time":
        message = Text(
            f"the PDF takes more than {MAX_SECONDS} seconds to read",
            f"PDF 在 {MAX_SECONDS} 秒内无法读完",
        )
        return InputError("too_slow", message, remedy=_SEPARATE, path=str(path))
    if why == "size":
        message = Text(
            "the PDF unpacks to more than can be read: too much text, or too much memory",
            "PDF 展开后超出可读取的范围：文本过多或占用内存过多",
        )
        return InputError("too_large", message, remedy=_SEPARATE, path=str(path))
    return _damaged(path)


def _damaged(path: Path) -> InputError:
    return InputError(
        "bad_pdf",
        Text("the PDF is damaged, or is not a PDF", "PDF 已损坏，或并非 PDF"),
        remedy=Text(
            "open it in a PDF reader and print it to a new PDF, or paste the text",
            "请用 PDF 阅读器打开并另存为新的 PDF，或直接粘贴文本",
        ),
        path=str(path),
    )


def _scan(path: Path) -> InputError:
    return InputError(
        "no_text",
        Text("there is no text in it: the pages of the PDF are pictures", "其中没有文本：PDF 的页面是图像（扫描件）"),
        remedy=Text("run OCR or paste the text", "请先做文字识别（OCR），或直接粘贴文本"),
        path=str(path),
    )
