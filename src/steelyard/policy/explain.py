"""One rule on one system: does it hold, on which facts, by which clauses, and which single answer would change that."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from steelyard.base.errors import InputError
from steelyard.base.i18n import Lang, Text
from steelyard.base.tables import terminal_width, wrap
from steelyard.base.yamldoc import near
from steelyard.catalogue.model import Clause
from steelyard.policy.assess import Assessment, assess
from steelyard.policy.match import shown
from steelyard.policy.model import TIER_NAMES, Obligation, Rule, TierRule
from steelyard.policy.tree import TIER
from steelyard.profile.document import Profile
from steelyard.profile.facts import Fact, Value

_TRUTH = {
    True: Text("it applies", "适用"),
    False: Text("it does not apply", "不适用"),
    None: Text("open facts decide", "取决于未知事实"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A single answer that would give the rule another truth value."""

    fact: str
    value: Any
    truth: bool | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule holds, does not hold, or is open. `parts` are the deciding parts of its condition with their truth."""

    assessment: Assessment
    rule: Rule
    truth: bool | None
    parts: tuple[tuple[str, str, bool | None], ...]
    changes: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """The explanation as plain data."""
        rule, words = self.rule, self.assessment.policy.vocabulary
        return {
            "system": self.assessment.profile.id,
            "rule": rule.id,
            "title": {"en": rule.title.en, "zh": rule.title.zh},
            "applies": self.truth,
            "when": rule.when,
            "why": {"en": rule.why.en, "zh": rule.why.zh},
            "clauses": list(rule.clauses),
            "parts": [
                {"condition": text, "fact": fact, "value": self._value(fact), "truth": truth}
                for fact, text, truth in self.parts
            ],
            "would_change": [
                {"fact": item.fact, "value": words[item.fact].plain(item.value), "applies": item.truth}
                for item in self.changes
            ],
        }

    def _value(self, fact: str) -> Any:
        return shown(self.assessment.policy.vocabulary, fact, self.assessment.values[fact])

    def render(self, lang: Lang) -> str:
        """The explanation for a person."""
        rule, words, width = self.rule, self.assessment.policy.vocabulary, terminal_width()
        out = [f"{rule.id}: {rule.title.get(lang)}", f"  {_TRUTH[self.truth].get(lang)}", ""]
        if isinstance(rule, Obligation):
            out += [wrap(rule.action.get(lang), width, "  "), ""]
        if isinstance(rule, TierRule):
            tier = TIER_NAMES[rule.tier]
            out += [Text(f"  lifts the tier to {tier.en}", f"  使等级至少为“{tier.zh}”").get(lang), ""]
        out += [Text("Condition", "条件").get(lang), wrap(rule.when, width, "  ")]
        marks = {True: "+", False: "-", None: "?"}
        for fact, text, truth in self.parts:
            if fact == TIER:
                value = str(self._value(fact))
            elif fact in self.assessment.not_applicable:
                value = Text("not applicable", "不适用").get(lang)
            else:
                value = words[fact].label(self.assessment.values[fact]).get(lang)
            out.append(f"  {marks[truth]} {text}   ({value})")
        out += ["", Text("What the rule is for", "设立依据").get(lang), wrap(rule.why.get(lang), width, "  ")]
        for clause in rule.clauses:
            found = self.assessment.policy.clauses.cite(clause)
            title = found.title.get(lang) if isinstance(found, Clause) else Text("not loaded", "未收录").get(lang)
            out.append(f"  {clause}  {title}")
        if self.changes:
            out += ["", Text("A single answer that would change this", "可改变结论的单项答案").get(lang)]
            for item in self.changes:
                said = _said(words[item.fact], self.assessment.values[item.fact], item.value).get(lang)
                out.append(f"  {item.fact}: {said} -> {_TRUTH[item.truth].get(lang)}")
        return "\n".join(out)


def _said(fact: Fact, old: Value | None, new: Value) -> Text:
    """An alternative answer in words; for sets, the member that comes or goes."""
    if not isinstance(new, frozenset) or not isinstance(old, frozenset) or not old or not new:
        return fact.label(new)
    label = fact.label(old ^ new)
    return Text(f"also {label.en}", f"另有{label.zh}") if new > old else Text(f"without {label.en}", f"不含{label.zh}")


def explain(assessment: Assessment, identifier: str) -> Explanation:
    """Explains a tier rule, prohibition or obligation by id. Raises InputError `unknown_rule` with near ids."""
    policy = assessment.policy
    if identifier == policy.data.default.id:
        raise InputError(
            "default_rule",
            Text(f"{identifier} holds where no other rule does", f"{identifier} 在无其他规则命中时适用"),
            remedy=Text("`steelyard assess` lists the facts that keep it so", "`steelyard assess` 列出相应事实"),
        )
    if identifier not in policy.judges:
        raise InputError(
            "unknown_rule",
            Text(f"there is no rule or obligation {identifier}", f"没有规则或义务 {identifier}"),
            remedy=near(identifier, policy.judges)
            or Text("`steelyard policy show` lists them", "用 `steelyard policy show` 查看全部"),
        )
    rule, judge = policy.judges[identifier]
    truth = judge.truth(assessment.values)
    parts = tuple((atom.fact, atom.text, value) for atom, value in judge.parts(assessment.values))
    changes = tuple(_changes(assessment, identifier, truth, judge.reads))
    return Explanation(assessment, rule, truth, parts, changes)


def _changes(assessment: Assessment, identifier: str, truth: bool | None, reads: tuple[str, ...]) -> Iterator[Change]:
    policy, profile = assessment.policy, assessment.profile
    judge = policy.judges[identifier][1]
    for name in reads:
        if name == TIER:
            continue
        for value in _alternatives(policy.vocabulary[name], assessment.values[name]):
            facts = {**profile.facts, name: value}
            other = judge.truth(assess(Profile(profile.id, facts), policy, assessment.on).values)
            if other is not truth:
                yield Change(name, value, other)


def _alternatives(fact: Fact, value: Value | None) -> Iterator[Value]:
    """Other answers worth trying: every value, or one member more or fewer."""
    options: list[Value] = []
    if fact.type == "bool":
        options = [True, False]
    elif fact.type == "one_of":
        options = list(fact.members)
    elif fact.type == "set_of":
        present = value if isinstance(value, frozenset) else frozenset()
        options = [frozenset(), *(present ^ {member} for member in fact.members)]
    seen = {value}
    for option in options:
        if option not in seen:
            seen.add(option)
            yield option
