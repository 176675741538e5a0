"""Made-up systems to measure with, the same for the same seed on every machine.

Two populations. `random`: every value of every fact equally likely, which no organisation looks like and which is hard
on anything that remembers. `realistic`: systems of the kinds in `KINDS`, most of them small internal tools, whose
answers hang together (a tool for colleagues has no minors among its users, a system without data about people counts
none). Only the standard library is used, so that no version of a library changes the numbers.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from steelyard.policy.compile import Policy
from steelyard.profile.facts import Fact

Facts = dict[str, Any]
Pool = dict[str, float]
"""What a fact may be and how often: texts as `_value` reads them."""

EMPTY = "-"
_USUAL: dict[str, Pool] = {
    "audience": {"internal": 8, "business": 2, "public": 1},
    "personal_data": {"none": 4, "personal": 5, "sensitive": 1},
    "important_data": {"no": 40, "yes": 1},
    "decision_impact": {"none": 8, "minor": 4, "significant": 1},
    "model_origin": {"api_filed": 5, "vendor_product": 4, "open_weights": 3, "fine_tuned": 1, "own": 1,
                     "api_filed vendor_product": 1, "open_weights fine_tuned": 1, "api_unfiled": 0.3},
    "sector": {"general": 6, "industry": 2, "retail": 1, "finance": 1, "media": 1, "general retail": 0.5},
    "critical_infrastructure": {"no": 60, "yes": 1},
    "data_leaves_china": {"no": 12, "yes": 1},
    "model_leaves_china": {"no": 60, "yes": 1},
    "affects": {"employees": 6, EMPTY: 3, "customers": 3, "employees customers": 1, "citizens": 0.3},
    "market": {"mainland_china": 8, "mainland_china abroad": 2, "abroad": 0.5},
    "roles": {"user": 5, "developer user": 2, "provider": 1, "developer provider": 1, "distributor": 0.2},
    "stage": {"use": 6, "testing": 2, "development": 2, "design": 2, "deployment": 1, "maintenance": 1, "retired": 0.5},
    "base_model_filed": {"yes": 5, "no": 1},
    "training_activity": {"prompting": 4, "prompting retrieval": 4, EMPTY: 2, "fine_tune": 1, "retrieval": 2,
                          "prompting fine_tune": 0.5},
    "data_sources": {"employees": 4, "licensed": 1, EMPTY: 3, "customers": 2, "employees customers": 1,
                     "user_interactions": 1, "public_web": 0.5, "purchased licensed": 0.3},
    "annotation": {"no": 4, "yes": 1},
    "third_party_ip": {"no": 5, "yes": 1},
    "generates": {"text": 6, EMPTY: 4, "text code": 1, "text image": 0.5, "code": 0.5},
    "realistic_synthesis": {"no": 8, "yes": 1},
    "interaction": {"none": 3, "task": 5, "open_dialogue": 2},
    "opinion_or_mobilisation": {"no": 15, "yes": 1},
    "ranks_content": {"no": 10, "yes": 1},
    "profiles_people": {"none": 10, "preferences": 2, "traits": 0.5, "beliefs": 0.02},
    "biometrics": {EMPTY: 20, "verify": 1},
    "minors": {"excluded": 3, "possible": 5, "targeted": 0.3},
    "children_data": {"no": 40, "yes": 1},
    "autonomy": {"advises": 8, "human_approves": 3, "human_can_stop": 1, "autonomous": 0.3},
    "acts_on": {EMPTY: 8, "records": 3, "messages": 1, "records messages": 1, "code": 0.5},
    "age_check": {"none": 3, "declared": 2, "verified": 1},
    "manual_fallback": {"none": 2, "documented": 3, "drilled": 1},
    "explanation": {"none": 2, "generic": 3, "per_decision": 1},
    "cii_operator": {"no": 10, "yes": 1},
    "export_ground": {"none": 3, "contract": 2, "hr": 1, "trade": 1},
    "hosting": {"own": 4, "domestic_cloud": 5, "own domestic_cloud": 1, "overseas_cloud": 0.4, "edge": 0.4},
    "compute_origin": {"domestic": 3, "imported": 4, "domestic imported": 2, "unidentified": 0.5},
    "third_party_components": {"yes": 3, "no": 1},
    "hosts_many_models": {"no": 20, "yes": 1},
    "hazard_domain": {EMPTY: 80, "cyber_offence": 1, "chemical": 0.2, "biological chemical": 0.1},
    "replaces_people": {"no": 4, "yes": 1},
    "vulnerable_groups": {EMPTY: 15, "elderly": 1, "workers": 1},
}  # fmt: skip

KINDS: dict[str, tuple[float, dict[str, Pool]]] = {
    "office assistant": (20, {"audience": {"internal": 1}, "sector": {"general": 1}}),
    "meeting minutes": (12, {"audience": {"internal": 1}, "personal_data": {"personal": 1}, "generates": {"text": 1},
                             "decision_impact": {"none": 1}, "sector": {"general": 1}, "acts_on": {EMPTY: 1}}),
    "code assistant": (10, {"audience": {"internal": 1}, "generates": {"code": 2, "text code": 3},
                            "acts_on": {"code": 1}, "personal_data": {"none": 5, "personal": 1},
                            "sector": {"general": 1}}),
    "document search": (10, {"audience": {"internal": 6, "business": 1}, "training_activity": {"retrieval": 1},
                             "generates": {"text": 3, EMPTY: 1}}),
    "support bot": (9, {"audience": {"business": 3, "public": 2}, "interaction": {"task": 4, "open_dialogue": 1},
                        "affects": {"customers": 1}, "generates": {"text": 1}, "personal_data": {"personal": 1},
                        "roles": {"provider": 3, "developer provider": 1}}),
    "demand forecast": (8, {"audience": {"internal": 1}, "model_origin": {"own": 3, "vendor_product": 1},
                            "generates": {EMPTY: 1}, "training_activity": {"train_own": 1},
                            "personal_data": {"none": 1}, "sector": {"retail": 2, "industry": 2},
                            "roles": {"developer user": 1}}),
    "machine inspection": (7, {"audience": {"internal": 1}, "model_origin": {"own": 2, "vendor_product": 1},
                               "sector": {"industry": 4, "energy": 1}, "data_sources": {"sensors": 1},
                               "training_activity": {"train_own": 1}, "acts_on": {EMPTY: 3, "devices": 1},
                               "personal_data": {"none": 1}, "generates": {EMPTY: 1},
                               "hosting": {"edge": 1, "own": 1}}),
    "recommendations": (5, {"audience": {"public": 1}, "ranks_content": {"yes": 1}, "generates": {EMPTY: 1},
                            "profiles_people": {"preferences": 4, "traits": 1}, "affects": {"customers": 1},
                            "personal_data": {"personal": 1}, "model_origin": {"own": 1},
                            "sector": {"retail": 3, "media": 2}, "training_activity": {"train_own": 1},
                            "data_sources": {"user_interactions": 1},
                            "roles": {"developer provider": 1}}),
    "credit and claims": (4, {"audience": {"internal": 3, "business": 1}, "sector": {"finance": 1},
                              "decision_impact": {"significant": 3, "major": 1}, "personal_data": {"sensitive": 1},
                              "affects": {"applicants customers": 2, "customers": 1},
                              "profiles_people": {"traits": 1},
                              "model_origin": {"own": 3, "vendor_product": 1}, "training_activity": {"train_own": 1},
                              "acts_on": {"records money": 1, "records": 2}, "generates": {EMPTY: 1},
                              "autonomy": {"advises": 1, "human_approves": 3, "human_can_stop": 1}}),
    "recruiting": (3, {"audience": {"internal": 1}, "sector": {"employment": 1}, "decision_impact": {"significant": 1},
                       "affects": {"applicants": 3, "applicants employees": 1},
                       "personal_data": {"personal": 2, "sensitive": 1}, "profiles_people": {"traits": 1},
                       "model_origin": {"vendor_product": 2, "own": 1}}),
    "clinical support": (3, {"sector": {"healthcare": 1}, "decision_impact": {"significant": 4, "major": 1},
                             "personal_data": {"sensitive": 1}, "affects": {"patients": 1},
                             "vulnerable_groups": {"patients": 3, "patients elderly": 1},
                             "autonomy": {"advises": 3, "human_approves": 1}}),
    "access by face": (2, {"audience": {"internal": 3, "public": 1}, "biometrics": {"verify": 3, "verify identify": 1},
                           "personal_data": {"sensitive": 1}, "affects": {"employees": 2, "employees bystanders": 1},
                           "acts_on": {"devices": 1}, "generates": {EMPTY: 1}, "autonomy": {"human_can_stop": 1}}),
    "image and video maker": (3, {"generates": {"image": 2, "image video": 1, "text image": 1, "audio video": 0.5},
                                  "audience": {"internal": 2, "business": 1, "public": 1},
                                  "realistic_synthesis": {"yes": 1, "no": 1}, "third_party_ip": {"yes": 2, "no": 1}}),
    "public chat": (2, {"audience": {"public": 1}, "interaction": {"open_dialogue": 4, "companion": 1},
                        "generates": {"text": 3, "text image": 1}, "opinion_or_mobilisation": {"no": 1, "yes": 1},
                        "roles": {"developer provider": 1, "provider": 2}, "personal_data": {"personal": 1},
                        "data_sources": {"user_interactions public_web": 1, "user_interactions": 1}}),
    "grid and traffic control": (1, {"sector": {"energy": 2, "transport": 2},
                                     "critical_infrastructure": {"yes": 3, "no": 1},
                                     "acts_on": {"devices": 2, "other_systems": 1, "devices vehicles": 1},
                                     "decision_impact": {"significant": 1}, "cii_operator": {"yes": 1},
                                     "autonomy": {"human_approves": 2, "human_can_stop": 2, "autonomous": 1},
                                     "important_data": {"yes": 1, "no": 2}, "generates": {EMPTY: 1}}),
    "model platform": (1, {"hosts_many_models": {"yes": 1}, "audience": {"business": 3, "public": 1, "internal": 1},
                           "model_origin": {"own open_weights": 1, "own fine_tuned open_weights api_filed": 1},
                           "training_activity": {"pretrain fine_tune": 1, "fine_tune": 1},
                           "roles": {"developer provider": 1},
                           "data_sources": {"public_web licensed open_dataset": 1}, "annotation": {"yes": 1},
                           "generates": {"text": 1, "text image code": 1}}),
}  # fmt: skip

_COUNTS = {"registered_users": 5_000, "monthly_active": 2_000, "people_in_data_count": 20_000,
           "people_exported_this_year": 3_000, "sensitive_people_exported_this_year": 300}  # fmt: skip
_WHEN_OFFERED = ("market", "interaction", "opinion_or_mobilisation", "ranks_content", "minors", "age_check",
                 "registered_users", "monthly_active")  # fmt: skip
_WHEN_EXPORTED = ("export_ground", "people_exported_this_year", "sensitive_people_exported_this_year")


def _value(fact: Fact, text: str) -> Any:
    """The plain value that a text of a pool stands for, as JSON would carry it."""
    if fact.type == "set_of":
        return [] if text == EMPTY else [member for member in fact.members if member in text.split()]
    return text == "yes" if fact.type == "bool" else text


def realistic_columns(policy: Policy, count: int, seed: int, unknown: float = 0.0) -> dict[str, list[Any]]:
    """A column of `count` values per fact; None where a question does not arise, and for `unknown` of the others."""
    random = Random(seed)
    names = random.choices(list(KINDS), [weight for weight, _ in KINDS.values()], k=count)
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(name, []).append(row)
    columns: dict[str, list[Any]] = {}
    for fact in policy.vocabulary.items:
        column: list[Any] = [None] * count
        columns[fact.id] = column
        if fact.id in _COUNTS:
            scale = _COUNTS[fact.id]
            columns[fact.id] = [int(scale * random.lognormvariate(0, 2)) for _ in range(count)]
        elif fact.id in _USUAL:
            for name in KINDS:
                rows = rows_of.get(name, [])
                pool = KINDS[name][1].get(fact.id, _USUAL[fact.id])
                values = [_value(fact, text) for text in pool]
                drawn = random.choices(values, cum_weights=list(accumulate(pool.values())), k=len(rows))
                for row, value in zip(rows, drawn, strict=True):
                    column[row] = value
    _hang_together(policy, columns)
    if unknown:
        for column in columns.values():
            column[:] = [None if random.random() < unknown else value for value in column]
    return columns


def _hang_together(policy: Policy, columns: dict[str, list[Any]]) -> None:
    """Removes answers to questions that do not arise, and gives bands that agree with their counts."""
    internal = [value == "internal" for value in columns["audience"]]
    nobody = [value == "none" for value in columns["personal_data"]]
    stays = [not value for value in columns["data_leaves_china"]]
    for names, absent in ((_WHEN_OFFERED, internal), (("people_in_data_count",), nobody), (_WHEN_EXPORTED, stays)):
        for name in names:
            columns[name] = [None if gone else value for value, gone in zip(columns[name], absent, strict=True)]
    for fact, count in policy.vocabulary.bands:
        columns[fact.id] = [None if number is None else fact.band_of(number) for number in columns[count]]


def rows(columns: dict[str, list[Any]]) -> Iterator[Facts]:
    """The columns as one dict per system, unknown facts left out."""
    names = list(columns)
    for values in zip(*columns.values(), strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def realistic(policy: Policy, count: int, seed: int, unknown: float = 0.0) -> list[Facts]:
    """Systems as people would write them down: unanswered questions are absent."""
    return list(rows(realistic_columns(policy, count, seed, unknown)))


def complete(policy: Policy, profiles: Sequence[Facts]) -> list[Facts]:
    """The same systems with every fact stated, because the peers have no value for unknown.

    What does not apply is stated as its neutral value; a fact without one takes its first value.
    """
    words, out = policy.vocabulary, []
    for profile in profiles:
        values, _, _ = policy.applicability({name: words[name].parse(value) for name, value in profile.items()})
        out.append(
            {
                fact.id: fact.members[0] if values[fact.id] is None else fact.plain(values[fact.id])
                for fact in words.items
            }
        )
    return out


def random_profiles(policy: Policy, count: int, seed: int) -> list[Facts]:
    """Complete systems with every value equally likely; sets have up to three members."""
    random = Random(seed)
    out = []
    for _ in range(count):
        facts = {fact.id: _any(fact, random) for fact in policy.vocabulary.items}
        for fact, number in policy.vocabulary.bands:
            facts[fact.id] = fact.band_of(facts[number])
        out.append(facts)
    return out


def _any(fact: Fact, random: Random) -> Any:
    if fact.type == "bool":
        return random.random() < 0.5
    if fact.type == "one_of":
        return random.choice(fact.members)
    if fact.type == "count":
        return int(10 ** random.uniform(0, 8))
    chosen = random.sample(fact.members, random.randint(0, min(3, len(fact.members))))
    return [member for member in fact.members if member in chosen]


def draw(policy: Policy, population: str, count: int, seed: int) -> list[Facts]:
    """`count` complete systems of the population `random` or `realistic`."""
    if population == "random":
        return random_profiles(policy, count, seed)
    return complete(policy, realistic(policy, count, seed))
