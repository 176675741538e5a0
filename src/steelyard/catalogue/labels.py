"""The vocabularies and marks of the catalogue as people read them. A test holds that no member is without a label."""

from enum import StrEnum

from steelyard.base.i18n import Lang, Text
from steelyard.catalogue.model import (
    ALL_ROLES,
    ALL_STAGES,
    BindingLevel,
    Clause,
    ClauseConfidence,
    Confidence,
    Instrument,
    Kind,
    Link,
    Relation,
    Role,
    Section,
    Stage,
)

_LABELS: dict[StrEnum, Text] = {
    Kind.PRINCIPLE: Text("principle", "原则"),
    Kind.COMPOSITION: Text("composition", "框架构成"),
    Kind.RISK: Text("risk", "风险"),
    Kind.MEASURE: Text("technical measure", "技术措施"),
    Kind.GOVERNANCE: Text("governance measure", "治理措施"),
    Kind.GUIDELINE: Text("guideline item", "指引项"),
    Kind.DUTY: Text("duty", "要求"),
    BindingLevel.LAW: Text("law", "法律"),
    BindingLevel.ADMIN_REGULATION: Text("administrative regulation", "行政法规"),
    BindingLevel.DEPT_RULE: Text("departmental rule", "部门规章"),
    BindingLevel.NORMATIVE_DOC: Text("normative document", "规范性文件"),
    BindingLevel.GB_MANDATORY: Text("mandatory national standard", "强制性国家标准"),
    BindingLevel.GBT_RECOMMENDED: Text("recommended national standard", "推荐性国家标准"),
    BindingLevel.TECHNICAL_DOC: Text("technical document, not binding", "技术文件，不具强制力"),
    BindingLevel.POLICY: Text("policy document, not binding", "政策文件，不具强制力"),
    BindingLevel.DRAFT: Text("draft, not in force", "征求意见稿，尚未生效"),
    Role.DEVELOPER: Text("developer", "研发者"),
    Role.PROVIDER: Text("provider", "服务提供者"),
    Role.KEY_SECTOR_USER: Text("key-sector user", "重点领域使用者"),
    Role.USER: Text("user", "使用者"),
    Role.DISTRIBUTOR: Text("distributor", "分发者"),
    Role.PUBLIC: Text("general public", "社会公众"),
    Role.OVERSIGHT: Text("oversight", "监管与社会监督"),
    Stage.DESIGN: Text("design", "设计"),
    Stage.DATA: Text("data", "数据"),
    Stage.TRAINING: Text("training", "训练"),
    Stage.TESTING: Text("testing", "测试"),
    Stage.DEPLOYMENT: Text("deployment", "部署"),
    Stage.USE: Text("use", "使用"),
    Stage.MAINTENANCE: Text("maintenance", "维护"),
    Stage.RETIRED: Text("retired", "停用"),
    Confidence.VERIFIED: Text("verified", "已核实"),
    Confidence.SECONDARY: Text("secondary source", "二手来源"),
    Confidence.PARTIAL: Text("verified in part", "部分核实"),
    Confidence.FROM_MEMORY: Text("from memory", "凭记忆"),
    Confidence.UNCERTAIN: Text("uncertain", "存疑"),
    Confidence.ANALYTICAL: Text("our reading", "自有解读"),
    Relation.PAIRED_WITH: Text("paired with", "对应小节"),
    Relation.TREATED_BY: Text("treated by", "应对该风险的技术措施"),
    Relation.GOVERNED_BY: Text("governed by", "治理该风险的措施"),
    Relation.CARRIED_OUT_BY: Text("carried out by", "落实该措施的指引"),
    Relation.CORRESPONDS_TO: Text("corresponds to", "对应条款"),
}

_BACKWARDS: dict[Relation, Text] = {
    Relation.PAIRED_WITH: _LABELS[Relation.PAIRED_WITH],
    Relation.TREATED_BY: Text("treats", "所应对的风险"),
    Relation.GOVERNED_BY: Text("governs", "所治理的风险"),
    Relation.CARRIED_OUT_BY: Text("carries out", "所落实的措施"),
    Relation.CORRESPONDS_TO: _LABELS[Relation.CORRESPONDS_TO],
}


def label(member: Kind | BindingLevel | Role | Stage | Confidence | Relation) -> Text:
    """How a member of a vocabulary is shown. A relation is read from its source to its target."""
    return _LABELS[member]


def label_backwards(relation: Relation) -> Text:
    """How a relation is shown at its target, read back to its source."""
    return _BACKWARDS[relation]


def superseded_note(item: Instrument | Section | Clause) -> Text:
    """One sentence that says what superseded a text and since when. Only for a text that was superseded."""
    if item.superseded_by is None:
        raise ValueError(f"{item.id} is not superseded")
    by, since = item.superseded_by.by, item.superseded_by.since
    return Text(f"superseded by {by} since {since}", f"自 {since} 起被 {by} 取代")


def link_mark(link: Link, lang: Lang) -> str:
    """Whether the document itself makes a link, and with what confidence we hold it."""
    official = Text("official", "官方") if link.official else Text("not official", "非官方")
    return f"{official.get(lang)}{'，' if lang == 'zh' else ', '}{label(link.confidence).get(lang)}"


def confidence_line(confidence: ClauseConfidence, lang: Lang) -> str:
    """The five marks of a clause in one line."""
    parts = {
        "existence": Text("existence", "存在"),
        "title": Text("title", "标题"),
        "text": Text("text", "内容"),
        "roles": Text("roles", "主体"),
        "stages": Text("stages", "阶段"),
    }
    shown = [
        f"{name.get(lang)}{'：' if lang == 'zh' else ': '}{label(getattr(confidence, part)).get(lang)}"
        for part, name in parts.items()
    ]
    return ("；" if lang == "zh" else "; ").join(shown)


def names(members: tuple[Role, ...] | tuple[Stage, ...], lang: Lang) -> str:
    """Roles or stages as people read them; a full set is one word."""
    rest: list[Role | Stage] = list(members)
    shown = []
    for everything, word in _WHOLE:
        if set(everything) <= set(rest):
            shown.append(word.get(lang))
            rest = [member for member in rest if member not in everything]
    shown += [label(member).get(lang) for member in rest]
    return ("、" if lang == "zh" else ", ").join(shown)


_WHOLE: tuple[tuple[tuple[Role | Stage, ...], Text], ...] = (
    (ALL_ROLES, Text("all parties", "各方")),
    (ALL_STAGES, Text("all stages", "全部阶段")),
)
