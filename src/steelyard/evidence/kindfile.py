"""Reading packs of evidence kinds, each entry with its place.

Enforced: both languages everywhere; every key known; ids of kinds and measures are used once and are no words of the
predicate language; only one_of and set_of measures list values; periods are ISO 8601; `satisfies` and `contradicts`
parse and fit the measures; the examples come out as they say and differ in exactly one measure; two packs cannot define
one kind.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from steelyard.base.clock import is_duration
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, load, near
from steelyard.evidence.kinds import DETAILS, PERCENT, About, Examples, Kind
from steelyard.policy.language import LanguageError
from steelyard.policy.tree import TIER
from steelyard.profile.facts import Fact, FactType, FactValue

FORMAT = 1
_ID = re.compile(r"[a-z][a-z0-9_]{0,59}")
_WORDS = frozenset({"and", "or", "not", "in", "true", "false", TIER, DETAILS})


class ValueData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a measure."""

    id: str
    en: str
    zh: str


class MeasureData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measure of a kind."""

    id: str
    type: Literal["bool", "one_of", "set_of", "count"]
    title: Text
    help: Text
    values: tuple[ValueData, ...] = ()
    ordered: bool = False


class KindData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a pack."""

    id: str
    title: Text
    description: Text
    about: str
    command: str | None
    valid: str | None
    measures: tuple[MeasureData, ...]
    satisfies: str | None
    contradicts: str | None
    examples: Examples


