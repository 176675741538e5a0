"""The portfolio report: one HTML file that a board member can read, print, and pass on.

Enforced: the file loads nothing (its Content-Security-Policy forbids it, and only our own script may run); every
value is escaped; every word of ours stands in English and Chinese; without scripts all figures and the first 200
systems can still be read. Colours never stand alone: tiers and shares are also written.
"""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from steelyard import __version__
from steelyard.base.i18n import Lang, Text
from steelyard.documents import portfolio_html_figures as figures
from steelyard.documents import portfolio_html_reading as reading
from steelyard.documents import portfolio_html_systems as systems
from steelyard.documents import portfolio_html_tables as tables
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.portfolio import Summary

_SECTIONS = (
    ("figures", Text("Key figures", "关键数字"), Text("Key figures", "关键数字")),
    ("tiers", Text("Tiers", "等级分布"), Text("Tiers", "等级")),
    ("heat", Text("Where the risks lie", "风险分布"), Text("Risks", "风险")),
    ("systems", Text("Systems that need a person first", "需优先由人处理的系统"), Text("Systems", "系统")),
    ("open", Text("What is still open", "尚待确认的事项"), Text("Open questions", "待确认")),
    ("rules", Text("Rules and obligations", "规则与义务"), Text("Rules and obligations", "规则与义务")),
    ("assumptions", Text("Assumptions and gaps", "假定与缺漏"), Text("Assumptions", "假定")),
    ("reading", Text("How to read this", "阅读说明"), Text("How to read", "阅读说明")),
)
"""Id, title, and name in the navigation of each section."""


def write_report(summary: Summary, target: Path, lang: Lang) -> None:
    """Writes the report of a judged portfolio to `target`; it opens in `lang` and switches without the network."""
    target.write_text(render(summary, lang), encoding="utf-8", errors="replace", newline="\n")


def render(summary: Summary, lang: Lang) -> str:
    """The whole page."""
    listing = systems.build(summary)
    bodies = {
        "figures": figures.key_figures(summary),
        "tiers": figures.tiers(summary),
        "heat": figures.heat(summary, lang),
        "systems": systems.section(summary, listing, lang),
        "open": tables.open_facts(summary),
        "rules": tables.rules(summary) + tables.obligations(summary),
        "assumptions": tables.assumptions(summary),
        "reading": reading.reading(summary),
    }
    sections = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{w.both(title)}</h2>\n'
        f"{bodies[name]}</section>\n"
        for name, title, _ in _SECTIONS
    )
    return (
        _opening(summary, lang)
        + _bar(lang)
        + f'<main id="main" class="wrap">\n{_top(summary)}{sections}</main>\n'
        + f'<footer class="wrap">{_closing()}</footer>\n'
        + systems.data_block(summary, listing)
        + f"<script>{_file('report.js')}</script>\n</body>\n</html>\n"
    )


def _file(name: str) -> str:
    return files("steelyard.documents").joinpath(name).read_text("utf-8")


def _opening(summary: Summary, lang: Lang) -> str:
    script = base64.b64encode(hashlib.sha256(_file("report.js").encode()).digest()).decode()
    # Browsers that know hashes ignore 'unsafe-inline' beside one, so that no other script could run.
    csp = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'sha256-{script}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    title = Text(f"{summary.title.en} – portfolio report", f"{summary.title.zh} – 组合评估报告")
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{csp}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f'<title data-en="{w.esc(title.en)}" data-zh="{w.esc(title.zh)}">{w.esc(title.get(lang))}</title>\n'
        f"<style>\n{_file('report.css')}</style>\n</head>\n<body>\n"
    )


def _bar(lang: Lang) -> str:
    links = "".join(f'<li><a href="#{name}">{w.both(short)}</a></li>' for name, _, short in _SECTIONS)
    langs = "".join(
        f'<label lang="{tag}"><input type="radio" name="lang" id="lang-{name}"{" checked" if name == lang else ""}>'
        f"<bdi>{label}</bdi></label>"
        for name, tag, label in (("en", "en-GB", "English"), ("zh", "zh-CN", "中文"))
    )
    return (
        f'<a class="skip" href="#main">{w.say("Skip to the report", "跳到正文")}</a>\n'
        f'<div class="bar"><div class="wrap"><nav {w.attribute("aria-label", Text("Sections", "章节"), lang)}>'
        f'<ul>{links}</ul></nav><div class="tools"><button type="button" id="theme" class="ctl">'
        f'{w.say("Light / dark", "浅色 / 深色")}</button><fieldset><legend class="hidden">{w.say("Language", "语言")}'
        f"</legend>{langs}</fieldset></div></div></div>\n"
    )


def _top(summary: Summary) -> str:
    policy = summary.policy
    layers = " + ".join(f"{w.own(layer.id)} {w.own(layer.version)}" for layer in policy.data.layers)
    rows = (
        (Text("Inventory", "清单文件"), w.own(summary.source)),
        (Text("Assessed on", "评估日期"), f"<time>{summary.on.isoformat()}</time>"),
        (
            Text("Policy", "策略"),
            f"{w.both(policy.data.title)} · {w.own(policy.data.id)} {w.own(policy.data.version)}"
            + (f" ({layers})" if len(policy.data.layers) > 1 else ""),
        ),
        (Text("Policy digest", "策略摘要值"), w.code(policy.digest)),
        (Text("Catalogue digest", "目录摘要值"), w.code(policy.clauses.digest)),
    )
    meta = "".join(f"<dt>{w.both(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return (
        f'<header class="top"><p class="kicker">{w.say("Portfolio report", "组合评估报告")}</p>'
        f'<h1>{w.both(summary.title)}</h1>\n<dl class="meta">{meta}</dl>{_superseded(summary)}</header>\n'
    )


def _superseded(summary: Summary) -> str:
    out = ""
    for name in summary.policy.data.instruments:
        instrument = summary.policy.clauses.instruments.get(name)
        if instrument is None or instrument.superseded_by is None:
            continue
        by, since = instrument.superseded_by.by, instrument.superseded_by.since
        newer = summary.policy.clauses.instruments.get(by)
        names = newer.title if newer else Text(by, by)
        past = since <= summary.on
        was, done = ("was", "已于") if past else ("will be", "将于")
        text = Text(
            f"{instrument.title.en} {instrument.version} {was} superseded by {names.en} on {since}. It is used here "
            "because the policy chooses it as its baseline.",
            f"《{instrument.title.zh}》{instrument.version} 版{done} {since} 被 {names.zh} 取代；本策略以其为基线。",
        )
        out += f'<p class="warn">{w.both(text)}</p>'
    return out


def _closing() -> str:
    version = w.esc(__version__)
    return w.say(
        f"Made by Steelyard {version}. This file loads nothing from the network. Beside it stand "
        "<code>portfolio.parquet</code> (every system) and <code>unusable.csv</code>.",
        f"由权衡（Steelyard）{version} 生成，本文件不从网络加载任何内容。同一文件夹内另有 "
        "<code>portfolio.parquet</code>（全部系统）与 <code>unusable.csv</code>。",
    )
