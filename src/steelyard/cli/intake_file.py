"""The file of an interview: opened and checked before the first question, kept after every answer.

Enforced: what somebody else writes into the file meanwhile is never overwritten; the answers then go to a new file
beside it, and the person is told.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, parse, read_text
from steelyard.profile.document import SYSTEM_FIELDS, Profile, check
from steelyard.profile.write import Notes, check_writable, notes_of, save_profile

if TYPE_CHECKING:
    from steelyard.profile.facts import Vocabulary

DEFAULT = "steelyard.yaml"
_NOT_A_WORD = re.compile(r"[^\w]+")


class Keeper:
    """One file, its profile as it was read, and what it holds for the interview."""

    def __init__(self, path: Path, words: "Vocabulary", tell: Callable[[Text], None]) -> None:
        """Raises InputError where the file cannot be read, or could not be written."""
        self.path, self.profile, self.notes = path, Profile(path.stem, {}), Notes()
        self.saved = False
        self._words, self._tell = words, tell
        self._known: bytes | None = None
        self._named, self._file = False, path
        check_writable(path)
        if path.exists():
            text = read_text(path)
            doc = parse(text, str(path))
            self.profile, errors = check(doc, words)
            if errors:
                raise errors[0]
            self._known = self._bytes()
            written = _system(doc).get("id")
            self._named = bool(written) and (path.name, written) != (DEFAULT, path.stem)
            self.notes = notes_of(text, words)._replace(skipped=_skipped(doc))

    def keep(self, profile: Profile, notes: Notes) -> None:
        """Writes the profile, beside the file where somebody else has changed it. Raises InputError or OSError."""
        found = self._bytes()
        if found is not None and found != self._known:
            self._step_aside()
        self._known = save_profile(self.named(profile, blank=True), self._words, self.path, notes)
        self.saved = True

    def named(self, profile: Profile, *, blank: bool = False) -> Profile:
        """The profile with an id: its own, else the name of the file, else, for the default file, its name."""
        if self._named:
            return profile
        stem = self._file.stem
        if self._file.name == DEFAULT:
            stem = _NOT_A_WORD.sub("-", profile.name.casefold()).strip("-")[:60] or ("" if blank else stem)
        return replace(profile, id=stem)

    def _bytes(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def _step_aside(self) -> None:
        taken = self.path
        for number in itertools.count(2):
            self.path = taken.with_name(f"{taken.stem}-{number}{taken.suffix}")
            if not self.path.exists() and not self.path.is_symlink():
                break
        self._tell(
            Text(
                f"{taken} was changed by somebody else meanwhile and is left as it is. Your answers go to {self.path}:"
                " compare the two and keep one",
                f"{taken} 期间被他人改动，现保持不动。您的答案改存到 {self.path}：请比较两者，留下一份",
            )
        )


def _system(doc: Document) -> dict[str, object]:
    system = doc.data.get("system") if isinstance(doc.data, dict) else None
    return system if isinstance(system, dict) else {}


def _skipped(doc: Document) -> frozenset[str]:
    """Fields that stand there as an empty text: a person was asked and left them empty."""
    return frozenset(name for name in SYSTEM_FIELDS if _system(doc).get(name) == "")


def no_such_file(path: Path) -> InputError:
    """The error for a file that has to exist."""
    return InputError("cannot_read", Text("there is no such file", "文件不存在"), path=str(path))
