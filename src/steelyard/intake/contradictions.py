"""Contradictions in what was declared: answers that cannot both be right, and answers that say less than the text does.

Enforced: only declared answers count, an unknown one contradicts nothing; of a text only what it asserts counts, and
only where the declared answer asks for less governance than the text does; nothing is changed, a person resolves it.
The rules are data (`packs/contradictions.yaml`), predicates in the policy language; what a text says is found by
`text.mentions`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from steelyard.base import packs
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, load, near
from steelyard.intake.text.mentions import Mention, find
from steelyard.policy.compile import Policy
from steelyard.policy.kleene import Judge
from steelyard.policy.language import LanguageError, Scope, parse
from steelyard.profile.document import Profile
from steelyard.profile.facts import PACK as FACTS
from steelyard.profile.facts import Fact, FactError, Value, Vocabulary, vocabulary

PACK = Path(__file__).parent / "packs" / "contradictions.yaml"
FORMAT = 1


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers that contradict each other, and answers one step away that do not."""

    fires: dict[str, Any]
    near_miss: dict[str, Any]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two facts that fight where `when` holds."""

    id: str
    facts: tuple[str, str]
    when: str
    message: Text
    remedy: Text
    examples: Examples


class Heard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact for which a text is held against the answer.

    Members in one group of `alike` satisfy each other; `only`, where given, are the members that matter.
    """

    fact: str
    only: tuple[str, ...] = ()
    alike: tuple[tuple[str, ...], ...] = ()


class TextData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts to hold a text against, and the least confidence that a mention needs."""

    least: float
    facts: tuple[Heard, ...]


class ContradictionData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack."""

    contradictions: int
    facts: tuple[Rule, ...]
    text: TextData


class Contradiction(NamedTuple):
    """Two statements that do not agree.

    `kind` is `fact` (then `other_fact` and `other` are the second statement) or `text` (then `text_says`, with `quote`
    at `start` to `end` of the text, in code points, heard with `confidence`). `rule` is the rule of the pack or the
    entry of the lexicon. `declared` is None only where `with_text` was asked about unanswered facts too.
    """

    kind: Literal["text", "fact"]
    rule: str
    fact: str
    declared: Value | None
    message: Text
    remedy: Text
    other_fact: str | None = None
    other: Value | None = None
    text_says: Value | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    confidence: float = 1.0


def check(profile: Profile, policy: Policy) -> list[Contradiction]:
    """Every contradiction of a profile: facts against facts in the order of the pack, then its purpose against facts.

    What a mapping assumed was declared by nobody and is left out. Raises InputError for a purpose that is too long or
    no text.
    """
    assumed = {item.fact for item in profile.assumed}
    facts = {name: value for name, value in profile.facts.items() if name not in assumed}
    return [*between_facts(facts, policy), *with_text(profile.purpose, facts, policy.vocabulary)]


def between_facts(facts: Mapping[str, Value], policy: Policy) -> list[Contradiction]:
    """Declared answers that cannot both be right."""
    words = policy.vocabulary
    values: dict[str, Any] = {**dict.fromkeys(words.ids), **facts}
    out = []
    for rule, judge in _judges(policy):
        if judge.truth(values) is True:
            fact, other = rule.facts
            out.append(
                Contradiction("fact", rule.id, fact, facts[fact], rule.message, rule.remedy, other, facts[other])
            )
    return [*out, *_bands(facts, words)]


def with_text(
    text: str, facts: Mapping[str, Value], words: Vocabulary, *, unanswered: bool = False
) -> list[Contradiction]:
    """Declared answers that say less than a text does, one for each answer (for a set, each member) that is missing.

    With `unanswered`, also what the text says about facts that have no answer; that contradicts nothing.
    """
    if not text.strip():
        return []
    pack = rules()
    heard = {item.fact: item for item in pack.text.facts}
    best: dict[tuple[str, str], Mention] = {}
    for item in find(text):
        if item.stance != "asserts" or item.confidence < pack.text.least or item.fact not in heard:
            continue
        declared = facts.get(item.fact)
        if declared is None:
            if not unanswered:
                continue
        elif not _says_less(words[item.fact], declared, item.value, heard[item.fact]):
            continue
        key = item.fact, ",".join(sorted(item.value)) if isinstance(item.value, frozenset) else ""
        known = best.get(key)
        if known is None or _weight(words[item.fact], item) > _weight(words[known.fact], known):
            best[key] = item
    return [_from_text(item, facts.get(item.fact), words[item.fact]) for item in best.values()]


def _weight(fact: Fact, item: Mention) -> tuple[int, float]:
    rank = fact.rank[item.value] if isinstance(item.value, str) else 0
    return -rank if fact.control else rank, item.confidence


def _says_less(fact: Fact, declared: Value, said: Value, heard: Heard) -> bool:
    """Whether the answer asks for less governance than what the text says."""
    if isinstance(said, frozenset) and isinstance(declared, frozenset):
        missing = (said - declared) & frozenset(heard.only or fact.members)
        alike = {member for group in heard.alike if not declared.isdisjoint(group) for member in group}
        return bool(missing - alike)
    if isinstance(said, bool):
        return said is not declared and said is (fact.demanding != "down")
    if isinstance(said, str) and isinstance(declared, str):
        less = fact.rank[declared] < fact.rank[said]
        return declared != said and less is not (fact.control or fact.demanding == "down")
    return isinstance(said, int) and isinstance(declared, int) and declared < said


