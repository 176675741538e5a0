"""The catalogue handed to others: JSON (complete, can be read back), CSV (a row per clause), Markdown (to read).

Every form carries the marks of confidence, the binding level and what superseded the text.
"""

import csv
import io

import msgspec

from steelyard.base.errors import InputError
from steelyard.base.i18n import Lang, Text
from steelyard.catalogue.labels import confidence_line, label, label_backwards, link_mark, names, superseded_note
from steelyard.catalogue.load import Catalogue
from steelyard.catalogue.model import Clause, ClauseConfidence, Content, Instrument, Link, Relation

FORMATS = ("json", "csv", "md")
FORMAT = 1


class Exported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON export: `digest` is that of `content`."""

    catalogue: int
    digest: str
    content: Content


def to_json(catalogue: Catalogue) -> str:
    """The whole catalogue as JSON, in both languages: `{catalogue, digest, content}`."""
    data = msgspec.json.encode(Exported(FORMAT, catalogue.digest, catalogue.content))
    return msgspec.json.format(data, indent=1).decode() + "\n"


def from_json(data: str | bytes) -> Catalogue:
    """The catalogue of a JSON export. Raises InputError where it is not one, or where it was changed afterwards."""
    command = "steelyard catalogue export --format json"
    remedy = Text(f"export it again: {command}", f"请重新导出：{command}")
    try:
        exported = msgspec.json.decode(data, type=Exported)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(
            "bad_export",
            Text(f"this is not an exported catalogue: {error}", f"不是导出的目录：{error}"),
            remedy=remedy,
        ) from None
    read = Catalogue.of(exported.content)
    if exported.catalogue != FORMAT or read.digest != exported.digest:
        raise InputError(
            "changed_export",
            Text("the content does not match its digest", "内容与其摘要值不符"),
            remedy=remedy,
        )
    return read


CSV_COLUMNS = (
    *("id", "instrument", "kind", "section", "section_title_en", "section_title_zh"),
    *("title_en", "title_zh", "text_en", "text_zh", "roles", "stages"),
    *("binding", "effective", "until", "superseded_by", "superseded_since"),
    *(f"confidence_{part}" for part in ClauseConfidence.__struct_fields__),
    *("treated_by", "governed_by", "carried_out_by", "treats", "governs", "carries_out", "corresponds_to"),
)


def to_csv(catalogue: Catalogue) -> str:
    """A row per clause under `CSV_COLUMNS`; lists are separated by spaces, an empty cell is "none"."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS)
    writer.writeheader()
    for clause in catalogue.content.clauses:
        section = catalogue.sections[clause.section]
        superseded = clause.superseded_by
        row = {
            "id": clause.id,
            "instrument": clause.instrument,
            "kind": clause.kind,
            "section": section.number,
            "section_title_en": section.title.en,
            "section_title_zh": section.title.zh,
            "title_en": clause.title.en,
            "title_zh": clause.title.zh,
            "text_en": clause.text.en,
            "text_zh": clause.text.zh,
            "roles": " ".join(clause.roles),
            "stages": " ".join(clause.stages),
            "binding": clause.binding,
            "effective": clause.effective.isoformat(),
            "until": clause.until.isoformat() if clause.until else "",
            "superseded_by": superseded.by if superseded else "",
            "superseded_since": superseded.since.isoformat() if superseded else "",
        }
        row |= {f"confidence_{part}": getattr(clause.confidence, part) for part in ClauseConfidence.__struct_fields__}
        outgoing, incoming = catalogue.links_from(clause.id), catalogue.links_to(clause.id)
        for relation in (Relation.TREATED_BY, Relation.GOVERNED_BY, Relation.CARRIED_OUT_BY, Relation.CORRESPONDS_TO):
            row[relation.value] = " ".join(link.target for link in outgoing if link.relation is relation)
        for column, relation in _BACKWARDS.items():
            row[column] = " ".join(link.source for link in incoming if link.relation is relation)
        writer.writerow(row)
    return out.getvalue()


