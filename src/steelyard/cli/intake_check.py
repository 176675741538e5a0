"""`intake check`: declared answers that fight each other, or that say less than the description. It changes nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import policy_of, policy_options, say, say_json

if TYPE_CHECKING:
    from steelyard.base.yamldoc import Document
    from steelyard.intake.contradictions import Contradiction
    from steelyard.profile.document import Profile
    from steelyard.profile.facts import Value, Vocabulary

_AROUND = 40


def register_check(actions: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser of `intake check`."""
    check = actions.add_parser(
        "check", parents=[common], help=Text("find answers that contradict", "找出互相矛盾的答案").get(lang)
    )
    check.add_argument("file", metavar="FILE")
    policy_options(check, lang, date=False)
    check.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Tells every contradiction; exit 1 when there is one."""
    from steelyard.base.yamldoc import load
    from steelyard.intake.contradictions import check
    from steelyard.profile.document import check as check_profile

    policy = policy_of(options)
    doc = load(Path(options.file))
    profile, errors = check_profile(doc, policy.vocabulary)
    if errors:
        raise errors[0]
    try:
        found = check(profile, policy)
    except InputError as error:  # only the purpose can be unusable
        error.path, error.line = error.path or doc.path, error.line or doc.where("system", "purpose").line
        error.field = error.field or "system.purpose"
        raise
    if options.json:
        say_json([as_plain(item, policy.vocabulary) for item in found])
    else:
        say(check_text(found, profile, policy.vocabulary, doc, options.lang))
    return EXIT_NO if found else EXIT_DONE


def as_plain(item: "Contradiction", words: "Vocabulary") -> dict[str, Any]:
    """A contradiction as JSON carries it, its texts in both languages."""
    out: dict[str, Any] = {
        "kind": item.kind,
        "fact": item.fact,
        "declared": None if item.declared is None else words[item.fact].plain(item.declared),
    }
    if item.other_fact is not None and item.other is not None:
        out["other_fact"] = item.other_fact
        out["other_declared"] = words[item.other_fact].plain(item.other)
    if item.text_says is not None:
        out["text_says"] = words[item.fact].plain(item.text_says)
    out["quote"] = item.quote
    if item.quote is not None:
        out["start"], out["end"] = item.start, item.end
    return {**out, "message": _both(item.message), "remedy": _both(item.remedy), "rule": item.rule}


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def check_text(
    found: "list[Contradiction]", profile: "Profile", words: "Vocabulary", doc: "Document", lang: Lang
) -> str:
    """The contradictions for a person: both places as they stand, then how to resolve them."""
    from steelyard.base.tables import terminal_width, wrap

    name = profile.name or profile.id
    if not found:
        with_text = Text("and with the purpose", "并与用途说明比对")
        alone = Text("no purpose is given", "未填用途说明")
        beside = with_text if profile.purpose else alone
        count = len(profile.facts)
        note = Text(
            f"{name}: no contradictions; {count} declared answers compared with each other, {beside.en}",
            f"{name}：未发现矛盾；已核对 {count} 项答案，{beside.zh}",
        )
        return wrap(note.get(lang), terminal_width())
    width = terminal_width()
    out = [Text(f"{name}: {len(found)} contradiction(s)", f"{name}：{len(found)} 处矛盾").get(lang)]
    for number, item in enumerate(found, 1):
        out += ["", wrap(f"{number}. {item.message.get(lang)}", width)]
        out.append(wrap(_declared(item.fact, item.declared, words, doc, lang), width, "     "))
        if item.other_fact is not None and item.other is not None:
            out.append(wrap(_declared(item.other_fact, item.other, words, doc, lang), width, "     "))
        if item.start is not None and item.end is not None:
            place = f"{doc.path}:{doc.where('system', 'purpose').line}"
            said = _context(profile.purpose, item.start, item.end)
            out.append(wrap(Text(f'{place} purpose: "{said}"', f"{place} 用途：“{said}”").get(lang), width, "     "))
        out.append(wrap(f"{'→' if lang == 'zh' else '->'} {item.remedy.get(lang)}", width, "   "))
    return "\n".join(out)


def _declared(name: str, value: "Value | None", words: "Vocabulary", doc: "Document", lang: Lang) -> str:
    fact = words[name]
    place = f"{doc.path}:{doc.where('facts', name).line}"
    label, title = fact.label(value).get(lang), fact.name.get(lang)
    return f"{place} {name}：{label}（{title}）" if lang == "zh" else f"{place} {name}: {label} ({title})"


def _context(text: str, start: int, end: int) -> str:
    """The quoted words with some of what stands around them."""
    first, last = max(0, start - _AROUND), min(len(text), end + _AROUND)
    said = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{said}{'…' if last < len(text) else ''}"
