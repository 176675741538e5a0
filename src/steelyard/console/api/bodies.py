"""Reading what is handed in: JSON in UTF-8, strictly; at most as much as the console takes in one request."""

import contextlib
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import strict_json, unkept
from steelyard.console.api.problems import plain


def raw(request: HttpRequest) -> bytes:
    """The body. Raises Problem 413."""
    try:
        data: bytes = request.body
    except RequestDataTooBig:
        with contextlib.suppress(OSError):
            while request.read(1 << 16):  # to its end, which the server bounds: a sender in the middle hears nothing
                pass
        raise plain(413) from None
    return data


def read(request: HttpRequest) -> Any:
    """The JSON of the body. Raises InputError `bad_json`: not JSON, a repeated key, a text that cannot be kept."""
    try:
        data = strict_json(raw(request))
    except ValueError as error:
        raise _bad(f"not JSON: {str(error)[:200]}", "不是有效 JSON") from None
    if unkept(data):
        raise _bad("a text holds a character that cannot be kept", "文本含无法保存的字符")
    return data


def _bad(en: str, zh: str) -> InputError:
    return InputError(
        "bad_json",
        Text(en, zh),
        remedy=Text("send JSON in UTF-8, each key once", "请发送 UTF-8 编码的 JSON，键不得重复"),
    )


class StrictParser(Parser):
    """Bodies with a declared shape are read as strictly."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The JSON of the body."""
        return read(request)
