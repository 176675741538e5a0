"""What a policy file holds, as typed and immutable structures. Expressions stay texts here.

The shapes follow the YAML one to one, so that a lawyer's file, the compiled pack and the JSON Schema agree.
"""

from typing import Any, Literal

import msgspec

from steelyard.base.i18n import Text
from steelyard.profile.facts import Fact

Tier = Literal["low", "medium", "high"]
Gate = Literal["intake", "build", "launch", "operate", "change", "retire"]
GATES: tuple[Gate, ...] = ("intake", "build", "launch", "operate", "change", "retire")
Role = Literal["owner", "business", "data", "legal", "security", "engineering", "operations", "procurement", "senior"]
ROLE_NAMES: dict[str, Text] = {
    "owner": Text("project owner", "项目负责人"),
    "business": Text("business", "业务部门"),
    "data": Text("data governance", "数据治理"),
    "legal": Text("legal", "法务"),
    "security": Text("information security", "信息安全"),
    "engineering": Text("engineering", "研发"),
    "operations": Text("operations", "运维"),
    "procurement": Text("procurement", "采购"),
    "senior": Text("senior management", "高级管理层"),
}
GATE_NAMES: dict[str, Text] = {
    "intake": Text("intake", "立项"),
    "build": Text("build", "研发"),
    "launch": Text("launch", "上线"),
    "operate": Text("operate", "运行"),
    "change": Text("change", "变更"),
    "retire": Text("retire", "退役"),
}
TIER_NAMES: dict[str, Text] = {
    "low": Text("low", "低"),
    "medium": Text("medium", "中"),
    "high": Text("high", "高"),
}
EVIDENCE_KINDS: dict[str, Text] = {
    "screening": Text("data screening result", "数据筛查结果"),
    "label_check": Text("label check", "标识检查"),
    "responsibility_document": Text("responsibility document", "责任说明文件"),
    "bill_of_materials": Text("bill of materials", "物料清单"),
    "evaluation": Text("evaluation report", "测评报告"),
    "drill": Text("drill record", "演练记录"),
    "training_record": Text("training record", "培训记录"),
    "review": Text("review record", "评审记录"),
    "sign_off": Text("sign-off", "签批"),
    "document": Text("document", "文件"),
    "attestation": Text("manual attestation", "人工确认"),
}


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two sets of facts beside a rule: one on which it must fire, one near miss on which it must not."""

    fires: dict[str, Any]
    near_miss: dict[str, Any]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What tier rules, prohibitions and obligations have in common.

    `clauses` are namespaced ids; `why` says in our words which sentence of the framework or analysis it carries out.
    """

    id: str
    title: Text
    when: str
    clauses: tuple[str, ...]
    why: Text
    examples: Examples


class TierRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Puts a system at least on `tier`."""

    tier: Tier


class Prohibition(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Says stop. Only a `law` basis may be worded as unlawful; it does not change the tier."""

    basis: Literal["policy", "law"]


class Obligation(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a system owes.

    `due` is a date or an ISO 8601 duration after the gate; None means at the gate. `every` is an ISO 8601 duration.
    """

    action: Text
    owner: Role
    gate: Gate
    due: str | None = None
    every: str | None = None
    evidence: tuple[str, ...] = ()


class DefaultTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tier of a system that no rule lifts higher."""

    id: str
    tier: Tier
    title: Text
    clauses: tuple[str, ...]
    why: Text


class Reviewer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many people of a role review, and whether each proves a second factor where they decide at a console."""

    role: Role
    count: int = 1
    second_factor: bool = False


class Lane(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The review path of a tier: who reviews, within which time, and whether a standing approval may admit."""

    id: str
    tier: Tier
    title: Text
    about: Text
    within: str
    reviewers: tuple[Reviewer, ...] = ()
    standing_approval: bool = False


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named predicate that rules may use as a word."""

    when: str
    title: Text


class Information(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A clause that no obligation carries out, and why."""

    clause: str
    reason: Text


class Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the organisation promises about every complete profile: `never`, over facts and the tier, holds for none.

    `clauses` may be empty: a house may promise more than any text asks. Proved by `steelyard policy check`.
    """

    id: str
    title: Text
    never: str
    why: Text
    clauses: tuple[str, ...] = ()


class Loosening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A base rule that an annex makes weaker, and why; shown in every assessment."""

    rule: str
    reason: Text
    policy: str = ""


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One policy of the stack, the base first."""

    id: str
    version: str
    title: Text


class PolicyData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole policy after layering."""

    id: str
    version: str
    title: Text
    instruments: tuple[str, ...]
    layers: tuple[Layer, ...]
    sets: dict[str, tuple[str, ...]]
    terms: dict[str, Term]
    facts: tuple[Fact, ...]
    default: DefaultTier
    tiers: tuple[TierRule, ...]
    lanes: tuple[Lane, ...]
    prohibitions: tuple[Prohibition, ...]
    obligations: tuple[Obligation, ...]
    information: tuple[Information, ...]
    loosened: tuple[Loosening, ...] = ()
    promises: tuple[Promise, ...] = ()
