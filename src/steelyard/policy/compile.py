"""A policy made ready to judge: expressions parsed, questions in an order that can be answered, digests taken.

Enforced: `asked_when` conditions parse and do not wait for each other in a circle; every cited clause exists in the
catalogue, or belongs to an instrument that is not loaded.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from steelyard.base import packs
from steelyard.base.canon import digest
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.catalogue.load import Catalogue, catalogue
from steelyard.policy.kleene import Judge
from steelyard.policy.language import LanguageError, Scope, parse
from steelyard.policy.load import files_of, load_policy, resolve, to_plain
from steelyard.policy.match import Applicability, Matcher, RuleSet
from steelyard.policy.model import Lane, Obligation, PolicyData, Prohibition, Rule, TierRule
from steelyard.policy.tree import TIER, Node, facts_of
from steelyard.profile.facts import Vocabulary, vocabulary


class Policy:
    """A compiled policy. Immutable in use; safe to share between assessments."""

    def __init__(self, data: PolicyData, clauses: Catalogue) -> None:
        """Raises InputError for an unknown clause of a loaded instrument or a circle of conditions."""
        self.data = data
        self.clauses = clauses
        self.vocabulary: Vocabulary = vocabulary().extended(data.facts)
        self.scope = scope_of(data, self.vocabulary)
        for rule in (*data.tiers, *data.prohibitions, *data.obligations):
            for clause in rule.clauses:
                clauses.cite(clause)
        with_tier = self.scope._replace(tier=True)
        self.tiers = tuple((rule, Judge(parse(rule.when, self.scope))) for rule in data.tiers)
        self.prohibitions = tuple((rule, Judge(parse(rule.when, self.scope))) for rule in data.prohibitions)
        self.obligations = tuple((rule, Judge(parse(rule.when, with_tier))) for rule in data.obligations)
        self.first = RuleSet(
            [
                *(("tier", rule, judge.node) for rule, judge in self.tiers),
                *(("prohibition", rule, judge.node) for rule, judge in self.prohibitions),
            ]
        )
        self.second = RuleSet([("obligation", rule, judge.node) for rule, judge in self.obligations])
        self.tier_matcher = Matcher([judge.node for _, judge in self.tiers])
        self.waves = _in_waves(_conditions(self.vocabulary, self.scope))
        self.applicability = Applicability(
            (*self.vocabulary.ids, TIER),
            [[(fact, node, self.vocabulary[fact].neutral) for fact, node in wave] for wave in self.waves],
            [(fact.id, count, fact.band_of) for fact, count in self.vocabulary.bands],
        )
        self.fact_order = {fact: index for index, fact in enumerate(self.vocabulary.ids)}

    @cached_property
    def digest(self) -> str:
        """The digest of the merged policy, its layers and its facts."""
        return digest(to_plain(self.data))

    @cached_property
    def second_factor(self) -> frozenset[str]:
        """The roles that prove a second factor where they decide at a console, in whatever lane."""
        return frozenset(item.role for lane in self.data.lanes for item in lane.reviewers if item.second_factor)

    @cached_property
    def lanes(self) -> dict[str, Lane]:
        """Lanes by the tier they serve."""
        return {lane.tier: lane for lane in self.data.lanes}

    @cached_property
    def judges(self) -> dict[str, tuple[Rule, Judge]]:
        """Every tier rule, prohibition and obligation with its judge, by id."""
        every: Iterable[tuple[TierRule | Prohibition | Obligation, Judge]] = (
            *self.tiers,
            *self.prohibitions,
            *self.obligations,
        )
        return {rule.id: (rule, judge) for rule, judge in every}


def scope_of(data: PolicyData, words: Vocabulary) -> Scope:
    """What the names of a policy mean."""
    members = {name: frozenset(values) for name, values in data.sets.items()}
    nodes: dict[str, Node] = {}
    for name, term in data.terms.items():
        nodes[name] = parse(term.when, Scope(words, members, nodes))
    return Scope(words, members, nodes)


def _conditions(words: Vocabulary, scope: Scope) -> dict[str, Node]:
    out: dict[str, Node] = {}
    plain = Scope(words, scope.sets, scope.terms)
    for fact in words.items:
        if fact.asked_when is None:
            continue
        try:
            out[fact.id] = parse(fact.asked_when, plain)
        except LanguageError as error:
            raise InputError(
                error.code,
                error.message,
                remedy=error.remedy,
                path="facts",
                column=error.offset + 1,
                field=f"{fact.id}.asked_when",
            ) from None
    return out


def _in_waves(conditions: dict[str, Node]) -> list[list[tuple[str, Node]]]:
    """Conditions in groups, each reading only what earlier groups settle. Raises InputError for a circle."""
    waves: list[list[tuple[str, Node]]] = []
    waiting = dict(conditions)
    while waiting:
        ready = [fact for fact, node in waiting.items() if not any(name in waiting for name in facts_of(node))]
        if not ready:
            names = ", ".join(waiting)
            raise InputError(
                "cyclic_questions",
                Text(f"these facts wait for each other: {names}", f"这些事实的提问条件互相等待：{names}"),
                path="facts",
                field="asked_when",
            )
        waves.append([(fact, waiting.pop(fact)) for fact in ready])
    return waves


def load_compiled(reference: str | Path | None = None) -> Policy:
    """The policy of a shipped name or a path, ready to judge. Raises InputError."""
    path = resolve(reference)
    data = packs.cached(f"policy.{path.parent.name}-{path.stem}", files_of(path), PolicyData, lambda: load_policy(path))
    return Policy(data, catalogue())
