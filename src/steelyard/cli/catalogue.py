"""`steelyard catalogue list | show | search | export`: the clauses, their links and their marks."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_INPUT, InputError
from steelyard.base.i18n import Lang, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.catalogue.load import Catalogue, Found
    from steelyard.catalogue.model import Clause, Link, Section

_KINDS = ("principle", "composition", "risk", "measure", "governance", "guideline", "duty")


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the group `catalogue` to the parser."""
    about = Text("the clauses of the framework", "框架条款目录").get(lang)
    group = commands.add_parser("catalogue", help=about, description=about, allow_abbrev=False)
    actions = group.add_subparsers(dest="action", metavar=Text("ACTION", "操作").get(lang), required=True)

    def action(name: str, help_text: Text, run: Any) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(
            name, help=help_text.get(lang), description=help_text.get(lang), parents=[common], allow_abbrev=False
        )
        parser.set_defaults(run=run)
        return parser

    listing = action("list", Text("list clauses", "列出条款"), _list)
    listing.add_argument("--kind", choices=_KINDS, help=Text("only this kind", "仅列出此类别").get(lang))
    listing.add_argument(
        "--section",
        metavar=Text("NUMBER", "编号").get(lang),
        help=Text("only this section and those below it, such as 3.1", "仅列出此节及其下各节，例如 3.1").get(lang),
    )
    listing.add_argument(
        "--instrument",
        metavar="ID",
        help=Text("only this instrument, such as v1", "仅列出此文件的条款，例如 v1").get(lang),
    )
    showing = action("show", Text("show clauses, sections or instruments", "查看条款、章节或文件"), _show)
    showing.add_argument("ids", nargs="+", metavar="ID", help="v1:M4.1.2-c, v1:3.1.1, v1")
    searching = action("search", Text("search in both languages", "以中文或英文检索"), _search)
    searching.add_argument("words", nargs="+", metavar=Text("WORDS", "词语").get(lang))
    exporting = action("export", Text("export the whole catalogue", "导出整个目录"), _export)
    exporting.add_argument(
        "--format", choices=("json", "csv", "md"), help=Text("json when not given", "默认为 json").get(lang)
    )
    exporting.add_argument(
        "--out",
        metavar=Text("FILE", "文件").get(lang),
        help=Text("write to this file instead of the terminal", "写入文件，而不是终端").get(lang),
    )


def _list(options: argparse.Namespace) -> int:
    from steelyard.catalogue.load import catalogue
    from steelyard.catalogue.model import Kind

    loaded = catalogue()
    if options.instrument is not None and options.instrument not in loaded.instruments:
        held = list(loaded.instruments)
        raise InputError(
            "not_loaded",
            Text(f"the instrument {options.instrument!r} is not loaded", f"未加载文件 {options.instrument!r}"),
            remedy=Text(f"loaded: {', '.join(held)}", f"已加载：{'、'.join(held)}"),
        )
    section = loaded.section(options.section, options.instrument).id if options.section else None
    clauses = loaded.select(
        kind=Kind(options.kind) if options.kind else None, section=section, instrument=options.instrument
    )
    _print_clauses(loaded, clauses, options)
    return EXIT_DONE


def _search(options: argparse.Namespace) -> int:
    from steelyard.catalogue.load import catalogue
    from steelyard.catalogue.search import search

    loaded = catalogue()
    hits = search(loaded, " ".join(options.words))
    _print_clauses(loaded, [hit.clause for hit in hits], options)
    return EXIT_DONE


def _show(options: argparse.Namespace) -> int:
    from steelyard.catalogue.load import catalogue

    loaded = catalogue()
    lang: Lang = options.lang
    code = EXIT_DONE
    for number, identifier in enumerate(options.ids):
        try:
            found = loaded.resolve(identifier)
        except InputError as error:
            code = EXIT_INPUT
            if options.json:
                error.path = identifier
                _print_json(error.as_dict(lang))
            else:
                print(error.render(lang), file=sys.stderr)
            continue
        if options.json:
            _print_json(_found_as_json(loaded, found))
        else:
            print(("\n" if number else "") + "\n".join(_found_as_lines(loaded, found, lang)))
    return code


