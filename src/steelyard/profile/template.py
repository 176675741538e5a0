"""The `steelyard.yaml` that `steelyard init` writes: the opening questions as comments, the answers left empty."""

from steelyard.base.i18n import Lang, Text
from steelyard.base.tables import wrap
from steelyard.profile.facts import Fact, Vocabulary

_HEAD = Text(
    """\
# One AI system. Answer what you know; leave unknown answers empty (unknown is not "no").
# Check it with: steelyard validate FILE      Judge it with: steelyard assess FILE
""",
    """\
# 每个文件描述一个人工智能系统。填写已知答案，未知留空（“未知”不等于“否”）。
# 检查：steelyard validate 文件      评估：steelyard assess 文件
""",
)
_PURPOSE = Text("what it does, for whom, in a few sentences", "用几句话说明它做什么、为谁服务")
_ACCOUNTABLE = Text("the person who answers for it", "责任人")


def template(words: Vocabulary, lang: Lang, *, every: bool = False) -> str:
    """The text of a new profile: the opening questions, or all facts with `every`."""
    chosen = [fact for fact in words.items if every or fact.opening]
    lines = [
        _HEAD.get(lang),
        "steelyard: 1",
        "system:",
        "  id:",
        "  name:",
        f"  purpose:      # {_PURPOSE.get(lang)}",
        "  unit:",
        "  owner:",
        f"  accountable:  # {_ACCOUNTABLE.get(lang)}",
        "",
        "facts:",
    ]
    for fact in chosen:
        lines += [wrap(fact.question.get(lang), 100, "  # "), f"  {fact.id}:  # {_choices(fact)}", ""]
    if not every:
        more = Text(
            "`steelyard assess` names the further facts that matter; `steelyard facts ID` explains one",
            "`steelyard assess` 会指出还需回答的事实；`steelyard facts ID` 说明某一事实",
        )
        lines += [f"  # {more.get(lang)}", ""]
    lines += ["models: []", "datasets: []", ""]
    return "\n".join(lines)


def _choices(fact: Fact) -> str:
    if fact.type == "bool":
        return "true | false"
    if fact.type == "count":
        return "0, 1, 2, ..."
    if fact.type == "set_of":
        return f"[{', '.join(fact.members)}] | none"
    return (" < " if fact.ordered else " | ").join(fact.members)
