"""Texts in English and Simplified Chinese, and which of the two to show.

Enforced here: a text cannot exist in one language only.
"""

import os
from typing import Literal

import msgspec

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = ("en", "zh")


class Text(msgspec.Struct, frozen=True, order=True):
    """One sentence or title in both languages."""

    en: str
    zh: str

    def __post_init__(self) -> None:
        if not self.en.strip() or not self.zh.strip():
            raise ValueError("a text needs both English and Chinese")

    def get(self, lang: Lang) -> str:
        """The text in `lang`."""
        return self.zh if lang == "zh" else self.en


def text(en: str, zh: str) -> Text:
    """Short form for texts written in code, such as messages."""
    return Text(en, zh)


def preferred_lang(environ: "os._Environ[str] | dict[str, str] | None" = None) -> Lang:
    """The language of the user: `STEELYARD_LANG`, then the locale variables, then English."""
    env = os.environ if environ is None else environ
    for name in ("STEELYARD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = env.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