def _export(options: argparse.Namespace) -> int:
    from steelyard.catalogue import export
    from steelyard.catalogue.load import catalogue

    loaded = catalogue()
    form = options.format or "json"
    if options.json and form != "json" and not options.out:
        raise InputError(
            "contradicting_options",
            Text(f"--json and --format {form} contradict each other", f"--json 与 --format {form} 相互矛盾"),
            remedy=Text("keep one of the two, or add --out FILE", "请只保留其一，或加上 --out 文件"),
        )
    if form == "json":
        content = export.to_json(loaded)
    elif form == "csv":
        content = export.to_csv(loaded)
    else:
        content = export.to_markdown(loaded, options.lang)
    if not options.out:
        sys.stdout.write(content)
        return EXIT_DONE
    _write(options.out, content, "utf-8-sig" if form == "csv" else "utf-8")
    count = len(loaded.clauses)
    if options.json:
        _print_json({"path": options.out, "format": form, "clauses": count, "digest": loaded.digest})
    else:
        print(
            Text(f"{count} clauses written to {options.out}", f"已将 {count} 项条款写入 {options.out}").get(
                options.lang
            )
        )
    return EXIT_DONE


def _write(path: str, content: str, encoding: str) -> None:
    """Writes the whole file or none of it. CSV bears a byte-order mark, without which Excel garbles Chinese."""
    import tempfile
    from pathlib import Path

    target = Path(path)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding=encoding, newline="", dir=target.parent, prefix=".export-", delete=False
        ) as stream:
            temporary = Path(stream.name)
            stream.write(content)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise InputError(
            "cannot_write",
            Text(f"the file cannot be written ({error.strerror})", f"无法写入该文件（{error.strerror}）"),
            remedy=Text("check that the folder exists and may be written", "请确认文件夹存在且可写"),
            path=path,
        ) from None


def _print_clauses(loaded: Catalogue, clauses: Sequence[Clause], options: argparse.Namespace) -> None:
    """Clauses as a table with what superseded them below, or as JSON, one a line."""
    from steelyard.base.tables import table
    from steelyard.catalogue.labels import label, superseded_note

    lang: Lang = options.lang
    if options.json:
        for clause in clauses:
            _print_json(_clause_as_json(clause))
        return
    if not clauses:
        print(Text("no clause found", "未找到条款").get(lang), file=sys.stderr)
        return
    head = [Text("ID", "编号"), Text("Kind", "类别"), Text("Confidence", "可信度"), Text("Title", "标题")]
    rows = [
        [clause.id, label(clause.kind).get(lang), label(clause.confidence.weakest).get(lang), clause.title.get(lang)]
        for clause in clauses
    ]
    print(table(rows, [name.get(lang) for name in head]))
    print("\n" + _counted(len(clauses)).get(lang))
    for identifier in dict.fromkeys(clause.instrument for clause in clauses):
        instrument = loaded.instruments[identifier]
        if instrument.superseded_by:
            title = f"{identifier} {instrument.title.get(lang)} {instrument.version}"
            print(f"{title}{'：' if lang == 'zh' else ': '}{superseded_note(instrument).get(lang)}")


def _counted(number: int) -> Text:
    return Text(f"{number} clause{'' if number == 1 else 's'}", f"共 {number} 项条款")


def _print_json(value: Any) -> None:
    import msgspec

    print(msgspec.json.encode(value).decode())


def _clause_as_json(clause: Clause) -> dict[str, Any]:
    import msgspec

    data: dict[str, Any] = msgspec.to_builtins(clause)
    return data


def _found_as_json(loaded: Catalogue, found: Found) -> dict[str, Any]:
    """What `show --json` answers: the thing itself, `what` it is, and its links in both directions."""
    import msgspec

    from steelyard.catalogue.model import Clause, Instrument, NotLoaded

    data: dict[str, Any] = msgspec.to_builtins(found)
    if isinstance(found, NotLoaded):
        return {"what": "not_loaded", **data}
    if isinstance(found, Instrument):
        return {"what": "instrument", **data}
    what = "clause" if isinstance(found, Clause) else "section"
    return {
        "what": what,
        **data,
        "links": {
            "from": [_link_as_json(loaded, link, link.target) for link in loaded.links_from(found.id)],
            "to": [_link_as_json(loaded, link, link.source) for link in loaded.links_to(found.id)],
        },
    }


