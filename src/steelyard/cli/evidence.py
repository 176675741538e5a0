"""`evidence`, `reindex`: statements that verify themselves, in and out of the store."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, EnvironmentNotReady, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import policy_of, policy_options, report, say, say_json, warn, write_new
from steelyard.cli.evidence_keys import register_keys
from steelyard.cli.stores import cannot_read, home_of, person_passphrase, store_actions, store_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steelyard.base.keys import Envelope
    from steelyard.evidence.statement import Statement


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    evidence = commands.add_parser("evidence", help=Text("signed evidence", "签名证据").get(lang))
    action = store_actions(evidence, common, lang)

    kinds = action("kinds", Text("list the kinds of evidence", "列出证据类别"), run_kinds)
    kinds.add_argument(
        "kind", nargs="?", metavar="KIND", help=Text("one kind with its schema", "某一类别及其模式").get(lang)
    )
    new = action("new", Text("write and sign a statement", "生成并签署声明"), run_new)
    new.add_argument("kind", metavar="KIND")
    new.add_argument("--subject", metavar="FILE", nargs="+", required=True, action="extend")
    new.add_argument("--system", metavar="ID", required=True)
    new.add_argument(
        "--collect",
        metavar="NAME:FILE",
        help=Text(
            "read the result from another tool's report, such as junit:results.xml",
            "从其他工具的报告读取结果，如 junit:results.xml",
        ).get(lang),
    )
    new.add_argument("--predicate", metavar="FILE.json", help=Text("its result, as JSON", "结果（JSON）").get(lang))
    new.add_argument("--obligation", metavar="ID", nargs="+", action="extend", default=[])
    new.add_argument("--valid-until", metavar="DATE")
    new.add_argument("--confidence", choices=["low", "medium", "high"], default="medium")
    new.add_argument("--by", metavar="NAME", help=Text("sign with this person's key", "用此人的密钥签署").get(lang))
    new.add_argument("--out", metavar="X", required=True)
    add = action("add", Text("take a statement into the store", "将声明存入存储"), run_add)
    add.add_argument("envelopes", metavar="X", nargs="+")
    add.add_argument(
        "--attach", metavar="FILE", nargs="*", default=[], help=Text("keep these files too", "一并保存文件").get(lang)
    )
    add.add_argument("--profile", metavar="FILE", help=Text("the system's profile", "系统档案").get(lang))
    policy_options(add, lang, date=False)
    verify = action("verify", Text("does this statement hold?", "核验声明"), run_verify)
    verify.add_argument("envelope", metavar="X")
    verify.add_argument("--subject", metavar="FILE", nargs="*", default=[])
    verify.add_argument(
        "--key", metavar="FILE.pem", help=Text("a public key to check with", "用于核验的公钥").get(lang)
    )
    verify.add_argument("--on", metavar="DATE", help=Text("as of this date", "核验日期").get(lang))
    listing = action("list", Text("what the store holds", "列出存储内容"), run_list)
    listing.add_argument("--system", metavar="ID")

    register_keys(commands, common, lang)
    reindex = commands.add_parser(
        "reindex", parents=[common], help=Text("rebuild every index from the envelopes", "由信封重建全部索引").get(lang)
    )
    reindex.add_argument(
        "--check",
        action="store_true",
        help=Text("change nothing; exit 1 where an index differs", "只核对不改动；索引不符时退出码为 1").get(lang),
    )
    store_options(reindex, lang)
    reindex.set_defaults(run=run_reindex)


def run_kinds(options: argparse.Namespace) -> int:
    """The kinds of evidence, or one with the schema of its result."""
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates.minimum import of_kind

    kinds, lang = Kinds.registered(), options.lang
    if options.kind:
        kind = kinds.resolve(options.kind)
        if options.json:
            least = {"satisfies": kind.satisfies, "contradicts": kind.contradicts, "valid": kind.valid}
            say_json({"id": kind.id, "predicate_type": kind.predicate_type, "schema": kind.schema(), **least})
            return EXIT_DONE
        say(f"{kind.id}  {kind.title.get(lang)}\n\n{kind.description.get(lang)}\n")
        say(Text("What counts at least:", "至少须满足：").get(lang))
        say(f"  {of_kind(kind).text().get(lang)}")
        more = Text(
            "  An obligation may ask for more: `steelyard explain FILE OBLIGATION`",
            "  具体义务可能要求更多：`steelyard explain 文件 义务`",
        )
        say(more.get(lang) + "\n")
        for fact in kind.measures:
            values = " | ".join(fact.members) if fact.members else fact.type
            say(f"  {fact.id}: {values}\n      {fact.question.get(lang)}")
        return EXIT_DONE
    for kind in kinds.values():
        if options.json:
            say_json(
                {
                    "id": kind.id,
                    "title": {"en": kind.title.en, "zh": kind.title.zh},
                    "about": kind.about,
                    "command": kind.command,
                    "valid": kind.valid,
                }
            )
        else:
            say(f"{kind.id:26}{kind.title.get(lang)}")
    return EXIT_DONE


def _result(path: str | None) -> dict[str, Any]:
    from steelyard.base.keys import strict_json

    if path is None:
        return {}
    try:
        data = strict_json(Path(path).read_bytes())
    except OSError as error:
        raise cannot_read(error, path) from None
    except ValueError as error:
        raise InputError(
            "bad_json",
            Text(f"not JSON: {error}", f"不是有效 JSON：{error}"),
            remedy=Text(
                "`steelyard evidence kinds KIND` shows what a result holds",
                "可用 `steelyard evidence kinds 类别` 查看结果项",
            ),
            path=path,
        ) from None
    if not isinstance(data, dict):
        raise InputError("bad_json", Text("a result is a JSON object", "结果应为 JSON 对象"), path=path)
    return data


def _collected(option: str | None, kind: str) -> dict[str, Any]:
    """The result that a collector reads, where one is asked for."""
    from steelyard.evidence.collectors import collect

    if option is None:
        return {}
    name, colon, path = option.partition(":")
    if not colon or not path:
        raise InputError(
            "unknown_collector",
            Text(
                "a collector is named with its file, as in junit:results.xml",
                "请写明采集器与文件，如 junit:results.xml",
            ),
            field="--collect",
        )
    found = collect(name, Path(path))
    if found.kind != kind:
        raise InputError(
            "other_kind",
            Text(
                f"this report is evidence of the kind {found.kind}, not {kind}",
                f"该报告属于类别 {found.kind}，而非 {kind}",
            ),
            remedy=Text(f"steelyard evidence new {found.kind} ...", f"请使用 steelyard evidence new {found.kind} ……"),
            field="--collect",
        )
    return dict(found.result)


def run_new(options: argparse.Namespace) -> int:
    """Writes a signed statement to a new file; says where it names an obligation that is not known to be owed."""
    from steelyard.base.clock import parse_date
    from steelyard.cli.evidence_add import cautions
    from steelyard.evidence import statement
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates import people, requirements, tables
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now
    from steelyard.policy.compile import load_compiled

    kinds = Kinds.registered()
    kind = kinds.resolve(options.kind)
    if options.valid_until is not None:
        parse_date(options.valid_until, field="--valid-until")
    subjects = statement.subjects_of([Path(item) for item in options.subject])
    try:
        said = statement.evidence(
            kind,
            subjects,
            options.system,
            issued=utc_now(),
            result=_collected(options.collect, kind.id) | _result(options.predicate),
            valid_until=options.valid_until,
            confidence=options.confidence,
            obligations=options.obligation,
        )
    except InputError as error:
        error.path = error.path or options.predicate
        raise
    home = home_of(options)
    with writing(home) as link:
        signer = people.own_key(home, link, utc_now())
        owed = tables.owed_on_record(link, options.system)
        if options.by:
            signer = people.signer(home, people.find(home, link, options.by), person_passphrase(options))
    envelope = said.sealed(signer)
    write_new(Path(options.out), envelope.as_bytes().decode())
    digest = statement.envelope_digest(envelope)
    if options.json:
        say_json({"digest": digest, "out": options.out})
        return EXIT_DONE
    say(digest)
    if options.obligation:
        for _, text in cautions(said, owed, requirements.load(load_compiled(), kinds), options.out):
            warn(text.get(options.lang))
    return EXIT_DONE


def _envelope(path: str) -> "tuple[Envelope, Statement]":
    from steelyard.base.keys import MAX_ENVELOPE, parse_envelope
    from steelyard.evidence.statement import parse

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_ENVELOPE + 1)
    except OSError as error:
        raise cannot_read(error, path) from None
    envelope = parse_envelope(data, path=path)
    return envelope, parse(envelope, path=path)


def run_add(options: argparse.Namespace) -> int:
    """Takes statements in; one that cannot be used is told and leaves nothing, and the others still come."""
    from steelyard.base.clock import today
    from steelyard.cli.evidence_add import case_for, cases_of, cautions
    from steelyard.evidence import store
    from steelyard.evidence.kinds import PREDICATE_PREFIX, Kinds
    from steelyard.evidence.statement import envelope_digest
    from steelyard.gates import people, summary, tables
    from steelyard.gates.desk import Desk, writing
    from steelyard.ledger.personal import utc_now

    kinds, home, code = Kinds.registered(), home_of(options), EXIT_DONE
    files = [_attachment(item) for item in options.attach]
    desk = Desk.of(home, policy_of(options), today())
    cases, wanted = cases_of(options, home.folder.parent), desk.requirements
    with writing(home) as link:
        own = people.own_key(home, link, utc_now())
        for path in options.envelopes:
            owed: Iterable[str] | None = None
            try:
                envelope, said = _envelope(path)
                system = said.predicate.get("system")
                with link.transaction():
                    case = None
                    if said.predicate_type.startswith(PREDICATE_PREFIX) and isinstance(system, str):
                        case = case_for(options, cases, system)
                        owed = tables.owed_on_record(link, system)
                    again = store.get(link, envelope_digest(envelope)) is not None
                    if case is not None and not again:
                        tables.record_assessment(link, case, own, utc_now())
                    count = link.one("SELECT max(seq) FROM evidence_envelope")
                    stored = store.add(link, envelope, kinds, ts=utc_now(), path=path)
                    if case is not None:
                        owed = [item.rule.id for item in case.assessment.obligations]
                        if again or (count is not None and count[0] is not None and stored.seq <= count[0]):
                            binds = stored.digest if options.profile else None
                            tables.record_assessment(link, case, own, utc_now(), binds=binds)
                        summary.keep(link, case, wanted, kinds)
                    elif isinstance(system, str) and (kept := summary.profile_on_record(link, desk, system)):
                        summary.refresh(link, desk, kept)
            except SteelyardError as error:
                code = max(code, report(error, options))
                continue
            told = cautions(said, owed, wanted, path)
            if options.json:
                warnings = [{"code": name, "message": text.get(options.lang)} for name, text in told]
                say_json({"path": path, "digest": stored.digest, "warnings": warnings})
            else:
                say(stored.digest)
                for _, text in told:
                    warn(text.get(options.lang))
        for data in files:
            store.attach(link, data)
    return code


def _attachment(path: str) -> bytes:
    from steelyard.evidence.store import MAX_ATTACHMENT, too_large

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_ATTACHMENT + 1)
    except OSError as error:
        raise cannot_read(error, path) from None
    if len(data) > MAX_ATTACHMENT:
        raise too_large(path)
    return data


def run_verify(options: argparse.Namespace) -> int:
    """Whether a statement holds: signature, key, form, subjects, date. Exit 1 where it does not."""
    from steelyard.base.clock import parse_date, today
    from steelyard.base.keys import key_id, read_public
    from steelyard.evidence import statement, store, trust
    from steelyard.evidence.kinds import PREDICATE_PREFIX, Kinds
    from steelyard.gates.desk import reading
    from steelyard.ledger.personal import utc_now
    from steelyard.ledger.store import rfc3339

    on = parse_date(options.on, field="--on") if options.on is not None else today()
    envelope, said = _envelope(options.envelope)
    public = read_public(Path(options.key)) if options.key else None
    problems: list[SteelyardError] = []
    signed: tuple[str, ...] = ()
    try:
        if public is not None:
            signed = tuple(envelope.signed_by({key_id(public): public}))
            if not signed:
                problems.append(
                    InputError(
                        "bad_signature", Text("not signed by this key", "并非由此密钥签署"), path=options.envelope
                    )
                )
        else:
            with reading(home_of(options)) as link:
                kept = store.get(link, statement.envelope_digest(envelope))  # what came in is judged by that time
                at = rfc3339(kept.received) if kept is not None else utc_now()
                signed = trust.check(link, envelope, said, at, path=options.envelope)
    except EnvironmentNotReady as error:
        if error.code != "no_store":
            raise
        problems.append(trust.untrusted(options.envelope))
    except InputError as error:
        problems.append(error)
    if said.predicate_type.startswith(PREDICATE_PREFIX):
        try:
            statement.check_evidence(said, Kinds.registered(), path=options.envelope)
            until = said.predicate.get("valid_until")
            if until is not None and parse_date(until) < on:
                problems.append(
                    InputError("expired", Text(f"it held until {until}", f"有效期至 {until}"), path=options.envelope)
                )
        except InputError as error:
            problems.append(error)
    have = {item.sha256: item.name for item in said.subjects}
    for path in options.subject:
        if statement.subject_of(Path(path)).sha256 not in have:
            problems.append(
                InputError(
                    "other_subject", Text("the statement is not about this file", "声明针对的不是此文件"), path=path
                )
            )
    if options.json:
        say_json(
            {
                "ok": not problems,
                "digest": statement.envelope_digest(envelope),
                "signed_by": list(signed),
                "problems": [item.as_dict(options.lang)["error"] | {"path": item.path} for item in problems],
            }
        )
    elif problems:
        for item in problems:
            warn(item.render(options.lang))
    else:
        say(Text(f"holds: signed by {signed[0][:16]}", f"核验通过：由 {signed[0][:16]} 签署").get(options.lang))
    return EXIT_NO if problems else EXIT_DONE


def run_list(options: argparse.Namespace) -> int:
    """Every envelope in its order."""
    from steelyard.evidence import store
    from steelyard.gates.desk import reading

    home = home_of(options)
    if not home.exists():
        return EXIT_DONE
    with reading(home) as link:
        for item in store.walk(link, options.system):
            said = item.statement.predicate
            row = {
                "digest": item.digest,
                "type": item.statement.predicate_type,
                "system": said.get("system"),
                "kind": said.get("kind") or said.get("action"),
                "issued": said.get("issued") or said.get("decided") or said.get("judged") or said.get("starts"),
                "obligations": said.get("obligations") or ([said["obligation"]] if said.get("obligation") else []),
            }
            if options.json:
                say_json(row)
            else:
                name = item.statement.predicate_type.split("/")[3]
                kind, system = row["kind"] or "", row["system"] or ""
                say(f"{item.digest[7:19]}  {row['issued'] or '':24}  {name:12} {kind:24} {system}")
    return EXIT_DONE


def run_reindex(options: argparse.Namespace) -> int:
    """Drops every index table and rebuilds it from the envelopes; tells which held something else.

    The rows behind the console's lists are built again too, as of today. With `--check` nothing is changed, and the
    exit code is 1 where an index does not say what the envelopes say.
    """
    from steelyard.base.clock import today
    from steelyard.evidence import store
    from steelyard.gates import summary
    from steelyard.gates.desk import Desk, reading, writing
    from steelyard.policy.compile import load_compiled

    lang, home, count = options.lang, home_of(options), None
    if options.check:
        with reading(home) as link:
            wrong = store.differing(link)
    else:
        with writing(home) as link:
            count, wrong = store.reindex(link)
            before = summary.contents(link) if link.one("SELECT 1 FROM gates_system LIMIT 1") else {}
            summary.rebuild(link, Desk.of(home, load_compiled(), today()))
            wrong += tuple(table for table, said in summary.contents(link).items() if before.get(table, said) != said)
    if options.json:
        say_json({"differing": list(wrong)} if count is None else {"envelopes": count, "corrected": list(wrong)})
    elif count is not None:
        say(Text(f"rebuilt from {count:,} envelopes", f"已由 {count:,} 份信封重建").get(lang))
    elif not wrong:
        say(Text("every index says what the envelopes say", "全部索引与信封一致").get(lang))
    if wrong:
        names = ", ".join(wrong)
        warn(Text(f"not what the envelopes say: {names}", f"以下索引与信封不符：{names}").get(lang))
    return EXIT_NO if wrong and count is None else EXIT_DONE