_BACKWARDS = {
    "treats": Relation.TREATED_BY,
    "governs": Relation.GOVERNED_BY,
    "carries_out": Relation.CARRIED_OUT_BY,
}


def to_markdown(catalogue: Catalogue, lang: Lang) -> str:
    """The catalogue as one Markdown document in `lang`: a heading per section and per clause."""
    lines: list[str] = []
    for instrument in catalogue.content.instruments:
        lines += _instrument_lines(instrument, lang)
        for section in catalogue.content.sections:
            if section.instrument != instrument.id:
                continue
            depth = 2 + min(section.number.count("."), 2)
            lines += [f"{'#' * depth} {section.number} {_escape(section.title.get(lang))}", ""]
            if section.text:
                lines += [_escape(section.text.get(lang)), ""]
            for link in catalogue.links_from(section.id):
                lines += [f"- {_link_line(catalogue, link, link.target, label(link.relation), lang)}", ""]
            for clause in catalogue.content.clauses:
                if clause.section == section.id:
                    lines += _clause_lines(catalogue, clause, "#" * (depth + 1), lang)
    return "\n".join(lines).rstrip() + "\n"


def _instrument_lines(instrument: Instrument, lang: Lang) -> list[str]:
    zh = lang == "zh"
    facts = [
        (Text("Issuer", "发布单位"), instrument.issuer.get(lang)),
        (Text("Released", "发布日期"), f"{instrument.released} ({label(instrument.confidence).get(lang)})"),
        (Text("Force", "效力"), label(instrument.binding).get(lang)),
        (Text("Source", "来源"), f"<{instrument.url}>"),
    ]
    if instrument.superseded_by:
        facts.insert(2, (Text("Status", "状态"), superseded_note(instrument).get(lang)))
    lines = [f"# {_escape(instrument.title.get(lang))} {instrument.version}", ""]
    lines += [f"- {name.get(lang)}{'：' if zh else ': '}{value}" for name, value in facts]
    if instrument.silent_on:
        lines += ["", Text("What it does not say:", "文件未作规定的内容：").get(lang), ""]
        lines += [f"- {_escape(item.get(lang))}" for item in instrument.silent_on]
    return [*lines, ""]


def _clause_lines(catalogue: Catalogue, clause: Clause, mark: str, lang: Lang) -> list[str]:
    colon = "：" if lang == "zh" else ": "
    lines = [f"{mark} {clause.id} {_escape(clause.title.get(lang))}", "", _escape(clause.text.get(lang)), ""]
    marks = confidence_line(clause.confidence, lang)
    lines += [
        f"- {Text('Kind', '类别').get(lang)}{colon}{label(clause.kind).get(lang)}",
        f"- {Text('Roles', '主体').get(lang)}{colon}{names(clause.roles, lang)}",
        f"- {Text('Stages', '阶段').get(lang)}{colon}{names(clause.stages, lang)}",
        f"- {Text('Confidence', '可信度').get(lang)}{colon}{marks}",
    ]
    for link in catalogue.links_from(clause.id):
        lines.append(f"- {_link_line(catalogue, link, link.target, label(link.relation), lang)}")
    for link in catalogue.links_to(clause.id):
        lines.append(f"- {_link_line(catalogue, link, link.source, label_backwards(link.relation), lang)}")
    return [*lines, ""]


def _link_line(catalogue: Catalogue, link: Link, end: str, relation: Text, lang: Lang) -> str:
    title = catalogue.title(end) or Text("not loaded", "未加载")
    colon = "：" if lang == "zh" else ": "
    return f"{relation.get(lang)}{colon}{end} {_escape(title.get(lang))} ({link_mark(link, lang)})"


def _escape(text: str) -> str:
    for char in "\\`*_[]<>":
        text = text.replace(char, "\\" + char)
    return text
