"""The page of an audit pack: what the pack proves and what not, how to check it, then where the system stands and why.

Enforced: the file loads nothing and runs nothing (its Content-Security-Policy forbids both); every value is escaped;
every word of ours stands in English and Chinese, and the reader chooses without scripts; what is missing or does not
match is said in words, never by a colour alone; the same pack gives the same page.
"""

from collections.abc import Sequence
from importlib.resources import files

from steelyard import __version__
from steelyard.base.i18n import Lang, Text
from steelyard.documents import audit_pack_html_parts as parts
from steelyard.documents import audit_pack_html_trust as trust
from steelyard.documents import audit_pack_html_words as t
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.audit_pack import Moment, Pack


def render(pack: Pack, moments: Sequence[Moment], lang: Lang) -> str:
    """The whole page; it opens in `lang`."""
    page = parts.Parts(pack, moments)
    bodies = {
        "proof": _proof(),
        "verify": _verify(pack),
        "system": page.system(),
        "tier": page.tier(),
        "obligations": page.gates() + page.obligations(),
        "decisions": page.decisions(),
        "evidence": page.evidence(),
        "history": trust.history(page),
        "people": trust.people(page),
        "keys": trust.keys(page),
        "logs": trust.logs(page),
    }
    sections = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{w.both(title)}</h2>\n'
        f"{bodies[name]}</section>\n"
        for name, title, _ in t.SECTIONS
    )
    return (
        _opening(pack, lang)
        + _bar(lang)
        + f'<main id="main" class="wrap">\n{_top(pack)}{sections}</main>\n'
        + f'<footer class="wrap">{_closing()}</footer>\n</body>\n</html>\n'
    )


def _name(pack: Pack) -> str:
    return pack.case.assessment.profile.name or pack.system


def _opening(pack: Pack, lang: Lang) -> str:
    style = files("steelyard.documents").joinpath("report.css").read_text("utf-8") + t.EXTRA_CSS
    csp = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    title = Text(f"{_name(pack)} – audit pack", f"{_name(pack)} – 审计包").get(lang)
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{csp}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{w.esc(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    )


def _bar(lang: Lang) -> str:
    links = "".join(f'<li><a href="#{name}">{w.both(short)}</a></li>' for name, _, short in t.SECTIONS)
    langs = "".join(
        f'<label lang="{tag}"><input type="radio" name="lang" id="lang-{name}"{" checked" if name == lang else ""}>'
        f"<bdi>{label}</bdi></label>"
        for name, tag, label in (("en", "en-GB", "English"), ("zh", "zh-CN", "中文"))
    )
    return (
        f'<a class="skip" href="#main">{w.say("Skip to the page", "跳到正文")}</a>\n'
        f'<div class="bar"><div class="wrap"><nav aria-label="Sections 章节"><ul>{links}</ul></nav>'
        f'<div class="tools"><fieldset><legend class="hidden">{w.say("Language", "语言")}</legend>{langs}'
        f"</fieldset></div></div></div>\n"
    )


def _top(pack: Pack) -> str:
    digests = pack.case.assessment.digests
    rows = (
        (Text("System", "系统"), w.code(pack.system)),
        (
            Text("State as of", "状态截至"),
            f"{parts.moment(pack.made)} {w.say('(newest checkpoint)', '（最新检查点）')}",
        ),
        (Text("Judged for", "判读日期"), f"<time>{digests['on']}</time>"),
        (Text("Case", "案卷摘要"), w.code(pack.case.digest)),
        (Text("Policy", "策略"), _policy(pack)),
        (Text("Catalogue digest", "目录摘要值"), w.code(digests["catalogue"])),
    )
    meta = "".join(f"<dt>{w.both(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return (
        f'<header class="top"><p class="kicker">{w.say("Audit pack", "审计包")}</p>'
        f'<h1>{w.own(_name(pack))}</h1>\n<dl class="meta">{meta}</dl></header>\n'
    )


def _policy(pack: Pack) -> str:
    policy = pack.case.assessment.policy
    text = (
        f"{w.both(policy.data.title)} · {w.own(policy.data.id)} {w.own(policy.data.version)}<br>{w.code(policy.digest)}"
    )
    newest = pack.of("assessment")
    recorded = newest[-1].stored.statement.predicate["digests"]["policy"] if newest else policy.digest
    if recorded != policy.digest:
        other = w.say("The last assessment on record used another policy:", "最近入账的评估使用另一策略：")
        text += f'<p class="warn">{other} {w.code(str(recorded))}</p>'
    return text


def _proof() -> str:
    yes = "".join(f"<li>{w.both(item)}</li>" for item in t.PROVES)
    no = "".join(f"<li>{w.both(item)}</li>" for item in t.PROVES_NOT)
    heads = (Text("It proves", "能够证明"), Text("It does not prove", "不能证明"))
    return (
        f'<div class="two"><div>{w.title(heads[0])}<ul>{yes}</ul></div>'
        f"<div>{w.title(heads[1])}<ul>{no}</ul></div></div>"
    )


def _verify(pack: Pack) -> str:
    keys = "".join(f'<li><code class="vkey">{w.esc(str(item.log.key))}</code></li>' for item in pack.logs)
    more = "".join(f"<dt><code>{w.esc(name)}</code></dt><dd>{w.both(about)}</dd>" for name, about in t.OPTIONS)
    return (
        f"<p>{w.both(t.HOW)}</p><pre><code>{w.esc(t.COMMAND)}</code></pre>"
        f'<dl class="meta">{more}</dl><p>{w.both(t.EXITS)}</p>'
        f'<p class="note">{w.both(t.KEYS_HERE)}</p><ul>{keys}</ul><p class="note">{w.both(t.FORMATS)}</p>'
    )


def _closing() -> str:
    version = w.esc(__version__)
    return w.say(
        f"Made by Steelyard {version}. This file loads nothing from the network and runs nothing. "
        "<code>pack.json</code> beside it lists every file with its digest.",
        f"由权衡（Steelyard）{version} 生成。本文件不从网络加载、不运行任何内容。同包的 <code>pack.json</code> "
        "列出每个文件及其摘要值。",
    )
