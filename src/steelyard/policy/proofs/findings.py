"""What a proof found, and how a counterexample becomes answers that a person can paste into a steelyard.yaml."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.base.i18n import Text
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.compile import Policy
from steelyard.profile.facts import Value, Vocabulary

_ANY_DAY = dt.date(2024, 9, 9)  # neither the tier nor what is owed depends on the date

Values = dict[str, Value | None]
Answers = dict[str, Value]


class Finding(NamedTuple):
    """One property of a policy.

    `holds` is None where the budget did not suffice or the readers disagree; `undecided` then names what is open.
    `more` are further counterexamples of the same property. `note` is for people.
    """

    property: str
    about: Text
    holds: bool | None
    counterexample: dict[str, Any] | None = None
    more: tuple[dict[str, Any], ...] = ()
    note: Text | None = None
    vacuous: bool = False
    undecided: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        return {
            "property": self.property,
            "holds": self.holds,
            "counterexample": self.counterexample,
            "more": list(self.more),
            "vacuous": self.vacuous,
            "undecided": list(self.undecided),
            "about": {"en": self.about.en, "zh": self.about.zh},
            "note": {"en": self.note.en, "zh": self.note.zh} if self.note else None,
        }


class Disagreement(Exception):
    """The solver and the evaluation of single systems read a profile differently: a defect of Steelyard."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__(str(answers))
        self.note = Text(
            f"two readers disagree about this profile, please report it: {dict(answers)}",
            f"两种读法对此档案结论不一致，请反馈：{dict(answers)}",
        )


def assess_answers(policy: Policy, answers: Mapping[str, Value]) -> Assessment:
    """The assessment that a counterexample is checked with."""
    return assess_facts(answers, policy, _ANY_DAY)


def rules_of(one: Assessment) -> set[str]:
    """The rules and obligations that certainly hold."""
    return {item.rule.id for item in (*one.tiers, *one.prohibitions, *one.obligations) if item.certain}


def declared(words: Vocabulary, values: Values) -> Answers:
    """Answers that lead to exactly these effective values: all known ones, without a count that only counts as 0."""
    out = {name: value for name, value in values.items() if value is not None}
    for fact, count in words.bands:
        number = out.get(count)
        if isinstance(number, int) and fact.id in out and fact.band_of(number) != out[fact.id]:
            del out[count]
    return out


def small(policy: Policy, values: Values, changes: Sequence[tuple[Answers, Values]] = ()) -> Answers:
    """The same, without the answers that follow by themselves because their question does not apply.

    Each of `changes` (answers that change, and the effective values then) must come out as well. Raises Disagreement.
    """
    words = policy.vocabulary
    answers = declared(words, values)
    wanted = [({}, values), *changes]

    def fits(candidate: Answers) -> bool:
        for change, after in wanted:
            effective = policy.applicability({**candidate, **change})[0]
            if any(effective[name] != after[name] for name in words.ids):
                return False
        return True

    if not fits(answers):
        raise Disagreement(plain(words, answers))
    for wave in reversed(policy.waves):
        for name, _ in reversed(wave):
            if name in answers and answers[name] == words[name].neutral:
                fewer = {key: value for key, value in answers.items() if key != name}
                if fits(fewer):
                    answers = fewer
    return answers


def plain(words: Vocabulary, answers: Mapping[str, Value]) -> dict[str, Any]:
    """Answers as YAML and JSON carry them, in the order of the vocabulary."""
    return {name: words[name].plain(answers[name]) for name in words.ids if name in answers}
