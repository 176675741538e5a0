"""The portfolio report: whole in both languages, harmless with hostile input, its figures reconciling in sight."""

import csv
import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from steelyard.documents.portfolio_html import write_report
from steelyard.documents.portfolio_html_words import PAIRS, fact_value, share
from steelyard.journeys.portfolio import LISTED, Summary, assess_portfolio, open_inventory
from steelyard.policy.compile import Policy
from steelyard.profile.facts import vocabulary

ON = dt.date(2026, 11, 2)
VOID = {"meta", "link", "input", "br", "img", "hr"}
LETTER = re.compile(r"[A-Za-z\u4e00-\u9fff]")
CJK = re.compile(r"[\u4e00-\u9fff]")

SCRIPT = "<script>document.documentElement.dataset.pwned = 1</script>"
HANDLER = '"\'><img src=x onerror="document.documentElement.dataset.pwned = 2">'
CLOSER = "</bdi></td></script><!-- ]]> &amp; {n} {from}"
HOSTILE = (
    SCRIPT,
    HANDLER,
    CLOSER,
    "two\nlines",
    "\u202egnirts\u2028\x1b[31m",
    "长" * 10_000,
    "=cmd()",
    "名称 <b>粗</b>",
)

MAPPING = """\
mapping: 1
title: {en: 'Test <i>inventory</i> & "quotes"', zh: '测试<i>清单</i>&“引号”'}
system: {id: {column: ID}, name: {column: Name}, unit: {column: Unit}, purpose: {column: Purpose}}
facts:
  audience: {column: Audience, values: {inside: internal, anyone: public}}
  decision_impact: {column: Impact, values: {none: none, minor: minor, major: major}}
  profiles_people: {column: Infers, values: {no: none, beliefs: beliefs}}
  personal_data: {column: People, values: {none: none, some: personal, sensitive: sensitive}}
assume:
  - {id: '<script>a</script>', fact: profiles_people, value: beliefs, where: 'audience == "public"',
     reason: {en: 'because <b>of</b> "this"', zh: '因为<b>这样</b>'}}
"""


class Element:
    """An element of the page: `parts` are its elements and texts, in order."""

    def __init__(self, tag: str, attrs: dict[str, str | None], parent: "Element | None") -> None:
        self.tag, self.attrs, self.parent = tag, attrs, parent
        self.parts: list[Element | str] = []

    @property
    def children(self) -> "list[Element]":
        return [part for part in self.parts if isinstance(part, Element)]

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    def walk(self) -> "Iterator[Element]":
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, tag: str = "", **attrs: str) -> "list[Element]":
        return [
            item
            for item in self.walk()
            if (not tag or item.tag == tag) and all(item.attrs.get(name) == value for name, value in attrs.items())
        ]

    def ancestors(self) -> "Iterator[Element]":
        here: Element | None = self
        while here is not None:
            yield here
            here = here.parent

    def in_lang(self, lang: str) -> str:
        """The text a reader of `lang` sees."""
        if self.attrs.get("lang") == {"en": "zh", "zh": "en"}[lang]:
            return ""
        return "".join(part if isinstance(part, str) else part.in_lang(lang) for part in self.parts)