class _Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack before its entries are read one by one, so that messages know near words."""

    kinds: int
    items: list[Any]


def read_packs(paths: Sequence[Path]) -> tuple[Kind, ...]:
    """The kinds of these packs, in order. Raises InputError with the place and a remedy."""
    seen: dict[str, str] = {}
    out: list[Kind] = []
    for path in paths:
        doc = load(path)
        if not isinstance(doc.data, dict) or doc.data.get("kinds") != FORMAT:
            raise doc.error(
                "bad_format",
                (),
                Text(f"a pack of evidence kinds starts with 'kinds: {FORMAT}'", f"证据类别包应以“kinds: {FORMAT}”开头"),
            )
        sections: _Sections = convert(doc, (), doc.data, _Sections)
        for index, raw in enumerate(sections.items):
            keys: KeyPath = ("items", index)
            data: KindData = convert(doc, keys, raw, KindData)
            _check_id(doc, (*keys, "id"), data.id)
            if data.id in seen:
                raise doc.error(
                    "duplicate_id",
                    (*keys, "id"),
                    Text(
                        f"the kind {data.id} is already defined in {seen[data.id]}",
                        f"类别 {data.id} 已在 {seen[data.id]} 中定义",
                    ),
                    Text("choose another id", "请换一个编号"),
                )
            seen[data.id] = str(path)
            out.append(_kind(doc, keys, data))
    return tuple(out)


def _kind(doc: Document, keys: KeyPath, data: KindData) -> Kind:
    if data.about not in get_args(About):
        raise _one_of(doc, (*keys, "about"), data.about, get_args(About))
    check_duration(doc, (*keys, "valid"), data.valid)
    names = [measure.id for measure in data.measures]
    for index, measure in enumerate(data.measures):
        _check_measure(doc, (*keys, "measures", index), measure, names[:index])
    kind = Kind(
        id=data.id,
        title=data.title,
        description=data.description,
        about=data.about,  # type: ignore[arg-type]
        command=data.command,
        valid=data.valid,
        measures=tuple(_fact(measure) for measure in data.measures),
        satisfies=data.satisfies,
        contradicts=data.contradicts,
        examples=data.examples,
    )
    for key, text in (("satisfies", data.satisfies), ("contradicts", data.contradicts)):
        if text is not None:
            check_predicate(doc, (*keys, key), kind, text)
    _run_examples(doc, keys, kind)
    return kind


def _fact(data: MeasureData) -> Fact:
    values = tuple(FactValue(value.id, Text(value.en, value.zh)) for value in data.values)
    kind: FactType = data.type
    return Fact(data.id, data.title, kind, data.title, data.help, values, data.ordered)


def _check_id(doc: Document, keys: KeyPath, name: str) -> None:
    if not _ID.fullmatch(name) or name in _WORDS:
        raise doc.error(
            "bad_id",
            keys,
            Text(f"{name!r} cannot be an id here", f"{name!r} 不能用作编号"),
            Text(
                "use lower-case letters, digits and _, and no word of the predicate language",
                "请用小写字母、数字和下划线，并避开条件语言的保留词",
            ),
        )


def _check_measure(doc: Document, keys: KeyPath, measure: MeasureData, before: list[str]) -> None:
    _check_id(doc, (*keys, "id"), measure.id)
    members = [value.id for value in measure.values]
    if measure.id in before or len(members) != len(set(members)):
        raise doc.error(
            "duplicate_id",
            (*keys, "id"),
            Text(f"{measure.id} or one of its values is defined twice", f"{measure.id} 或其取值重复定义"),
            Text("keep one of the two", "请只保留一个"),
        )
    wrong = None
    if (measure.type in ("one_of", "set_of")) != bool(members):
        wrong = Text(
            "one_of and set_of measures list their values, others list none",
            "one_of 与 set_of 须列出取值，其他类型不列",
        )
    elif measure.ordered and measure.type != "one_of":
        wrong = Text("only a one_of measure can be ordered", "只有 one_of 可以有序")
    elif measure.id.endswith(PERCENT) and measure.type != "count":
        wrong = Text(f"a measure that ends in {PERCENT} is a count", f"以 {PERCENT} 结尾的结果项应为 count")
    if wrong is not None:
        raise doc.error("bad_measure", keys, wrong)
    for index, value in enumerate(measure.values):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,59}", value.id):
            raise doc.error(
                "bad_id",
                (*keys, "values", index, "id"),
                Text(f"{value.id!r} cannot be the id of a value", f"{value.id!r} 不能用作取值编号"),
                Text("use lower-case letters, digits and _", "请用小写字母、数字和下划线"),
            )
        if not value.en.strip() or not value.zh.strip():
            raise doc.error(
                "missing_key",
                (*keys, "values", index),
                Text("a value needs a name in both languages", "取值须有中英文名称"),
            )


def check_duration(doc: Document, keys: KeyPath, value: str | None) -> None:
    """Raises InputError `bad_date` where `value` is neither null nor an ISO 8601 duration."""
    if value is not None and not is_duration(value):
        raise doc.error(
            "bad_date",
            keys,
            Text(f"{value!r} is not an ISO 8601 duration such as P1Y", f"{value!r} 不是 ISO 8601 时长（如 P1Y）"),
            Text("write P30D, P6M or P1Y, or null for no end", "请写 P30D、P6M 或 P1Y；没有期限的写 null"),
        )


def check_predicate(doc: Document, keys: KeyPath, kind: Kind, text: str) -> None:
    """Raises InputError with line and column inside the predicate where it does not fit the measures of `kind`."""
    try:
        kind.judge(text)
    except LanguageError as error:
        remedy = error.remedy
        if error.code == "unknown_name":
            word = text[error.offset :].split()[0].rstrip("&(){},=!<>") or text
            remedy = near(word, kind.vocabulary.ids) or Text(
                f"the measures of {kind.id}: {', '.join(kind.vocabulary.ids)}",
                f"{kind.id} 的结果项：{'、'.join(kind.vocabulary.ids)}",
            )
        mark = doc.inside(keys, error.offset)
        raise doc.error(error.code, keys, error.message, remedy, mark=mark) from None


def distance(one: dict[str, Any], other: dict[str, Any]) -> int:
    """In how many measures two results differ; null and absent are the same."""
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def example(doc: Document, keys: KeyPath, kind: Kind, raw: dict[str, Any]) -> Any:
    """The typed measures of an example. Raises InputError at its place."""
    try:
        return kind.parse(raw)
    except InputError as error:
        place = (*keys, error.field) if error.field else keys
        raise doc.error(error.code, place, error.message, error.remedy) from None


def bad_example(doc: Document, keys: KeyPath, message: Text) -> InputError:
    """The error for an example that does not do what it says."""
    return doc.error("bad_example", keys, message, Text("correct the example or the predicate", "请更正示例或条件"))


def _run_examples(doc: Document, keys: KeyPath, kind: Kind) -> None:
    good, short = kind.examples.satisfies, kind.examples.falls_short
    at: KeyPath = (*keys, "examples")
    if kind.truth(example(doc, (*at, "satisfies"), kind, good)) is not True:
        raise bad_example(doc, (*at, "satisfies"), Text("this result does not count", "该结果不满足最低要求"))
    if short is None:
        if kind.satisfies is not None or kind.contradicts is not None:
            raise bad_example(doc, at, Text("a result that falls short is missing", "缺少未达要求的示例"))
        return
    if kind.truth(example(doc, (*at, "falls_short"), kind, short)) is True:
        raise bad_example(doc, (*at, "falls_short"), Text("this result counts", "该结果满足最低要求"))
    if distance(good, short) != 1:
        raise bad_example(doc, at, Text("the two examples differ in exactly one measure", "两个示例应恰好相差一项"))


def _one_of(doc: Document, keys: KeyPath, value: str, known: Sequence[str]) -> InputError:
    return doc.error(
        "wrong_value",
        keys,
        Text(f"{value!r} cannot stand here", f"此处不能填 {value!r}"),
        near(value, known) or Text(f"use one of: {', '.join(known)}", f"可用取值：{'、'.join(known)}"),
    )
