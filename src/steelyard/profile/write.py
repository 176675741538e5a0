"""Writing a profile back to `steelyard.yaml`: known facts in the order of the vocabulary, nothing invented.

What an interview still needs stands in comments, which change no result: proposed answers that nobody has confirmed
(`# 87% sure: "quote"` and `# fact: value`), and the ticks of the checklist. `notes_of` reads them back.

Enforced: the file is written whole or not at all, keeps its mode, and stays behind a symbolic link; a file that may not
be written is refused; an error names the file itself.
"""

import contextlib
import json
import os
import re
import secrets
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import parse
from steelyard.profile.document import FORMAT, SYSTEM_FIELDS, Profile
from steelyard.profile.facts import Fact, FactError, Value, Vocabulary

_TICKS = "# checklist answered; still to be asked in detail:"
_SECTION = re.compile(r"^facts:[ \t]*(#.*)?$")
_TOP = re.compile(r"^[^\s#]")
_WORDS = re.compile(r"^\s*#\s*[^\d\"]{0,20}(?P<sure>\d{1,3}%[^\":]{0,60}):\s*(?P<quote>\".*\")\s*$")
_ANSWER = re.compile(r"^\s*#\s*(?P<fact>[a-z][a-z0-9_]*):\s+(?P<value>\S.*)$")


class Suggestion(NamedTuple):
    """A proposed answer that a person has not confirmed; `sure` says how sure and by whom, such as `87% sure`."""

    fact: str
    value: Value
    quote: str = ""
    sure: str = ""


class Notes(NamedTuple):
    """What a file holds for the interview besides answers.

    A fact may have several suggestions. `ticked` are facts ticked in a checklist that was answered, and not answered in
    detail yet; None before that.
    `skipped` are fields of the system that a person was asked for and left empty.
    """

    suggestions: tuple[Suggestion, ...] = ()
    ticked: frozenset[str] | None = None
    skipped: frozenset[str] = frozenset()


def suggestion_lines(fact: Fact, suggestion: Suggestion) -> list[str]:
    """The comments of a proposed answer: its words, then the answer."""
    plain = fact.plain(suggestion.value)
    quote = " ".join("".join(char if char.isprintable() else " " for char in suggestion.quote).split())
    value = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    words = [f"  # {suggestion.sure}: {json.dumps(quote, ensure_ascii=False)}"] if suggestion.sure else []
    return [*words, f"  # {fact.id}: {value}"]


def notes_of(text: str, words: Vocabulary) -> Notes:
    """The notes in the facts of a file; what cannot be read is left out, for a comment may say anything."""
    found: list[Suggestion] = []
    ticked: frozenset[str] | None = None
    inside, quote, sure = False, "", ""
    for line in text.splitlines():
        if _TOP.match(line):
            inside = bool(_SECTION.match(line))
        if not inside:
            continue
        if line.startswith(_TICKS):
            names = line.removeprefix(_TICKS).replace(",", " ").split()
            ticked = frozenset(name for name in names if name in words)
        elif said := _WORDS.match(line):
            quote, sure = _quote(said["quote"]), said["sure"].strip()
        else:
            answer = _ANSWER.match(line)
            if answer and answer["fact"] in words:
                value = _parsed(words[answer["fact"]], answer["value"])
                if value is not None:
                    found.append(Suggestion(answer["fact"], value, quote, sure))
            quote, sure = "", ""
    return Notes(tuple(found), ticked)


def _quote(raw: str) -> str:
    try:
        return str(json.loads(raw))
    except ValueError:
        return ""


def _parsed(fact: Fact, raw: str) -> Value | None:
    try:
        return fact.parse(parse(raw, "").data)
    except (InputError, FactError):
        return None


def profile_yaml(profile: Profile, words: Vocabulary, notes: Notes = Notes()) -> str:  # noqa: B008  (immutable)
    """The text of the file. Texts are quoted as JSON, which is valid YAML; unknown facts are left out."""
    lines = [f"steelyard: {FORMAT}", "system:"]
    for name in SYSTEM_FIELDS:
        value = getattr(profile, name)
        empty = ' ""' if name in notes.skipped else ""
        lines.append(f"  {name}: {_scalar(value)}" if value else f"  {name}:{empty}")
    lines.append("facts:")
    waiting = [item for item in notes.suggestions if item.fact not in profile.asked]
    for fact in words.items:
        if fact.id in profile.facts:
            lines.append(f"  {fact.id}: {_value(fact.plain(profile.facts[fact.id]))}")
        else:
            lines += [line for item in waiting if item.fact == fact.id for line in suggestion_lines(fact, item)]
    if notes.ticked is not None:
        lines.append(" ".join([_TICKS, ", ".join(_ordered(notes.ticked, words))]).rstrip())
    for name in ("models", "datasets", "asked"):
        items = getattr(profile, name)
        lines.append(f"{name}: {json.dumps(list(items), ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _ordered(names: Collection[str], words: Vocabulary) -> list[str]:
    return [fact.id for fact in words.items if fact.id in names]


def _scalar(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]" if value else "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_writable(path: Path) -> None:
    """Raises InputError where `path` could not be written later: before anybody answers a question for nothing."""
    target = _target(path)
    if target.exists():
        if not target.is_file():
            raise _refused(path, Text("this is not a file", "这不是文件"))
        if not stat.S_IMODE(target.stat().st_mode) & 0o222 or not os.access(target, os.W_OK):
            raise _refused(path, Text("the file is read-only", "该文件为只读"))
    if not target.parent.is_dir():
        raise _refused(path, Text("there is no such folder", "文件夹不存在"))
    try:
        handle, temporary = _temporary(target)
        os.close(handle)
        temporary.unlink()
    except OSError as error:
        why = error.strerror or str(error)
        raise _refused(path, Text(f"its folder cannot be written: {why}", f"其所在文件夹不可写：{why}")) from None


def save_profile(profile: Profile, words: Vocabulary, path: Path, notes: Notes = Notes()) -> bytes:  # noqa: B008
    """Writes the file whole or not at all and answers its bytes. Raises InputError, or OSError naming `path`."""
    target = _target(path)
    data = profile_yaml(profile, words, notes).encode()
    temporary: Path | None = None
    try:
        handle, temporary = _temporary(target)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        with contextlib.suppress(FileNotFoundError):
            before = target.stat()
            temporary.chmod(stat.S_IMODE(before.st_mode))
            with contextlib.suppress(OSError, AttributeError):  # only the superuser may give a file away
                os.chown(temporary, before.st_uid, before.st_gid)
        temporary.replace(target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise type(error)(error.errno, error.strerror or str(error), str(path)) from None
        raise
    return data


def _temporary(target: Path) -> tuple[int, Path]:
    """A new file beside `target`, with the mode that new files get here."""
    temporary = target.with_name(f".steelyard-{secrets.token_hex(6)}.yaml")
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), temporary


def _target(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        raise _refused(path, Text("its link leads nowhere", "其链接无法解析")) from None


def _refused(path: Path, message: Text) -> InputError:
    remedy = Text("choose another file, or change its permissions", "请换一个文件，或修改其权限")
    return InputError("cannot_write", message, remedy=remedy, path=str(path))
