"""Reading YAML written by people: plain data, bounded, and every value knows its line and column.

Enforced here, for profiles, policies, mappings and packs alike:
- UTF-8 (a byte-order mark is allowed); any other encoding is named, never guessed;
- one document, at most `MAX_BYTES`, `MAX_DEPTH` levels and `MAX_NODES` values;
- no anchors, aliases or tags (so no "billion laughs"), no duplicate keys, keys are strings;
- YAML 1.2 scalars: only true/false are booleans, dates stay strings, `no` and `on` stay words.
"""

import difflib
import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_INT_DIGITS = 18
MAX_SUGGESTIONS = 500
CLOSE = 0.6

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?")
MAX_PAIRED = 256 * 1024
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_ABOUT_KEYS = frozenset({"unknown_key", "unknown_fact", "duplicate_id", "duplicate_key"})

Key = str | int
KeyPath = tuple[Key, ...]


class Mark(NamedTuple):
    """A place in a text; line and column count from 1."""

    line: int
    column: int


class Document:
    """A YAML text as plain data, with the place of every value.

    `data` holds dicts, lists, strings, integers, floats, booleans and None.
    """

    def __init__(
        self, data: Any, path: str, text: str, marks: dict[KeyPath, Mark], key_marks: dict[KeyPath, Mark]
    ) -> None:
        self.data = data
        self.path = path
        self._text = text
        self._marks = marks
        self._key_marks = key_marks
        _searches.count = 0

    def where_key(self, *keys: Key) -> Mark:
        """The place of the last key itself, for messages about a name rather than its value."""
        return self._key_marks.get(keys) or self.where(*keys)

    def where(self, *keys: Key) -> Mark:
        """The place of the value at `keys`, or of its nearest known parent."""
        while keys and keys not in self._marks:
            keys = keys[:-1]
        return self._marks.get(keys, Mark(1, 1))

    def inside(self, keys: KeyPath, offset: int) -> Mark:
        """The place of character `offset` of the string value at `keys`.

        Walks the source beside the value, so it is right for plain, quoted and block scalars; where an escape makes
        the two differ it answers the start of the value.
        """
        value: Any = self.data
        for key in keys:
            value = value[key]
        start = self.where(*keys)
        lines = self._text.split("\n")
        row, col = start.line - 1, start.column - 1
        if row < len(lines) and col < len(lines[row]) and lines[row][col] in "|>":
            row, col = row + 1, 0
        elif row < len(lines) and col < len(lines[row]) and lines[row][col] in "\"'":
            col += 1
        for index, char in enumerate(value):
            if char.isspace():
                if index == offset:
                    return Mark(row + 1, col + 1)
                continue
            while row < len(lines) and (col >= len(lines[row]) or lines[row][col].isspace()):
                row, col = (row, col + 1) if col < len(lines[row]) else (row + 1, 0)
            if row >= len(lines) or lines[row][col] != char:
                return start
            if index == offset:
                return Mark(row + 1, col + 1)
            col += 1
        return Mark(row + 1, col + 1)

    def error(
        self, code: str, keys: KeyPath, message: Text, remedy: Text | None = None, *, mark: Mark | None = None
    ) -> InputError:
        """An InputError that names this file, the place of `keys` and the field."""
        place = mark or (self.where_key(*keys) if code in _ABOUT_KEYS else self.where(*keys))
        return InputError(
            code,
            message,
            remedy=remedy,
            path=self.path,
            line=place.line,
            column=place.column,
            field=field_name(keys) or None,
        )


def field_name(keys: Iterable[Key]) -> str:
    """`facts.audience`, `rules[2].when`: a key path as people read it."""
    out = ""
    for key in keys:
        out += f"[{key}]" if isinstance(key, int) else f".{key}" if out else key
    return out


class _Searches(threading.local):
    """How many words were searched for since a document was opened, on this thread."""

    count = 0


_searches = _Searches()


