"""How the screens of the interview look: short by default, the long form on `?`. Texts in, texts out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from steelyard.base.i18n import Lang, Text
from steelyard.base.tables import cut, terminal_width, width, wrap
from steelyard.cli.intake_answers import choices_of
from steelyard.intake.interview import asking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steelyard.intake.interview import Checklist, Screen
    from steelyard.policy.compile import Policy
    from steelyard.profile.facts import Fact
    from steelyard.profile.write import Suggestion

_QUOTE = 60
_TITLE = 34

HOW = Text(
    "Answer with numbers (several: 1,3). Enter: I don't know. ?: explain. b: back. q: stop and continue later.",
    "用数字作答（多选如 1,3）。回车：不知道。?：说明。b：返回上一题。q：先停下，以后继续。",
)
SYSTEM = Text("About the system (Enter skips)", "关于这个系统（回车跳过）")
FIELDS = {
    "name": Text("What is it called?", "它叫什么名称？"),
    "purpose": Text("In one sentence: what does it do, and for whom?", "用一句话说明：它做什么，为谁服务？"),
    "owner": Text("Who owns it: a person or a team?", "由谁负责：哪个人或哪个团队？"),
}
FIELD_HELP = {
    "name": Text("It heads every result; any short name will do.", "显示在各项结果的开头，简短即可。"),
    "purpose": Text(
        "Your answers are compared with this sentence at the end, and contradictions shown; it changes no result.",
        "最后会将您的答案与这句话比对，指出矛盾之处；它不影响结果。",
    ),
    "owner": Text("Whom to ask about it later; it changes no result.", "以后找谁了解情况；不影响结果。"),
}


def heading(number: int, screen: "Screen", after: int, lang: Lang) -> str:
    """The title of a screen and about how many come after it."""
    more = (
        Text(f"about {after} more", f"之后约 {after} 屏") if after > 0 else Text("probably the last", "可能是最后一屏")
    )
    return f"[{number}] {screen.title.get(lang)}  · {more.get(lang)}"


def fact_text(fact: "Fact", policy: "Policy", proposed: "Sequence[Suggestion]", lang: Lang) -> str:
    """A question, one line of example and clause, and its numbered answers."""
    columns = terminal_width()
    out = [wrap(fact.question.get(lang), columns, "  "), f"    {brief(fact, policy, columns - 4, lang)}"]
    if fact.type != "count":
        for number, choice in enumerate(choices_of(fact), 1):
            out.append(f"    {number}. {fact.label(choice).get(lang)}")
    for suggestion in proposed:
        label = fact.label(suggestion.value).get(lang)
        out.append(wrap(f"{Text('proposed: ', '建议：').get(lang)}{label}{_because(suggestion)}", columns, "    "))
    if proposed:
        out.append("    " + enter_text(proposed).get(lang))
    return "\n".join(line for line in out if line.strip())


def enter_text(proposed: "Sequence[Suggestion]") -> Text:
    """What Enter does where answers are proposed: it accepts the one, and chooses between none."""
    if len(proposed) == 1:
        return Text("Enter accepts it; -: I don't know", "回车采纳；-：不知道")
    return Text("they differ: please choose; -: I don't know", "建议不一致，请自行选择；-：不知道")


def _because(suggestion: "Suggestion") -> str:
    quote = cut(" ".join(suggestion.quote.split()), _QUOTE)
    return f' ("{quote}", {suggestion.sure})' if quote else ""


def brief(fact: "Fact", policy: "Policy", columns: int, lang: Lang) -> str:
    """As many examples as fit on the line, and the clause that the question serves."""
    clause = f"[{_clause(fact.clauses[0], policy, lang, _TITLE)}]" if fact.clauses else ""
    helps = asking().get(fact.id)
    if helps is None:
        return cut(clause, columns)
    before = Text("e.g. ", "例：").get(lang)
    room = columns - width(before) - width(clause) - 1
    mark = Text("; ", "；").get(lang)
    pieces = helps.example.get(lang).split(mark)
    while len(pieces) > 1 and width(mark.join(pieces)) > room:
        pieces.pop()
    return f"{before}{cut(mark.join(pieces), max(room, 20))} {clause}".rstrip()


def _clause(identifier: str, policy: "Policy", lang: Lang, columns: int = 1_000) -> str:
    title = policy.clauses.title(identifier)
    return cut(f"{identifier} {title.get(lang)}", columns) if title else identifier


def explained(fact: "Fact", policy: "Policy", lang: Lang) -> str:
    """The long form of a question: its help, all of its examples and clauses, and what a line may say."""
    columns = terminal_width()
    out = [wrap(fact.help.get(lang), columns, "    ")]
    helps = asking().get(fact.id)
    if helps is not None:
        out.append(wrap(Text("e.g. ", "例：").get(lang) + helps.example.get(lang), columns, "    "))
    out += [wrap(_clause(clause, policy, lang), columns, "    · ") for clause in fact.clauses]
    return "\n".join(out)


def checklist_text(
    checklist: "Checklist", screen: "Screen", suggestions: "Mapping[str, Sequence[Suggestion]]", lang: Lang
) -> str:
    """The lines to tick, with what a draft found beside them."""
    columns = terminal_width()
    out = [wrap(checklist.about.get(lang), columns, "  ")]
    for number, item in enumerate(screen.items, 1):
        out.append(wrap(f"{number}. {item.label.get(lang)}", columns, "  "))
        for found in suggestions.get(item.fact, ()):
            out.append(wrap(f"{Text('the draft found', '草稿发现').get(lang)}{_because(found)}", columns, "     "))
    out.append(f"  {len(screen.items) + 1}. {Text('none of these', '以上均无').get(lang)}")
    hint = Text(
        "not sure of 3: 3?   explain 3: ?3   Enter: ask me each", "不确定第 3 项：3?   说明第 3 项：?3   回车：逐项问我"
    )
    return "\n".join([*out, f"  {hint.get(lang)}"])


def checklist_help(facts: "Iterable[tuple[int, Fact]]", policy: "Policy", lang: Lang, *, full: bool) -> str:
    """What stands behind the lines of the checklist: their questions, or with `full` their long form."""
    out = []
    for number, fact in facts:
        out.append(wrap(f"{number}. {fact.question.get(lang)}", terminal_width(), "    "))
        if full:
            out.append(explained(fact, policy, lang))
        else:
            out.append("       " + brief(fact, policy, terminal_width() - 7, lang))
    return "\n".join(out)


def checklist_expected(most: int) -> Text:
    """What an answer to the checklist looks like."""
    return Text(
        f"please type numbers from 1 to {most}, such as 1,3, or {most + 1} alone for none of these",
        f"请输入 1 到 {most} 的序号，如 1,3；以上均无请只输入 {most + 1}",
    )