def _from_text(item: Mention, declared: Value | None, fact: Fact) -> Contradiction:
    label, said, name = fact.label(declared), fact.label(item.value), fact.name
    return Contradiction(
        "text",
        item.rule,
        item.fact,
        declared,
        Text(
            f'The description says "{item.quote}", which means {name.en}: {said.en}; declared is: {label.en}.',
            f"说明写有“{item.quote}”，即{name.zh}：{said.zh}；所填为：{label.zh}。",
        ),
        Text(
            f"If the description is right, correct {fact.id}; if it is not, or means something else, reword it.",
            f"说明属实的，请更正 {fact.id}；说明不准确或另有所指的，请修改说明。",
        ),
        text_says=item.value,
        quote=item.quote,
        start=item.start,
        end=item.end,
        confidence=item.confidence,
    )


def _bands(facts: Mapping[str, Value], words: Vocabulary) -> Iterator[Contradiction]:
    for fact, count in words.bands:
        band, number = facts.get(fact.id), facts.get(count)
        if band is None or not isinstance(number, int) or fact.band_of(number) == band:
            continue
        right = fact.label(fact.band_of(number))
        yield Contradiction(
            "fact",
            "band-against-count",
            fact.id,
            band,
            Text(
                f"The exact number {number:,} belongs to '{right.en}', declared is '{fact.label(band).en}'.",
                f"准确数字 {number:,} 属于“{right.zh}”，所填为“{fact.label(band).zh}”。",
            ),
            Text(
                "Check the number, then correct the band: where both stand, the number counts.",
                "请核对数字并更正规模档：两者并存时以数字为准。",
            ),
            count,
            number,
        )


@lru_cache(maxsize=4)
def _judges(policy: Policy) -> tuple[tuple[Rule, Judge], ...]:
    scope = Scope(policy.vocabulary, {}, {})
    return tuple((rule, Judge(parse(rule.when, scope))) for rule in rules().facts)


def rules() -> ContradictionData:
    """The shipped pack."""
    return packs.cached("intake.contradictions", [PACK, FACTS], ContradictionData, lambda: read_rules(PACK))


def read_rules(path: Path) -> ContradictionData:
    """Reads and checks a pack. Raises InputError with the place."""
    doc, words = load(path), vocabulary()
    if not isinstance(doc.data, dict) or doc.data.get("contradictions") != FORMAT:
        raise doc.error(
            "bad_format",
            (),
            Text(f"expected 'contradictions: {FORMAT}'", f"应以 'contradictions: {FORMAT}' 开头"),
        )
    data: ContradictionData = convert(doc, (), doc.data, ContradictionData)
    seen: set[str] = set()
    for index, rule in enumerate(data.facts):
        keys: KeyPath = ("facts", index)
        if rule.id in seen:
            raise doc.error("duplicate_id", (*keys, "id"), Text(f"{rule.id} is defined twice", f"{rule.id} 重复定义"))
        seen.add(rule.id)
        _check_rule(doc, keys, rule, words)
    for index, item in enumerate(data.text.facts):
        _known(doc, ("text", "facts", index, "fact"), item.fact, words)
    return data


def _check_rule(doc: Document, keys: KeyPath, rule: Rule, words: Vocabulary) -> None:
    for position, name in enumerate(rule.facts):
        _known(doc, (*keys, "facts", position), name, words)
    try:
        judge = Judge(parse(rule.when, Scope(words, {}, {})))
    except LanguageError as error:
        raise doc.error(
            error.code,
            (*keys, "when"),
            error.message,
            error.remedy,
            mark=doc.inside((*keys, "when"), error.offset),
        ) from None
    if not set(rule.facts) <= set(judge.reads):
        raise doc.error(
            "wrong_value",
            (*keys, "facts"),
            Text("both facts must stand in 'when'", "两项事实都应出现在 when 中"),
        )
    for name, raw, expected in (
        ("fires", rule.examples.fires, True),
        ("near_miss", rule.examples.near_miss, False),
    ):
        place = (*keys, "examples", name)
        values: dict[str, Any] = dict.fromkeys(words.ids)
        for fact, value in raw.items():
            _known(doc, (*place, fact), fact, words)
            try:
                values[fact] = words[fact].parse(value)
            except FactError as error:
                raise doc.error(error.code, (*place, fact), error.message, error.remedy) from None
        if judge.truth(values) is not expected:
            raise doc.error(
                "bad_example", place, Text(f"{rule.id}: this example does not do so", f"{rule.id}：该示例不成立")
            )


def _known(doc: Document, keys: KeyPath, name: str, words: Vocabulary) -> None:
    if name not in words:
        raise doc.error(
            "unknown_fact", keys, Text(f"there is no fact {name}", f"没有事实 {name}"), near(name, words.ids)
        )