def _link_as_json(loaded: Catalogue, link: Link, end: str) -> dict[str, Any]:
    import msgspec

    title = loaded.title(end)
    return {
        "relation": link.relation,
        "id": end,
        "loaded": title is not None,
        "title": msgspec.to_builtins(title),
        "official": link.official,
        "confidence": link.confidence,
        "basis": msgspec.to_builtins(link.basis),
    }


def _found_as_lines(loaded: Catalogue, found: Found, lang: Lang) -> list[str]:
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.catalogue.labels import confidence_line, label, names, superseded_note
    from steelyard.catalogue.model import Clause, Instrument, NotLoaded

    def line(name: Text, value: str) -> str:
        return wrap(f"{name.get(lang)}{'：' if lang == 'zh' else ': '}{value}", columns, "  ")

    columns = min(terminal_width(), 120)
    if isinstance(found, NotLoaded):
        held = ", ".join(loaded.instruments)
        note = Text(f"not loaded (the catalogue holds: {held})", f"未加载（目录中现有：{held}）")
        return [f"{found.id}  {note.get(lang)}"]
    lines = [f"{found.id}  {found.title.get(lang)}"]
    if isinstance(found, Instrument):
        lines[0] += f" {found.version}"
        lines += [
            line(Text("Issuer", "发布单位"), found.issuer.get(lang)),
            line(Text("Released", "发布日期"), f"{found.released} [{label(found.confidence).get(lang)}]"),
        ]
    elif isinstance(found, Clause):
        section = loaded.sections[found.section]
        lines += [
            f"  {label(found.kind).get(lang)} · {section.number} {section.title.get(lang)}",
            "",
            wrap(found.text.get(lang), columns, "  "),
            "",
            line(Text("Roles", "主体"), names(found.roles, lang)),
            line(Text("Stages", "阶段"), names(found.stages, lang)),
            line(Text("Confidence", "可信度"), confidence_line(found.confidence, lang)),
        ]
    else:
        if found.text:
            lines += ["", wrap(found.text.get(lang), columns, "  "), ""]
        lines.append(line(Text("Confidence of the title", "标题可信度"), label(found.confidence).get(lang)))
    lines.append(line(Text("Force", "效力"), label(found.binding).get(lang)))
    if found.superseded_by:
        lines.append(line(Text("Status", "状态"), superseded_note(found).get(lang)))
    if isinstance(found, Instrument):
        lines.append(line(Text("Source", "来源"), found.url))
        lines += [line(Text("Silent on", "未作规定"), item.get(lang)) for item in found.silent_on]
    else:
        lines += _link_lines(loaded, found, lang, columns)
    return lines


def _link_lines(loaded: Catalogue, found: Clause | Section, lang: Lang, columns: int) -> list[str]:
    """Links grouped by what they say: a heading with their mark, then a line each; below a section its clauses."""
    from steelyard.base.tables import cut
    from steelyard.catalogue.labels import label, label_backwards, link_mark
    from steelyard.catalogue.model import Clause

    groups: dict[str, list[str]] = {}
    for link in loaded.links_from(found.id):
        groups.setdefault(f"{label(link.relation).get(lang)} [{link_mark(link, lang)}]", []).append(link.target)
    for link in loaded.links_to(found.id):
        groups.setdefault(f"{label_backwards(link.relation).get(lang)} [{link_mark(link, lang)}]", []).append(
            link.source
        )
    if not isinstance(found, Clause):
        inside = [clause.id for clause in loaded.select(section=found.id)]
        if inside:
            groups[_counted(len(inside)).get(lang)] = inside
    lines: list[str] = []
    for heading, ends in groups.items():
        lines += ["", f"  {heading}"]
        for end in ends:
            title = loaded.title(end) or Text("not loaded", "未加载")
            lines.append(cut(f"    {end}  {title.get(lang)}", columns))
    return lines