class Reader(HTMLParser):
    """Builds the tree, and fails on an element that is closed by another's end tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#", {}, None)
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice in {tag}"
        element = Element(tag, dict(attrs), self.here)
        self.here.parts.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.parts.append(data)


def read(path: Path) -> Element:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never closed"
    return reader.root


def data_of(page: Element) -> dict[str, Any]:
    (block,) = page.find("script", id="data")
    assert "<" not in block.text
    value: dict[str, Any] = json.loads(block.text)
    return value


def judge(path: Path, policy: Policy, mapping: Path | None = None) -> Summary:
    inventory = open_inventory(path, mapping, policy)
    return assess_portfolio(inventory, policy, ON, f"<b>{path.name}</b>", lambda rows: None)


@pytest.fixture(scope="module")
def summary(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """24 systems whose texts were written by somebody hostile, 1 unusable row, a cell nobody can read."""
    folder = tmp_path_factory.mktemp("report")
    mapping = folder / "mapping.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    inventory = folder / "inventory.csv"
    audiences, impacts = ("inside", "anyone", "", "<i>who?</i>"), ("none", "minor", "major", "")
    with inventory.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("ID", "Name", "Unit", "Purpose", "Audience", "Impact", "Infers", "People"))
        for index in range(24):
            text = HOSTILE[index % len(HOSTILE)]
            infers, people = ("no", "beliefs", "")[index % 3], ("none", "some", "sensitive", "")[index // 3 % 4]
            unit = ("Unit B", "Unit A", HOSTILE[index // 8], "")[index // 2 % 4]
            purpose = f"{text} {'why and what for ' * (index * 40)}"
            writer.writerow(
                (f"S{index}{text}", text, unit, purpose, audiences[index % 4], impacts[index // 6], infers, people)
            )
        writer.writerow(("too", "short"))
    return judge(inventory, policy, mapping)


@pytest.fixture(scope="module")
def report(summary: Summary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(summary, path, "en")
    return path


@pytest.fixture(scope="module")
def page(report: Path) -> Element:
    return read(report)


@pytest.fixture(scope="module")
def many(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Path]:
    """More systems and units than the report lists, with long purposes."""
    folder = tmp_path_factory.mktemp("many")
    number = LISTED + 345
    frame = pl.DataFrame(
        {
            "system": [f"S{index:05d}" for index in range(number)],
            "name": [f"系统 {index}" for index in range(number)],
            "unit": [f"部门 {index % 97}" for index in range(number)],
            "purpose": [f"为客户办理业务，第 {index} 项。" + "这是很长的用途说明，" * 120 for index in range(number)],
            "audience": [("public", "internal", None)[index % 3] for index in range(number)],
            "decision_impact": [("major", "minor", "none", None)[index % 4] for index in range(number)],
            "sector": [(["finance"], ["retail"], None)[index % 3] for index in range(number)],
        },
        schema_overrides={"sector": pl.List(pl.String)},
    )
    frame.write_parquet(folder / "many.parquet")
    found = judge(folder / "many.parquet", policy)
    write_report(found, folder / "report.html", "zh")
    return found, folder / "report.html"


def cell_numbers(row: Element) -> list[int]:
    return [int(cell.attrs["data-v"] or "") for cell in row.find("td") if "num" in (cell.attrs.get("class") or "")]


def table_after(page: Element, caption: str) -> Element:
    (found,) = [table for table in page.find("table") if table.find("caption")[0].in_lang("en") == caption]
    return found


def test_every_word_of_ours_stands_in_both_languages(page: Element) -> None:
    (body,) = page.find("body")
    for element in body.walk():
        if element.tag in ("script", "style"):
            continue
        for part in element.parts:
            if isinstance(part, str) and LETTER.search(part):
                marks = [(item.tag, item.attrs) for item in element.ancestors()]
                ours = any(attrs.get("lang") in ("en", "zh") for tag, attrs in marks if tag != "html")
                theirs = any(tag in ("bdi", "code", "time") for tag, _ in marks)
                switched = element.tag == "option" and ("data-zh" in element.attrs or element.attrs["value"] == part)
                assert ours or theirs or switched, f"in one language only: {part!r}"
        if element.attrs.get("lang") == "en":
            assert element.parent is not None
            siblings = element.parent.children
            other = siblings[siblings.index(element) + 1]
            assert other.attrs.get("lang") == "zh", f"without Chinese: {element.text!r}"
            assert other.text.strip()
            en, zh = ("".join(part for part in item.parts if isinstance(part, str)) for item in (element, other))
            assert not CJK.search(en), f"not English: {en!r}"
            assert CJK.search(other.text) or not LETTER.search(zh), f"not Chinese: {zh!r}"


def test_every_attribute_that_is_read_out_can_switch(page: Element) -> None:
    for element in page.walk():
        for name in ("title", "aria-label", "placeholder", "alt"):
            if name in element.attrs:
                assert element.attrs["data-at"] == name
                assert element.attrs["data-en"]
                assert CJK.search(element.attrs["data-zh"] or "")
                assert element.attrs[name] == element.attrs["data-en"]


def test_the_words_of_the_script_stand_in_both_languages(page: Element) -> None:
    data = data_of(page)
    for name, pair in data["words"].items():
        if name not in ("sure", "ask", "stop"):
            assert len(pair) == 2 and all(text.strip() for text in pair)
            gaps = [sorted(re.findall(r"\{\w+\}", text)) for text in pair]
            assert gaps[0] == gaps[1]
    assert all(CJK.search(rule[2]) for rule in data["rules"])
    assert all(CJK.search(fact[1]) for fact in data["facts"])


def test_every_shipped_fact_has_a_short_name() -> None:
    assert all(len(fact.name.en) <= 44 and len(fact.name.zh) <= 20 for fact in vocabulary().items)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_opens_in_the_language_asked_for(summary: Summary, tmp_path: Path, lang: Any) -> None:
    write_report(summary, tmp_path / "report.html", lang)
    page = read(tmp_path / "report.html")
    assert page.find("html")[0].attrs["lang"] == {"en": "en", "zh": "zh-CN"}[lang]
    checked = [item.attrs["id"] for item in page.find("input", type="radio") if "checked" in item.attrs]
    assert checked == [f"lang-{lang}"]
    (title,) = page.find("title")
    assert title.text == title.attrs[f"data-{lang}"]


def test_it_loads_nothing_from_anywhere(report: Path, page: Element) -> None:
    for element in page.walk():
        assert element.tag not in ("img", "iframe", "object", "embed", "base", "form", "video", "audio")
        for name, value in element.attrs.items():
            assert not name.startswith("on"), f"{element.tag} has {name}"
            if name in ("href", "src", "action", "data", "poster", "srcset"):
                assert (value or "").startswith("#") or (element.tag == "link" and value == "data:,")
    style = "".join(item.text for item in page.find("style"))
    assert "url(" not in style and "@import" not in style
    (policy,) = [m for m in page.find("meta") if m.attrs.get("http-equiv") == "Content-Security-Policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in (policy.attrs["content"] or "").split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["style-src"] == ["'unsafe-inline'"]
    assert rules["img-src"] == ["data:"]
    assert {word for words in rules.values() for word in words if not word.startswith("'sha256-")} <= {
        "'none'",
        "'unsafe-inline'",
        "data:",
    }
    assert report.read_bytes().count(b"<script") == 2


def test_hostile_texts_stay_texts(page: Element, summary: Summary) -> None:
    assert len(page.find("script")) == 2
    quoted = {item.text for item in page.find("bdi")}
    for text in HOSTILE[:3]:
        assert text in quoted
    assert summary.source in quoted
    assert "two\nlines" in quoted
    assert "\u202egnirts\u2028\ufffd[31m" in quoted
    assert "=cmd()" in quoted
    assert "<i>who?</i>" in quoted, "the cell that nothing read"
    assert "<script>a</script>" in quoted, "the id of the assumption"
    assert page.find("h1")[0].in_lang("en") == 'Test <i>inventory</i> & "quotes"'
    assert any("<script>" in (item.attrs.get("title") or "") for item in page.find("td"))


def test_long_texts_are_cut_and_say_so(page: Element, report: Path) -> None:
    assert max(len(item.text) for item in page.find("bdi")) <= 4_100
    rows = data_of(page)["rows"]
    longest = max(rows, key=lambda row: row[10])
    assert longest[10] > 0
    said = " ".join(item.in_lang("en") for item in page.find("details"))
    assert f"[{longest[10]:,} more characters are in the inventory]" in said
    assert report.stat().st_size < 4_000_000


def test_rows_read_are_rows_judged_and_unusable(page: Element, summary: Summary) -> None:
    assert (summary.total, summary.judged, len(summary.unusable)) == (25, 24, 1)
    (figures,) = page.find("section", id="figures")
    for lang, words in (("en", "25= 24 judged + 1 unusable"), ("zh", "25= 已评估 24 + 不可用 1")):
        assert words in figures.in_lang(lang)
    table = table_after(page, "Systems by lowest and highest possible tier")
    numbers = [int(row.find("td")[1].text.replace(",", "")) for row in table.find("tbody")[0].find("tr")]
    assert numbers == [summary.tiers[pair] for pair in PAIRS]
    assert sum(numbers) == summary.judged == int(table.find("tfoot")[0].find("td")[0].text)
    unusable = table_after(page, "Unusable rows and why").find("tbody")[0].find("tr")
    assert [row.in_lang("zh") for row in unusable] == ["24字段数 2 与表头 8 不符"]


def test_the_settled_share_is_told_with_and_without_assumptions(page: Element, summary: Summary) -> None:
    alone = summary.settled_columns
    assert alone is not None and 0 < alone < summary.settled
    (figures,) = page.find("section", id="figures")
    text = figures.in_lang("en")
    assert f"{share(alone, 24)} ({alone} of 24) from the columns alone" in text
    assert f"{share(summary.settled, 24)} ({summary.settled} of 24) with 1 assumption" in text
    (row,) = table_after(page, "Values filled in where the inventory says nothing; nobody declared them").find("tbody")
    assert cell_numbers(row) == [summary.assumptions[0][1]]


def test_units_and_the_map_add_up_to_all_systems(page: Element, summary: Summary) -> None:
    units = table_after(page, "The largest units and their tiers").find("tbody")[0].find("tr")
    assert sum(cell_numbers(row)[0] for row in units) == summary.judged
    heat = table_after(page, "Systems touched by high / medium rules, by unit and family of risk")
    rows = heat.find("tbody")[0].find("tr")
    assert len(heat.find("thead")[0].find("th")) == 2 + 7
    (total,) = heat.find("tfoot")[0].find("tr")
    for column in range(1, 8):
        high = [int(row.find("td")[column].find("b")[0].text) for row in rows]
        assert sum(high) == int(total.find("td")[column].find("b")[0].text)
    for row in rows:
        for cell in row.find("td")[1:]:
            assert cell.attrs["title"], "each cell explains itself"


def test_each_system_says_why(page: Element, summary: Summary) -> None:
    (table,) = page.find("table", id="systems-table")
    rows = table.find("tbody")[0].find("tr")
    assert len(rows) == summary.listed.height == 24
    first, record = rows[0], summary.listed.row(0, named=True)
    assert record["prohibited"] is True
    assert "yes, stop" in first.in_lang("en") and "是，应停止" in first.in_lang("zh")
    reasons = first.find("li")
    assert len(reasons) == len(json.loads(record["reasons"]))
    assert "● Do not infer what people believe or think What it infers about people: What they think" in reasons[
        0
    ].in_lang("en")
    assert "v1:M4.2.3-b" in reasons[0].text
    for row, listed in zip(rows, summary.listed.iter_rows(named=True), strict=True):
        assert ("(assumed)" in row.text) <= bool(listed["assumed"])
        opened = sum(not reason["certain"] for reason in json.loads(listed["reasons"]))
        assert sum("may apply" in item.in_lang("en") for item in row.find("li")) == opened
    assert any("(assumed)" in row.text for row in rows)
    assert any(": ?" in row.in_lang("en") and "：?" in row.in_lang("zh") for row in rows)


def test_what_keeps_systems_open_comes_most_first(page: Element, summary: Summary) -> None:
    rows = table_after(page, "Facts that keep systems open").find("tbody")[0].find("tr")
    numbers = [cell_numbers(row)[0] for row in rows]
    assert numbers == sorted((n for n in summary.open_facts.values() if n), reverse=True)
    assert "What can its output change for people?" in page.text and "它的输出会给人带来多大改变？" in page.text


def test_rules_and_obligations_carry_their_counts(page: Element, summary: Summary) -> None:
    for caption, counts in (
        ("Rules that apply or may apply, with the number of systems", summary.rules),
        ("Obligations owed, with the number of systems that owe them", summary.obligations),
    ):
        rows = table_after(page, caption).find("tbody")[0].find("tr")
        shown = {row.find("th")[0].find("code")[0].text: cell_numbers(row)[-2:] for row in rows}
        assert shown == {name: pair for name, pair in counts.items() if any(pair)}


def test_headers_are_headers_and_sorting_is_announced(page: Element) -> None:
    for head in page.find("th"):
        assert head.attrs.get("scope") in ("col", "row")
    for table in page.find("table"):
        assert table.find("caption")[0].text
        states = [head.attrs["aria-sort"] for head in table.find("th") if "aria-sort" in head.attrs]
        assert set(states) <= {"none", "ascending", "descending"}
        assert len([state for state in states if state != "none"]) <= 1
        for head in table.find("th"):
            assert ("aria-sort" in head.attrs) == bool(head.find("button", type="button"))
    (table,) = page.find("table", id="systems-table")
    keys = [head.attrs["data-key"] for head in table.find("thead")[0].find("th")]
    assert keys == ["rank", "system", "unit", "tier", "stop", "why"]


def test_the_page_has_landmarks_and_labels(page: Element) -> None:
    ids = [item.attrs["id"] for item in page.walk() if "id" in item.attrs]
    assert len(ids) == len(set(ids))
    assert len(page.find("main")) == len(page.find("h1")) == len(page.find("nav")) == len(page.find("footer")) == 1
    for section in page.find("section"):
        assert section.attrs["aria-labelledby"] in ids
    for link in page.find("a"):
        assert (link.attrs["href"] or "")[1:] in ids
    for control in [*page.find("select"), *page.find("input")]:
        assert any(item.tag == "label" for item in control.ancestors())


def test_it_says_when_only_the_first_are_listed(many: tuple[Summary, Path]) -> None:
    summary, path = many
    page = read(path)
    (section,) = page.find("section", id="systems")
    assert f"Only the first {LISTED:,} of {summary.judged:,} systems are listed here" in section.in_lang("en")
    assert f"仅列出 {summary.judged:,} 个系统中最紧要的前 {LISTED:,} 个" in section.in_lang("zh")
    assert len(data_of(page)["rows"]) == LISTED
    assert len(page.find("table", id="systems-table")[0].find("tbody")[0].find("tr")) == 200
    assert "the first 200 systems are shown" in page.find("noscript")[0].in_lang("en")
    assert path.stat().st_size < 4_000_000


def test_units_beyond_the_fortieth_are_summed(many: tuple[Summary, Path]) -> None:
    summary, path = many
    heat = table_after(read(path), "Systems touched by high / medium rules, by unit and family of risk")
    rows = heat.find("tbody")[0].find("tr")
    rest, total = heat.find("tfoot")[0].find("tr")
    assert len(rows) == 40
    assert rest.find("th")[0].in_lang("zh") == "其他 57 个部门"
    shown = sum(cell_numbers(row)[0] for row in [*rows, rest])
    assert shown == summary.judged == cell_numbers(total)[0]


def test_without_a_mapping_nothing_is_said_to_be_assumed(many: tuple[Summary, Path]) -> None:
    text = read(many[1]).find("section", id="figures")[0].in_lang("en")
    assert "from what the inventory says; nothing was assumed" in text
    assert "from the columns alone" not in text


def test_it_names_policy_digests_and_what_superseded_the_text(page: Element, policy: Policy) -> None:
    (head,) = page.find("header")
    assert policy.digest in head.text and policy.clauses.digest in head.text
    assert ON.isoformat() in head.text and policy.data.version in head.text
    assert "AI Safety Governance Framework 1.0 was superseded by v2 on 2025-09-15" in head.in_lang("en")


def test_shares_never_round_a_remainder_away() -> None:
    assert share(1, 10_000) == "<0.1%"
    assert share(9_999, 10_000) == ">99.9%"
    assert (share(0, 7), share(7, 7), share(0, 0)) == ("0.0%", "100.0%", "–")


def test_values_are_read_in_words() -> None:
    words = vocabulary()
    assert fact_value(words["decision_impact"], "major").en == "Major"
    assert fact_value(words["sector"], ["finance", "energy"]).zh == "金融、能源"
    assert fact_value(words["sector"], []).en == "none"
    assert fact_value(words["important_data"], None) == fact_value(words["sector"], None)


# In a browser. `probe` is a script that runs after the report's own; it may click, and tells what it then sees.

Browse = Callable[[Path, str, str], Any]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profile")


@pytest.fixture
def browse(tmp_path: Path, profile: Path) -> Browse:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: sorting, filters, languages and the security policy went UNTESTED")

    def run(report: Path, address: str, probe: str) -> Any:
        text = report.read_text(encoding="utf-8")
        if probe:
            text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
            told = f"(async () => {{ {probe} }})().then((told) => document.body.dataset.told = JSON.stringify(told));"
            text = text.replace("</body>", f"<script>{told}</script></body>")
        page = tmp_path / "page.html"
        page.write_text(text, encoding="utf-8")
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
            "--virtual-time-budget=3000", "--dump-dom", f"{page.as_uri()}{address}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        found = tmp_path / "dom.html"
        found.write_bytes(done.stdout)
        return found.read_text(encoding="utf-8")

    return run


def told(dom: str) -> Any:
    match = re.search(r'<body data-told="([^"]*)"', dom)
    assert match, "the probe did not run"
    reader = Reader()
    reader.feed(f'<body data-told="{match[1]}"></body>')
    return json.loads(reader.root.find("body")[0].attrs["data-told"] or "")


SEE = """
const seen = (node) => node.innerText.trim();
const rows = () => [...document.querySelectorAll("#systems-table tbody tr")];
const cell = (place) => rows().map((row) => seen(row.children[place]));
const state = () => Object.fromEntries([...document.querySelectorAll("#systems-table th[data-key]")]
  .map((head) => [head.dataset.key, head.getAttribute("aria-sort")]));
