"""An annex over a base policy: it may add and tighten; it weakens a base rule only where it says so.

An annex may
- add sets, terms, facts, rules, obligations, prohibitions and notes under new ids;
- add members to a base set (`sets: {NAME: [more]}`), as long as no base rule comes to hold for fewer systems by it;
- change an entry of the base by writing its id again with only the keys that change, and `also_when: EXPRESSION` to
  make it hold for more systems.
Anything that weakens a base rule (a lower tier, a narrower condition, a later date, less evidence, fewer reviewers,
`remove: true`) is refused unless `loosens:` names the rule and a reason; the reason is shown in every assessment. What
cannot be shown to be a tightening counts as weakening.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document
from steelyard.policy import entries as e
from steelyard.policy.language import Scope, parse
from steelyard.policy.model import GATES, Lane, Loosening, Obligation, PolicyData, Prohibition, Promise, TierRule
from steelyard.policy.tree import TIERS, And, Meets, Node, Not, OneOf, Or
from steelyard.profile.facts import Fact, vocabulary

_RULES: dict[str, Any] = {
    "tiers": TierRule,
    "prohibitions": Prohibition,
    "obligations": Obligation,
    "lanes": Lane,
    "promises": Promise,
}
_SHORT = {"Y": 365.0, "M": 28.0, "W": 7.0, "D": 1.0}
_LONG = {"Y": 366.0, "M": 31.0, "W": 7.0, "D": 1.0}
_CLOCK = {"H": 1 / 24, "M": 1 / 1_440, "S": 1 / 86_400}


def merge(doc: Document, sections: e.Sections, scalars: e.Scalars, base: PolicyData) -> PolicyData:
    """The policy that the annex in `doc` makes of `base`. Raises InputError for a weakening that is not declared."""
    layer = e.layer_of(doc)
    extra = e.extra_facts(sections["facts"], base.facts)
    words = vocabulary().extended(extra)
    sets = dict(base.sets)
    for name, entry in e.named(scalars, "sets"):
        sets[name] = tuple(dict.fromkeys((*sets.get(name, ()), *e.set_of(entry))))
    members = {name: frozenset(values) for name, values in sets.items()}
    old_scope = _scope(base)
    base_terms: dict[str, Node] = {}
    for name, term in base.terms.items():
        base_terms[name] = parse(term.when, Scope(words, members, base_terms))
    terms, nodes = e.read_terms(e.named(scalars, "terms"), words, sets, base.terms, base_terms)
    if "default" in scalars:
        raise scalars["default"].source.error(
            "default_fixed", Text("an annex cannot change the default tier", "附加策略不能更改默认等级")
        )
    scope = Scope(words, members, nodes)
    weakened: dict[str, e.Source] = {}
    every: tuple[Any, ...] = (*base.tiers, *base.prohibitions, *base.obligations, *base.promises)
    for rule in every:
        if not at_least_as_wide(_condition(rule, old_scope), _condition(rule, scope)):
            weakened[rule.id] = e.Source(doc, ("sets",))
    merged = {
        name: _section(sections[name], getattr(base, name), kind, scope, weakened) for name, kind in _RULES.items()
    }
    information = {item.clause: item for item in base.information}
    for entry in sections["information"]:
        item = e.read_entry(entry, e.SECTIONS["information"], scope)
        information[item.clause] = item
    e.unique_ids(sections, base.default.id)
    _unique(doc, base.default.id, merged)
    for fact in base.facts:
        _check_question(doc, fact, old_scope, scope)
    e.check_lanes(doc, merged["lanes"])
    return PolicyData(
        id=layer.id,
        version=layer.version,
        title=layer.title,
        instruments=tuple(dict.fromkeys((*base.instruments, *e.instruments_of(doc)))),
        layers=(*base.layers, layer),
        sets=sets,
        terms=terms,
        facts=extra,
        default=base.default,
        tiers=merged["tiers"],
        lanes=merged["lanes"],
        prohibitions=merged["prohibitions"],
        obligations=merged["obligations"],
        information=tuple(information.values()),
        promises=merged["promises"],
        loosened=(*base.loosened, *_declared(sections["loosens"], weakened, layer.id, scope)),
    )


def _unique(doc: Document, default: str, merged: dict[str, tuple[Any, ...]]) -> None:
    """Every id names one thing in the whole stack."""
    seen = {default}
    for section in ("tiers", "prohibitions", "obligations"):
        for rule in merged[section]:
            if rule.id in seen:
                raise doc.error(
                    "duplicate_id",
                    (section,),
                    Text(f"the id {rule.id} already names another rule", f"id {rule.id} 已用于其他规则"),
                    Text("give each rule an id of its own", "请为每条规则使用唯一 id"),
                )
            seen.add(rule.id)


def _check_question(doc: Document, fact: Fact, old: Scope, new: Scope) -> None:
    """A base fact is asked of no fewer systems than before, and its id names nothing else."""
    if fact.id in new.terms or fact.id in new.sets:
        raise doc.error("duplicate_id", (), Text(f"{fact.id} already names a fact", f"{fact.id} 已是事实的名称"), None)
    if fact.asked_when is not None:
        before, after = parse(fact.asked_when, old), parse(fact.asked_when, new)
        if not at_least_as_wide(before, after):
            raise doc.error(
                "loosened",
                ("sets",),
                Text(f"{fact.id} would be asked of fewer systems", f"{fact.id} 的提问范围将缩小"),
                Text("leave the sets that its asked_when reads alone", "请勿更改其 asked_when 所用的集合"),
            )


def _scope(base: PolicyData) -> Scope:
    words = vocabulary().extended(base.facts)
    members = {name: frozenset(values) for name, values in base.sets.items()}
    nodes: dict[str, Node] = {}
    for name, term in base.terms.items():
        nodes[name] = parse(term.when, Scope(words, members, nodes))
    return Scope(words, members, nodes)


def _declared(
    loosens: list[e.Entry], weakened: Mapping[str, e.Source], layer: str, scope: Scope
) -> tuple[Loosening, ...]:
    declared: dict[str, Loosening] = {}
    for entry in loosens:
        item: Loosening = e.read_entry(entry, Loosening, scope)
        if item.rule not in weakened:
            raise entry.source.error(
                "loosens_nothing",
                Text(f"{item.rule} is not weakened by this policy", f"本策略并未放宽 {item.rule}"),
                Text("remove this entry", "请删除此项"),
                "rule",
            )
        declared[item.rule] = msgspec.structs.replace(item, policy=layer)
    for rule, source in weakened.items():
        if rule not in declared:
            raise source.error(
                "loosened",
                Text(f"this weakens {rule} of the base policy", f"此处放宽了基础策略的 {rule}"),
                Text(
                    "tighten instead, or name the rule and a reason under loosens:",
                    "请改为收紧，或在 loosens: 中写明规则与理由",
                ),
            )
    return tuple(declared.values())


def _section(
    changes: list[e.Entry], base: tuple[Any, ...], kind: Any, scope: Scope, weakened: dict[str, e.Source]
) -> tuple[Any, ...]:
    out = {item.id: item for item in base}
    for entry in changes:
        old = out.get(str(entry.raw.get("id")))
        if old is None:
            value = e.read_entry(entry, kind, scope)
            out[value.id] = value
            continue
        if entry.raw.get("remove") is True:
            weakened[old.id] = entry.source
            del out[old.id]
            continue
        new = _changed(entry, old, kind, scope)
        out[old.id] = new
        if _weaker(old, new, scope):
            weakened[old.id] = entry.source
    return tuple(out.values())


def _changed(entry: e.Entry, old: Any, kind: Any, scope: Scope) -> Any:
    raw = {**msgspec.to_builtins(old), **{key: value for key, value in entry.raw.items() if key != "also_when"}}
    also = entry.raw.get("also_when")
    if also is not None:
        if not isinstance(also, str) or "when" not in raw:
            raise entry.source.error("wrong_type", Text("also_when is an expression", "also_when 应为表达式"))
        tier = isinstance(old, Obligation)
        aliased = e.Source(entry.source.doc, entry.source.keys)
        e.read_expression(aliased, also, scope._replace(tier=tier), key="also_when")
        raw["when"] = f"({raw['when']}) or ({also})"
    return e.read_entry(e.Entry(raw, entry.source), kind, scope)


def _condition(rule: Any, scope: Scope) -> Node:
    if isinstance(rule, Promise):
        return parse(rule.never, scope._replace(tier=True))
    return parse(rule.when, scope._replace(tier=isinstance(rule, Obligation)))


def _weaker(old: Any, new: Any, scope: Scope) -> bool:
    if isinstance(old, Lane):
        have, wanted = _people(new), _people(old)
        fewer = any(have[role] < count for role, count in wanted.items())
        unproved = _proving(old) - _proving(new)
        return bool(fewer or unproved or new.tier != old.tier or (new.standing_approval and not old.standing_approval))
    before, after = (_condition(rule, scope) for rule in (old, new))
    if not at_least_as_wide(before, after) or not set(old.clauses) <= set(new.clauses):
        return True
    if isinstance(old, TierRule):
        return TIERS.index(new.tier) < TIERS.index(old.tier)
    if isinstance(old, Promise):
        return False
    if isinstance(old, Prohibition):
        return old.basis == "law" and new.basis != "law"
    return (
        not set(old.evidence) <= set(new.evidence)
        or _slacker_gate(old.gate, new.gate)
        or _later(old.due, new.due)
        or _rarer(old.every, new.every)
    )


def _days(duration: str, calendar: dict[str, float]) -> float:
    """How many days a duration takes at least (`_SHORT` months and years) or at most (`_LONG`)."""
    date, _, time = duration.removeprefix("P").partition("T")
    total = 0.0
    for part, units in ((date, calendar), (time, _CLOCK)):
        number = ""
        for char in part:
            if char.isdigit():
                number += char
            else:
                total, number = total + int(number) * units[char], ""
    return total


def _people(lane: Lane) -> Counter[str]:
    """How many reviewers of each role a lane asks for."""
    found: Counter[str] = Counter()
    for reviewer in lane.reviewers:
        found[reviewer.role] += reviewer.count
    return found


def _proving(lane: Lane) -> set[str]:
    """The roles that prove a second factor."""
    return {reviewer.role for reviewer in lane.reviewers if reviewer.second_factor}


def _slacker_gate(old: str, new: str) -> bool:
    """Whether a step may come later or less often: a change and a retirement are not points on one line."""
    if old == new:
        return False
    return {old, new} & {"change", "retire"} != set() or GATES.index(new) > GATES.index(old)


def _longer(old: str, new: str) -> bool:
    """Whether `new` may take longer than `old`."""
    return _days(new, _LONG) > _days(old, _SHORT)


def _later(old: str | None, new: str | None) -> bool:
    """Whether `new` may fall due later than `old`; no date means at the gate itself."""
    if old == new or new is None:
        return False
    if old is None:
        return True
    if old.startswith("P") != new.startswith("P"):
        return True
    return _longer(old, new) if old.startswith("P") else new > old


def _rarer(old: str | None, new: str | None) -> bool:
    if old is None or old == new:
        return False
    return new is None or _longer(old, new)


def at_least_as_wide(old: Node, new: Node) -> bool:
    """Whether `new` certainly holds wherever `old` does. Structural, hence sound and not complete."""
    if old == new:
        return True
    if isinstance(new, Or) and any(at_least_as_wide(old, item) for item in new.items):
        return True
    if isinstance(old, Or):
        return all(at_least_as_wide(item, new) for item in old.items)
    if isinstance(new, And):
        return all(at_least_as_wide(old, item) for item in new.items)
    if isinstance(old, And) and any(at_least_as_wide(item, new) for item in old.items):
        return True
    if isinstance(old, Not) and isinstance(new, Not):
        return at_least_as_wide(new.item, old.item)
    if isinstance(old, (Meets, OneOf)) and type(old) is type(new) and old.fact == new.fact:
        return old.values <= new.values
    return False