def near(word: str, known: Iterable[str]) -> Text | None:
    """A remedy that names the nearest known word, where one is near.

    After `MAX_SUGGESTIONS` searches for one document there are no more, so that a file full of foreign words is soon
    refused.
    """
    letters = _letters(word)
    likely = [
        other
        for other in known
        if 2 * (letters & _letters(other)).bit_count() >= CLOSE * (len(word) + len(other))  # else it cannot be close
    ]
    if not likely or _searches.count >= MAX_SUGGESTIONS:
        return None
    _searches.count += 1
    found = difflib.get_close_matches(word, likely, n=2, cutoff=CLOSE)
    if not found:
        return None
    return Text(f"did you mean {' or '.join(found)}?", f"是否想写 {' 或 '.join(found)}？")


@lru_cache(maxsize=4096)
def _letters(word: str) -> int:
    """The letters of a word as bits, the second `a` another than the first; two words share at most their common bits.

    Letters that fall together are counted together, which only makes words look closer than they are.
    """
    counts = [0] * 32
    out = 0
    for char in word:
        slot = ord(char) % 32
        if counts[slot] == 64:
            return (1 << 2048) - 1
        out |= 1 << (slot * 64 + counts[slot])
        counts[slot] += 1
    return out


def read_text(path: str | Path, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a file in UTF-8. Raises InputError for a missing, too large or wrongly encoded file."""
    name = str(path)
    try:
        with open(path, "rb") as handle:
            data = handle.read(max_bytes + 1)
    except OSError as error:
        raise InputError(
            "cannot_read",
            Text(
                f"the file cannot be read ({error.strerror or error})", f"无法读取该文件（{error.strerror or error}）"
            ),
            remedy=Text("check the path and its permissions", "请检查路径和访问权限"),
            path=name,
        ) from None
    if len(data) > max_bytes:
        raise InputError(
            "too_large",
            Text(f"the file is larger than {max_bytes:,} bytes", f"文件超过 {max_bytes:,} 字节"),
            remedy=Text("keep long documents elsewhere and refer to them", "请将长文档另存，并在此引用"),
            path=name,
        )
    return decode_utf8(data, name)


def decode_utf8(data: bytes, name: str) -> str:
    """`data` as UTF-8 text without a byte-order mark. Raises InputError `not_utf8` with the place."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        guess = guess_encoding(data)
        raise InputError(
            "not_utf8",
            Text(
                f"the file is not UTF-8 (byte {error.start + 1}); it looks like {guess}",
                f"文件不是 UTF-8 编码（第 {error.start + 1} 个字节）；看起来像 {guess}",
            ),
            remedy=Text("save it as UTF-8 and try again", "请另存为 UTF-8 后重试"),
            path=name,
            line=line,
        ) from None


def guess_encoding(data: bytes) -> str:
    """A guess, for messages only, of the encoding of bytes that are not UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    try:
        sample = data.decode("gb18030")
    except UnicodeDecodeError:
        return "cp1252 (damaged)" if b"\x81" in data or b"\x8d" in data else "cp1252"
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in sample)
    wide = sum(ord(char) > 127 for char in sample)
    return "GB18030" if wide >= 4 and chinese >= 0.6 * wide else "cp1252"


def load(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Document:
    """Reads one YAML document from a file. Raises InputError with the place and a remedy."""
    return parse(read_text(path, max_bytes=max_bytes), str(path))


def parse(text: str, path: str) -> Document:
    """Reads one YAML document from a text; `path` is only named in messages."""
    try:
        try:
            return _build(text, path, _Loader)
        except yaml.MarkedYAMLError:
            if len(text) > MAX_PAIRED or not _PAIR.search(text):
                raise
            return _build(text, path, yaml.SafeLoader)  # it takes halves of a pair, which `_build` joins
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "not YAML").split())
        raise InputError(
            "bad_yaml",
            Text(f"this is not valid YAML: {problem}", f"不是有效的 YAML：{problem}"),
            remedy=Text("check indentation, colons and quotation marks at this place", "请检查此处的缩进、冒号与引号"),
            path=path,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
        ) from None
    except yaml.YAMLError as error:
        raise InputError(
            "bad_yaml",
            Text(
                f"this is not valid YAML: {' '.join(str(error).split())}",
                f"不是有效的 YAML：{' '.join(str(error).split())}",
            ),
            remedy=Text("remove control characters and save as UTF-8", "请去除控制字符并另存为 UTF-8"),
            path=path,
        ) from None


def _build(text: str, path: str, loader: Any) -> Document:
    marks: dict[KeyPath, Mark] = {}
    key_marks: dict[KeyPath, Mark] = {}
    root: list[Any] = []
    # A frame is (container, its key path, pending key or None); the root is a list of documents.
    stack: list[tuple[Any, KeyPath, list[Any]]] = []
    count = 0

    def fail(code: str, mark: Any, message: Text, remedy: Text) -> InputError:
        keys = _path_of(stack)
        return InputError(
            code,
            message,
            remedy=remedy,
            path=path,
            line=mark.line + 1,
            column=mark.column + 1,
            field=field_name(keys) or None,
        )

    def place(value: Any, mark: Any) -> KeyPath:
        """Puts a finished scalar or a new container where it belongs; answers its key path."""
        if not stack:
            if root:
                raise fail(
                    "several_documents",
                    mark,
                    Text("the file holds more than one YAML document", "文件包含多个 YAML 文档"),
                    Text("keep one document per file (remove '---')", "每个文件只保留一个文档（删除“---”）"),
                )
            root.append(value)
            marks[()] = Mark(mark.line + 1, mark.column + 1)
            return ()
        container, base, pending = stack[-1]
        if isinstance(container, list):
            keys = (*base, len(container))
            container.append(value)
        else:
            keys = (*base, pending.pop())
            container[keys[-1]] = value
        marks[keys] = Mark(mark.line + 1, mark.column + 1)
        return keys

    for event in yaml.parse(text, Loader=loader):
        mark: Any = event.start_mark
        if loader is not _Loader and isinstance(event, yaml.ScalarEvent):
            event.value = _joined_pairs(event.value, mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise fail(
                "yaml_anchor",
                mark,
                Text("anchors and aliases (& and *) are not allowed", "不允许使用锚点与别名（& 与 *）"),
                Text("write the value out where it is used", "请在使用处直接写出该值"),
            )
        if isinstance(event, yaml.NodeEvent):
            count += 1
            if getattr(event, "tag", None) and not _implicit_tag(event):
                raise fail(
                    "yaml_tag",
                    mark,
                    Text("tags such as !!python or !x are not allowed", "不允许使用 !!python、!x 等标签"),
                    Text("write plain values only", "请只写普通值"),
                )
            if count > MAX_NODES:
                raise fail(
                    "too_many_values",
                    mark,
                    Text(f"the file holds more than {MAX_NODES:,} values", f"文件包含的值超过 {MAX_NODES:,} 个"),
                    Text("split it", "请拆分文件"),
                )
        if isinstance(event, yaml.ScalarEvent):
            if stack and isinstance(stack[-1][0], dict) and not stack[-1][2]:
                key = _key(event, stack[-1][0], fail)
                stack[-1][2].append(key)
                key_marks[(*stack[-1][1], key)] = Mark(mark.line + 1, mark.column + 1)
            else:
                place(_scalar(event, fail), mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            if stack and isinstance(stack[-1][0], dict) and not stack[-1][2]:
                raise fail(
                    "bad_key",
                    mark,
                    Text("a key must be a word", "键必须是单个词"),
                    Text("write 'key: value'", "请写成“键: 值”"),
                )
            if len(stack) >= MAX_DEPTH:
                raise fail(
                    "too_deep",
                    mark,
                    Text(f"values are nested more than {MAX_DEPTH} levels deep", f"嵌套超过 {MAX_DEPTH} 层"),
                    Text("flatten this part", "请减少嵌套"),
                )
            value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            stack.append((value, place(value, mark), []))
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
    if not root or root[0] is None:
        raise InputError(
            "empty",
            Text("the file is empty", "文件为空"),
            remedy=Text(
                "write something into it; for a system, `steelyard init` writes a file to start from",
                "请先填写内容；为系统建档可用 `steelyard init` 生成起始文件",
            ),
            path=path,
            line=1,
            column=1,
        )
    return Document(root[0], path, text, marks, key_marks)


def _joined_pairs(value: str, mark: Any) -> str:
    """A text in which two escapes of JSON that make one character together do so. Raises for half of a pair."""
    try:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise yaml.MarkedYAMLError(problem="half of a surrogate pair", problem_mark=mark) from None


def _path_of(stack: list[tuple[Any, KeyPath, list[Any]]]) -> KeyPath:
    if not stack:
        return ()
    container, base, pending = stack[-1]
    if isinstance(container, list):
        return (*base, len(container))
    return (*base, *pending[:1])


def _implicit_tag(event: Any) -> bool:
    if isinstance(event, yaml.ScalarEvent):
        return bool(event.implicit[0] or event.implicit[1])
    return bool(event.implicit)


def _key(event: Any, container: dict[str, Any], fail: Any) -> str:
    key = event.value
    if not isinstance(key, str) or key == "" or len(key) > 300:
        raise fail(
            "bad_key",
            event.start_mark,
            Text("a key must be a short word", "键必须是简短的词"),
            Text("write 'key: value'", "请写成“键: 值”"),
        )
    if key == "<<":
        raise fail(
            "yaml_anchor",
            event.start_mark,
            Text("merge keys (<<) are not allowed", "不允许使用合并键（<<）"),
            Text("write the values out", "请直接写出各值"),
        )
    if key in container:
        raise fail(
            "duplicate_key",
            event.start_mark,
            Text(f"the key {key!r} stands here twice", f"键 {key!r} 重复出现"),
            Text("keep one of the two", "请只保留一个"),
        )
    return key


def _scalar(event: Any, fail: Any) -> Any:
    value: str = event.value
    if not event.implicit[0]:  # quoted or block text
        return value
    if value in _NULLS:
        return None
    if value in _BOOLS:
        return _BOOLS[value]
    if _INT.fullmatch(value):
        if len(value) > MAX_INT_DIGITS:
            raise fail(
                "too_large_number",
                event.start_mark,
                Text("this number is too large", "数字过大"),
                Text(f"use at most {MAX_INT_DIGITS} digits, or quote it", f"最多 {MAX_INT_DIGITS} 位，或加引号"),
            )
        return int(value)
    if _FLOAT.fullmatch(value):
        return float(value)
    return value


_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_MISSING_FIELD = re.compile(r"Object missing required field `(?P<name>[^`]*)`")


def convert(doc: Document, keys: KeyPath, raw: Any, kind: Any) -> Any:
    """`raw`, the value at `keys` of `doc`, as the msgspec structure `kind`.

    Raises InputError that names the place of the offending part. Structures should forbid unknown fields, so that a
    misspelt key is an error and never a silence.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        at: KeyPath = keys
        for name, index in _STEP.findall(where.rstrip("`")):
            if index == "...":
                break
            at = (*at, int(index) if index else name)
        unknown, missing = _UNKNOWN_FIELD.match(problem), _MISSING_FIELD.match(problem)
        if unknown:
            name = unknown["name"]
            fields = getattr(kind, "__struct_encode_fields__", ()) if at == keys else ()
            raise doc.error(
                "unknown_key",
                (*at, name),
                Text(f"{name!r} is not a key that stands here", f"此处没有 {name!r} 这个键"),
                near(name, fields) or Text("check its spelling, or remove it", "请检查拼写，或将其删除"),
            ) from None
        if missing:
            name = missing["name"]
            raise doc.error(
                "missing_key",
                at,
                Text(f"{name!r} is missing here", f"此处缺少 {name!r}"),
                Text(
                    "every text stands in both languages, en and zh" if name in ("en", "zh") else f"add {name}: ...",
                    "每段文字须同时提供 en 与 zh" if name in ("en", "zh") else f"请补充 {name}: ...",
                ),
            ) from None
        raise doc.error("wrong_type", at, Text(_lower(problem), f"此处内容不符合要求：{problem}")) from None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