"""


def test_the_script_draws_the_same_rows_as_the_page(report: Path, page: Element, browse: Browse) -> None:
    drawn = told(browse(report, "#size=all", SEE + "return rows().map((row) => row.textContent);"))
    standing = [row.text for row in page.find("table", id="systems-table")[0].find("tbody")[0].find("tr")]
    assert len(drawn) == len(standing) == 24
    for one, other in zip(drawn, standing, strict=True):
        assert " ".join(one.split()) == " ".join(other.split())


def test_an_address_sets_language_order_and_filter(report: Path, browse: Browse) -> None:
    probe = (
        SEE
        + """
    const lang = document.documentElement.lang, head = seen(document.querySelector("h1"));
    const q = document.getElementById("q").placeholder, count = seen(document.getElementById("count"));
    const tip = document.querySelector(".heat td[title]").title, title = document.title;
    return {lang, head, q, count, tip, title, units: cell(2), state: state()};"""
    )
    found = told(browse(report, "#lang=zh&sort=unit&dir=desc", probe))
    assert found["lang"] == "zh-CN"
    assert found["head"] == "测试<i>清单</i>&“引号”" and "测试" in found["title"]
    assert found["q"] == "名称、用途、规则、条款" and CJK.search(found["tip"])
    assert found["count"] == "显示第 1–24 个，共 24 个符合条件；清单共列出 24 个。"
    plain = [unit for unit in found["units"] if unit.startswith("Unit")]
    assert plain == sorted(plain, reverse=True) and len(plain) > 5
    assert found["state"]["unit"] == "descending" and found["state"]["rank"] == "none"


def test_filters_narrow_the_list(report: Path, summary: Summary, browse: Browse) -> None:
    probe = (
        SEE
        + """
    const pick = (id, value) => {
      const node = document.getElementById(id); node.value = value; node.dispatchEvent(new Event("change")); };
    const out = {};
    pick("tier", "high"); out.high = rows().length; out.tiers = [...new Set(cell(3))];
    pick("tier", "open"); out.open = rows().length;
    pick("tier", "may-be-high"); out.maybe = rows().length;
    pick("tier", ""); pick("unit", "Unit A"); out.unit = [...new Set(cell(2))]; out.address = location.hash;
    pick("unit", ""); pick("stop", "2"); out.stop = rows().length;
    pick("stop", ""); pick("size", "25"); out.all = rows().length;
    return out;"""
    )
    found = told(browse(report, "", probe))
    tiers = summary.tiers
    assert found["high"] == tiers[("high", "high")] > 0
    assert all(text.startswith("High") for text in found["tiers"])
    assert found["open"] == summary.judged - summary.settled > 0
    assert found["maybe"] == sum(number for (_, high), number in tiers.items() if high == "high")
    assert found["unit"] == ["Unit A"] and found["address"] == "#unit=Unit+A"
    assert found["stop"] == summary.prohibited["yes"] and found["all"] == 24


def test_text_is_found_in_names_purposes_and_rules(report: Path, summary: Summary, browse: Browse) -> None:
    probe = (
        SEE
        + """
    const find = async (text) => {
      const changed = new Promise((done) => addEventListener("hashchange", done, {once: true}));
      location.hash = new URLSearchParams({q: text});
      await changed;
      return {rows: rows().length, count: seen(document.getElementById("count"))};
    };
    return [await find("=CMD()"), await find("M4.2.3-b"), await find("nothing like this")];"""
    )
    name, clause, nothing = told(browse(report, "", probe))
    assert name["rows"] == 3
    assert clause["rows"] == sum(summary.rules["stop.beliefs"]) > 0
    assert nothing == {"rows": 0, "count": "None of the 24 listed systems matches."}


def test_headers_sort_by_click_and_key(report: Path, browse: Browse) -> None:
    probe = (
        SEE
        + """
    const out = {}, click = (key) => document.querySelector(`#systems-table th[data-key="${key}"] button`).click();
    click("tier"); out.first = cell(3)[0]; out.down = state().tier;
    click("tier"); out.last = cell(3)[0]; out.up = state().tier;
    const heads = [...document.querySelectorAll("#rules table th[aria-sort]")];
    const head = heads.find((th) => th.innerText.startsWith("Certain"));
    const values = () => [...head.closest("table").tBodies[0].rows].map((row) => Number(row.children[3].dataset.v));
    head.querySelector("button").click(); out.falling = values(); out.told = head.getAttribute("aria-sort");
    head.querySelector("button").click(); out.rising = values();
    out.focus = [...document.querySelectorAll("th[aria-sort] button")].every((button) => button.tabIndex === 0);
    return out;"""
    )
    found = told(browse(report, "", probe))
    assert found["down"] == "descending" and found["first"].startswith("High")
    assert found["up"] == "ascending" and found["last"].startswith("Low")
    assert found["told"] == "descending" and found["rising"] == sorted(found["rising"])
    assert found["falling"] == sorted(found["falling"], reverse=True) != found["rising"]
    assert found["focus"]


def test_long_lists_have_pages_and_stay_quick(many: tuple[Summary, Path], browse: Browse) -> None:
    probe = (
        SEE
        + """
    const out = {start: rows().length};
    document.getElementById("after").click(); out.second = cell(0)[0];
    const began = performance.now();
    document.querySelector('#systems-table th[data-key="unit"] button').click();
    out.took = performance.now() - began; out.place = seen(document.getElementById("place"));
    return out;"""
    )
    found = told(browse(many[1], "", probe))
    assert found["start"] == 25 and found["second"] == "26"
    assert found["place"] == "第 1 / 80 页"
    assert found["took"] < 1_000


def test_the_language_switches_without_scripts(report: Path, browse: Browse) -> None:
    # Setting `checked` fires no event, so what changes here is the work of the style sheet alone.
    probe = """const out = [];
    for (const id of ["lang-zh", "lang-en"]) {
      document.getElementById(id).checked = true;
      out.push(document.querySelector("#tiers h2").innerText);
    }
    return out;"""
    assert told(browse(report, "", probe)) == ["等级分布", "Tiers"]


def test_only_the_reports_own_script_may_run(report: Path, tmp_path: Path, browse: Browse) -> None:
    dom = browse(report, "", "")
    assert 'class="js"' in dom, "the script of the report runs under its policy"
    assert "data-pwned=" not in dom.partition("<body")[0]
    forged = tmp_path / "forged.html"
    text = report.read_text(encoding="utf-8")
    forged.write_text(text.replace("</main>", f"{SCRIPT}</main>"), encoding="utf-8")
    assert "data-pwned=" not in browse(forged, "", "").partition("<body")[0]
    assert "data-pwned=" in browse(forged, "", "return 0").partition("<body")[0], "without its policy it would have run"
