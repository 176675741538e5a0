"""`steelyard.yaml`: one system per file. Reading, checking and writing it.

Only `facts` is required. Unknown is an absent key or null. Every problem of a file is found in one pass, each with its
place and a remedy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, load, near
from steelyard.profile.facts import FactError, Value, Vocabulary

FORMAT = 1
SYSTEM_FIELDS = ("id", "name", "purpose", "unit", "owner", "accountable")
TOP_FIELDS = ("steelyard", "system", "facts", "models", "datasets", "asked")
MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Assumed:
    """A fact that nobody answered and a mapping assumes; shown wherever the result is shown."""

    id: str
    fact: str
    value: Any
    reason: Text


@dataclass(frozen=True, slots=True)
class Profile:
    """One system: who it is and what is known about it.

    `facts` holds known values only: bool, str, int, or frozenset for set facts. `models` and `datasets` are as written:
    a name, or a mapping with at least `id`. `asked` are facts answered with "I don't know".
    """

    id: str
    facts: Mapping[str, Value]
    name: str = ""
    purpose: str = ""
    unit: str = ""
    owner: str = ""
    accountable: str = ""
    models: tuple[Any, ...] = ()
    datasets: tuple[Any, ...] = ()
    asked: tuple[str, ...] = ()
    assumed: tuple[Assumed, ...] = field(default=())

    def as_data(self) -> dict[str, Any]:
        """The profile as canonical plain data; sets in alphabetical order."""
        system = {name: getattr(self, name) for name in SYSTEM_FIELDS if getattr(self, name)}
        data: dict[str, Any] = {
            "steelyard": FORMAT,
            "system": system,
            "facts": {
                name: sorted(value) if isinstance(value, frozenset) else value for name, value in self.facts.items()
            },
        }
        for name in ("models", "datasets", "asked"):
            if getattr(self, name):
                data[name] = list(getattr(self, name))
        if self.assumed:
            data["assumed"] = [item.id for item in self.assumed]
        return data


def read(path: str | Path, words: Vocabulary) -> Profile:
    """The profile in a file. Raises the first InputError."""
    profile, errors = check(load(path), words)
    if errors:
        raise errors[0]
    return profile


def check(doc: Document, words: Vocabulary) -> tuple[Profile, list[InputError]]:
    """The profile, and every problem found; with problems the profile is not to be used."""
    errors: list[InputError] = []
    data = doc.data
    if not isinstance(data, dict):
        error = doc.error(
            "wrong_type",
            (),
            Text("a profile is a mapping with facts:", "档案应为包含 facts: 的映射"),
            Text("`steelyard init` writes one to start from", "可用 `steelyard init` 生成起始文件"),
        )
        return Profile("", {}), [error]
    for key in data:
        if key not in TOP_FIELDS:
            errors.append(_unknown_key(doc, (key,), key, TOP_FIELDS))
    if data.get("steelyard", FORMAT) != FORMAT:
        errors.append(
            doc.error(
                "bad_format",
                ("steelyard",),
                Text(f"this version reads format {FORMAT}", f"本版本只读取格式 {FORMAT}"),
                Text(f"write steelyard: {FORMAT}", f"请写 steelyard: {FORMAT}"),
            )
        )
    if "facts" not in data:
        errors.append(
            doc.error(
                "missing_key",
                (),
                Text("'facts' is missing", "缺少 facts"),
                Text("add facts: and the answers you know", "请补充 facts: 及已知答案"),
            )
        )
    system = _system(doc, data.get("system"), errors)
    facts = _facts(doc, data.get("facts"), words, errors)
    profile = Profile(
        id=system.pop("id", "") or Path(doc.path).stem,
        facts=facts,
        models=_things(doc, "models", data.get("models"), errors),
        datasets=_things(doc, "datasets", data.get("datasets"), errors),
        asked=_asked(doc, data.get("asked"), words, errors),
        **system,
    )
    return profile, sorted(errors, key=lambda error: (error.line or 0, error.column or 0))


def _unknown_key(doc: Document, keys: KeyPath, key: str, known: tuple[str, ...]) -> InputError:
    return doc.error(
        "unknown_key",
        keys,
        Text(f"{key!r} is not a key of a profile", f"档案没有 {key!r} 这个键"),
        near(key, known) or Text(f"known keys: {', '.join(known)}", f"可用的键：{'、'.join(known)}"),
    )


def _system(doc: Document, raw: Any, errors: list[InputError]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if raw is None:
        return out
    if not isinstance(raw, dict):
        errors.append(doc.error("wrong_type", ("system",), Text("system is a mapping", "system 应为映射")))
        return out
    for key, value in raw.items():
        keys = ("system", key)
        if key not in SYSTEM_FIELDS:
            errors.append(_unknown_key(doc, keys, key, SYSTEM_FIELDS))
        elif value is not None and not isinstance(value, (str, int)):
            errors.append(doc.error("wrong_type", keys, Text(f"{key} is a text", f"{key} 应为文本")))
        elif value is not None and len(str(value)) > MAX_TEXT:
            errors.append(
                doc.error(
                    "too_large",
                    keys,
                    Text(f"{key} is longer than {MAX_TEXT:,} characters", f"{key} 超过 {MAX_TEXT:,} 个字符"),
                    Text("shorten it, and keep long documents elsewhere", "请缩短，长文档请另存"),
                )
            )
        elif value is not None:
            out[key] = str(value).strip()
    return out


def _facts(doc: Document, raw: Any, words: Vocabulary, errors: list[InputError]) -> dict[str, Value]:
    out: dict[str, Value] = {}
    if raw is None:
        return out
    if not isinstance(raw, dict):
        errors.append(doc.error("wrong_type", ("facts",), Text("facts is a mapping", "facts 应为映射")))
        return out
    for name, value in raw.items():
        keys = ("facts", name)
        if name not in words:
            errors.append(
                doc.error(
                    "unknown_fact",
                    keys,
                    Text(f"there is no fact {name}", f"没有事实 {name}"),
                    near(name, words.ids) or Text("`steelyard facts` lists them", "用 `steelyard facts` 查看全部"),
                )
            )
        elif value is not None:
            try:
                out[name] = words[name].parse(value)
            except FactError as error:
                errors.append(doc.error(error.code, keys, error.message, error.remedy))
    return out


def _things(doc: Document, key: str, raw: Any, errors: list[InputError]) -> tuple[Any, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        errors.append(doc.error("wrong_type", (key,), Text(f"{key} is a list", f"{key} 应为列表")))
        return ()
    for index, item in enumerate(raw):
        if isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("id"), str)):
            continue
        errors.append(
            doc.error(
                "wrong_type",
                (key, index),
                Text("expected a name, or a mapping with id:", "应为名称，或包含 id: 的映射"),
            )
        )
    return tuple(_without_fractions(item) for item in raw)


def _without_fractions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_fractions(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_fractions(item) for item in value]
    return repr(value) if isinstance(value, float) else value


def _asked(doc: Document, raw: Any, words: Vocabulary, errors: list[InputError]) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        errors.append(doc.error("wrong_type", ("asked",), Text("asked is a list of facts", "asked 应为事实列表")))
        return ()
    for index, name in enumerate(raw):
        if not isinstance(name, str) or name not in words:
            errors.append(
                doc.error(
                    "unknown_fact",
                    ("asked", index),
                    Text(f"there is no fact {name}", f"没有事实 {name}"),
                    near(str(name), words.ids),
                )
            )
    return tuple(dict.fromkeys(str(name) for name in raw))
