"""`audit-pack`: everything about one system in a zip that an outsider can check alone."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import policy_options, say, say_json, tidy_end, warn
from steelyard.cli.stores import store_options

if TYPE_CHECKING:
    from steelyard.gates.desk import Desk
    from steelyard.journeys.audit_pack import Pack

ABOUT = Text("pack everything about a system for an auditor", "把某个系统的全部材料打包交审计")


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser of this group."""
    parser = commands.add_parser("audit-pack", parents=[common], help=ABOUT.get(lang), description=ABOUT.get(lang))
    parser.add_argument("system", metavar="SYSTEM", help=Text("the id of the system", "系统编号").get(lang))
    parser.add_argument("--out", metavar="ZIP", required=True, help=Text("a new file", "新文件").get(lang))
    parser.add_argument(
        "--profile",
        metavar="FILE",
        help=Text("the system's profile; default: the last one on record", "系统档案；默认使用最近一次入账的档案").get(
            lang
        ),
    )
    policy_options(parser, lang)
    store_options(parser, lang)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Collects, writes and seals the pack."""
    from steelyard.base.progress import Progress
    from steelyard.cli.gates import desk_of
    from steelyard.gates.desk import writing
    from steelyard.journeys import audit_pack, audit_pack_zip

    target = Path(options.out)
    audit_pack_zip.refuse_existing(target)
    desk = desk_of(options, options.profile)
    _refuse_nothing(desk)
    with tidy_end(options.lang), writing(desk.home) as link:
        pack = audit_pack.collect(desk, link, options.system, options.profile)
        pack.gates = _gates(pack, desk)
        bar = Progress(Text("packing", "正在打包").get(options.lang), max(1, len(pack.envelopes)))
        written = audit_pack_zip.write(pack, desk, link, target, _pages(pack, desk, link, options.lang), _tell(bar))
        bar.close()
    told = {
        "out": options.out,
        "system": pack.system,
        "made": pack.made,
        "files": len(written["files"]),
        "envelopes": len(pack.envelopes),
        "about": sum(1 for item in pack.envelopes if item.stored.statement.predicate.get("system") == pack.system),
        "entries": sum(item.size for item in pack.logs),
        "alarms": [{"person": item.person, "field": item.name, "state": item.state} for item in _wrong(pack)],
    }
    if options.json:
        say_json(told)
    else:
        _say(told, options)
    return EXIT_DONE


def _tell(bar: Any) -> Any:
    def tell(done: int, total: int) -> None:
        bar.update(done)

    return tell


def _refuse_nothing(desk: "Desk") -> None:
    if not desk.home.exists():
        with desk.home.connect_to_read():  # says that there is no store, and makes none
            pass


def _gates(pack: "Pack", desk: "Desk") -> dict[str, Any]:
    from steelyard.gates.shown import gate_data
    from steelyard.policy.model import GATES

    name = f"{pack.system}.yaml"  # the commands it shows are for a reader who has no folder of ours
    return {gate: gate_data(pack.judge.gate(gate), desk, pack.case.digest, name) for gate in GATES}


def _pages(pack: "Pack", desk: "Desk", link: Any, lang: Lang) -> dict[str, bytes]:
    import json

    from steelyard.documents import audit_pack_html, oscal
    from steelyard.journeys.audit_pack import history

    results = json.dumps(oscal.assessment_results(pack), ensure_ascii=False, indent=1)
    return {
        "index.html": audit_pack_html.render(pack, history(link, pack), lang).encode(),
        "oscal/assessment-results.json": results.encode() + b"\n",
    }


def _wrong(pack: "Pack") -> list[Any]:
    return [item for item in pack.fields if item.state in ("missing", "mismatch")]


def _say(told: dict[str, Any], options: argparse.Namespace) -> None:
    lang: Lang = options.lang
    say(
        Text(
            f"{told['out']}: {told['about']:,} statements about {told['system']}, "
            f"{told['envelopes'] - told['about']:,} keys, appointments and standing approvals, "
            f"{told['entries']:,} log entries",
            f"{told['out']}：{told['system']} 的声明 {told['about']:,} 份，"
            f"密钥、任命与常设批准 {told['envelopes'] - told['about']:,} 份，账本记录 {told['entries']:,} 条",
        ).get(lang)
    )
    say(
        Text(
            "Whoever receives it runs: python3 verify_pack.py pack.zip --key VKEY (the script is inside; better, give "
            "it to them another way)",
            "收件人运行：python3 verify_pack.py pack.zip --key 公钥（脚本在包内；最好另行提供）",
        ).get(lang)
    )
    for item in told["alarms"]:
        warn(
            Text(
                f"{item['person']}, {item['field']}: {item['state']}, and the pack says so",
                f"{item['person']} 的 {item['field']}：{item['state']}，包中已如实注明",
            ).get(lang)
        )
