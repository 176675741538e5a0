"""`evidence`, `key`, `reindex`: statements that verify themselves, and the keys that sign them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, EnvironmentNotReady, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import report, say, say_json, warn, write_new
from steelyard.cli.stores import home_of, person_passphrase, store_options

if TYPE_CHECKING:
    from steelyard.base.keys import Envelope
    from steelyard.evidence.statement import Statement


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    evidence = commands.add_parser("evidence", help=Text("signed evidence", "签名证据").get(lang))
    actions = evidence.add_subparsers(dest="action", metavar=Text("ACTION", "操作").get(lang), required=True)

    def action(name: str, about: Text, run: Any) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(
            name, parents=[common], help=about.get(lang), description=about.get(lang)
        )
        store_options(parser, lang)
        parser.set_defaults(run=run)
        return parser

    kinds = action("kinds", Text("list the kinds of evidence", "列出证据类别"), run_kinds)
    kinds.add_argument(
        "kind", nargs="?", metavar="KIND", help=Text("one kind with its schema", "某一类别及其模式").get(lang)
    )
    new = action("new", Text("write and sign a statement", "生成并签署声明"), run_new)
    new.add_argument("kind", metavar="KIND")
    new.add_argument("--subject", metavar="FILE", nargs="+", required=True, action="extend")
    new.add_argument("--system", metavar="ID", required=True)
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
    verify = action("verify", Text("does this statement hold?", "核验声明"), run_verify)
    verify.add_argument("envelope", metavar="X")
    verify.add_argument("--subject", metavar="FILE", nargs="*", default=[])
    verify.add_argument(
        "--key", metavar="FILE.pem", help=Text("a public key to check with", "用于核验的公钥").get(lang)
    )
    verify.add_argument("--on", metavar="DATE", help=Text("as of this date", "核验日期").get(lang))
    listing = action("list", Text("what the store holds", "列出存储内容"), run_list)
    listing.add_argument("--system", metavar="ID")

    key = commands.add_parser("key", help=Text("signing keys", "签名密钥").get(lang))
    kept = key.add_subparsers(dest="action", metavar=Text("ACTION", "操作").get(lang), required=True)
    for name, about, run in (
        ("new", Text("make a key for a person", "为个人生成密钥"), run_key_new),
        ("list", Text("the keys trusted here", "受信任的密钥"), run_key_list),
        ("trust", Text("trust somebody else's key for evidence", "信任外部密钥出具的证据"), run_key_trust),
        ("revoke", Text("trust a key no longer", "撤销密钥"), run_key_revoke),
    ):
        parser = kept.add_parser(name, parents=[common], help=about.get(lang), description=about.get(lang))
        if name == "new":
            parser.add_argument("--person", metavar="NAME", required=True)
        elif name == "trust":
            parser.add_argument("file", metavar="FILE.pem")
            parser.add_argument("--name", metavar="NAME", required=True)
            parser.add_argument("--until", metavar="DATE")
        elif name == "revoke":
            parser.add_argument("key", metavar="NAME_OR_KEYID")
        if name in ("trust", "revoke"):
            parser.add_argument("--by", metavar="NAME", required=True)
        store_options(parser, lang)
        parser.set_defaults(run=run)

    reindex = commands.add_parser(
        "reindex", parents=[common], help=Text("rebuild every index from the envelopes", "由信封重建全部索引").get(lang)
    )
    store_options(reindex, lang)
    reindex.set_defaults(run=run_reindex)


def run_kinds(options: argparse.Namespace) -> int:
    """The kinds of evidence, or one with the schema of its result."""
    from steelyard.evidence.kinds import Kinds

    kinds, lang = Kinds.registered(), options.lang
    if options.kind:
        kind = kinds.resolve(options.kind)
        if options.json:
            say_json({"id": kind.id, "predicate_type": kind.predicate_type, "schema": kind.schema()})
            return EXIT_DONE
        say(f"{kind.id}  {kind.title.get(lang)}\n\n{kind.description.get(lang)}\n")
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
    except (OSError, ValueError) as error:
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


def run_new(options: argparse.Namespace) -> int:
    """Writes a signed statement to a new file."""
    from steelyard.base.clock import parse_date
    from steelyard.evidence import statement
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates import people
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    kind = Kinds.registered().resolve(options.kind)
    if options.valid_until is not None:
        parse_date(options.valid_until, field="--valid-until")
    subjects = statement.subjects_of([Path(item) for item in options.subject])
    try:
        said = statement.evidence(
            kind,
            subjects,
            options.system,
            issued=utc_now(),
            result=_result(options.predicate),
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
        if options.by:
            signer = people.signer(home, people.find(home, link, options.by), person_passphrase(options))
    envelope = said.sealed(signer)
    write_new(Path(options.out), envelope.as_bytes().decode())
    digest = statement.envelope_digest(envelope)
    if options.json:
        say_json({"digest": digest, "out": options.out})
    else:
        say(digest)
    return EXIT_DONE


def _envelope(path: str) -> "tuple[Envelope, Statement]":
    from steelyard.base.keys import MAX_ENVELOPE, parse_envelope
    from steelyard.evidence.statement import parse

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_ENVELOPE + 1)
    except OSError as error:
        raise InputError(
            "cannot_read",
            Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"),
            remedy=Text("check the name", "请检查文件名"),
            path=path,
        ) from None
    envelope = parse_envelope(data, path=path)
    return envelope, parse(envelope, path=path)


def run_add(options: argparse.Namespace) -> int:
    """Takes statements in; one that cannot be used is told, and the others still come."""
    from steelyard.evidence import store
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates import people
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    kinds, home, code = Kinds.registered(), home_of(options), EXIT_DONE
    files = {item: Path(item).read_bytes() for item in options.attach}
    with writing(home) as link:
        own = people.own_key(home, link, utc_now())
        for path in options.envelopes:
            try:
                envelope, said = _envelope(path)
                system = said.predicate.get("system")
                if isinstance(system, str):
                    _remember_profile(options, link, home, own, system)
                stored = store.add(link, envelope, kinds, ts=utc_now(), path=path)
            except SteelyardError as error:
                code = max(code, report(error, options))
                continue
            if options.json:
                say_json({"path": path, "digest": stored.digest})
            else:
                say(stored.digest)
                if "result" in said.predicate and not said.predicate.get("obligations"):
                    warn(
                        Text(
                            f"{path} names no obligation: it counts for each that takes this kind",
                            f"{path} 未指明义务：对接受该类别的每项义务都有效",
                        ).get(options.lang)
                    )
        for data in files.values():
            store.attach(link, data)
    return code


def _remember_profile(options: argparse.Namespace, link: Any, home: Any, own: Any, system: str) -> None:
    """Puts the system's assessment on record, so that evidence is bound to what it rests on."""
    from steelyard.base.clock import today
    from steelyard.gates import tables
    from steelyard.gates.desk import Desk
    from steelyard.ledger.personal import utc_now
    from steelyard.policy.compile import load_compiled

    folder = home.folder.parent
    chosen = [options.profile] if options.profile else sorted(folder.glob("*.yaml"))[:50]
    if not chosen:
        return
    desk = Desk.of(home, load_compiled(None), today())
    for path in chosen:
        try:
            case = desk.case(path)
        except SteelyardError:
            if options.profile:
                raise
            continue
        if case.system == system:
            tables.record_assessment(link, case, own, utc_now())
            return
        if options.profile:
            raise InputError(
                "other_system",
                Text(
                    f"this is the profile of {case.system}, the evidence is about {system}",
                    f"此档案属于 {case.system}，而证据关于 {system}",
                ),
                path=options.profile,
            )


def run_verify(options: argparse.Namespace) -> int:
    """Whether a statement holds: signature, key, form, subjects, date. Exit 1 where it does not."""
    from steelyard.base.clock import parse_date, today
    from steelyard.base.keys import key_id, read_public
    from steelyard.evidence import statement, trust
    from steelyard.evidence.kinds import PREDICATE_PREFIX, Kinds
    from steelyard.gates.desk import reading
    from steelyard.ledger.personal import utc_now

    envelope, said = _envelope(options.envelope)
    problems: list[SteelyardError] = []
    signed: tuple[str, ...] = ()
    try:
        if options.key:
            public = read_public(Path(options.key))
            signed = tuple(envelope.signed_by({key_id(public): public}))
            if not signed:
                problems.append(
                    InputError(
                        "bad_signature", Text("not signed by this key", "并非由此密钥签署"), path=options.envelope
                    )
                )
        else:
            with reading(home_of(options)) as link:
                signed = trust.check(link, envelope, said, utc_now(), path=options.envelope)
    except EnvironmentNotReady as error:
        if error.code != "no_store":
            raise
        problems.append(trust.untrusted(options.envelope))
    except InputError as error:
        problems.append(error)
    if said.predicate_type.startswith(PREDICATE_PREFIX):
        try:
            statement.check_evidence(said, Kinds.registered(), path=options.envelope)
            until, on = said.predicate.get("valid_until"), parse_date(options.on) if options.on else today()
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
                    "other_subject", Text("the statement is not about this file", "声明并非关于此文件"), path=path
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


def run_key_new(options: argparse.Namespace) -> int:
    """Makes a key for a person; the first of an empty store becomes administrator."""
    from steelyard.gates import people
    from steelyard.gates.desk import writing

    home, secret = home_of(options), person_passphrase(options)
    with writing(home) as link:
        person, first = people.new_person(home, link, options.person, secret)
    if options.json:
        say_json({"person": person.id, "keyid": person.keyid, "administrator": first})
        return EXIT_DONE
    say(person.id)
    if first:
        warn(
            Text(
                f"{person.name} is the first person here and therefore administrator",
                f"{person.name} 是此处第一人，因此成为管理员",
            ).get(options.lang)
        )
    return EXIT_DONE


def run_key_list(options: argparse.Namespace) -> int:
    """The keys trusted here; names as far as they were not erased."""
    from steelyard.evidence import trust
    from steelyard.gates import people
    from steelyard.gates.desk import reading
    from steelyard.ledger.personal import utc_now

    home = home_of(options)
    with reading(home) as link:
        names = {item.id: item.name for item in people.everybody(home, link)}
        now = utc_now()
        for key in trust.every(link):
            roles = people.roles_of(link, key.holder, now) if key.purpose == "person" else []
            row = {
                "keyid": key.keyid,
                "purpose": key.purpose,
                "holder": key.holder,
                "name": names.get(key.holder),
                "roles": roles,
                "starts": key.starts,
                "ends": key.ends,
                "revoked": key.revoked,
            }
            if options.json:
                say_json(row)
            else:
                gone = Text("revoked", "已撤销").get(options.lang) if key.revoked else ", ".join(roles)
                say(f"{key.keyid[:16]}  {key.purpose:10} {names.get(key.holder) or key.holder:24} {gone}")
    return EXIT_DONE


def _administrator(options: argparse.Namespace, link: Any, home: Any) -> Any:
    from steelyard.gates import people
    from steelyard.ledger.personal import utc_now

    by = people.find(home, link, options.by)
    if not people.holds(link, by.id, people.ADMINISTRATOR, utc_now()):
        raise people.Refused(
            "not_administrator",
            Text(f"{by.name or by.id} is not an administrator here", f"{by.name or by.id} 不是此处的管理员"),
            remedy=Text("let an administrator do it", "请由管理员操作"),
            field="--by",
        )
    return people.signer(home, by, person_passphrase(options))


def run_key_trust(options: argparse.Namespace) -> int:
    """Trusts an outside key for evidence, signed by an administrator."""
    from steelyard.base.clock import parse_date
    from steelyard.base.keys import key_id, read_public
    from steelyard.evidence import store, trust
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    public = read_public(Path(options.file))
    until = parse_date(options.until, field="--until").isoformat() if options.until else None
    home = home_of(options)
    with writing(home) as link:
        now = utc_now()
        key = trust.Key(key_id(public), public, "outside", options.name, now, until)
        stored = store.vouch(link, key, _administrator(options, link, home), ts=now)
    if options.json:
        say_json({"keyid": key.keyid, "digest": stored.digest})
    else:
        say(key.keyid)
    return EXIT_DONE


def run_key_revoke(options: argparse.Namespace) -> int:
    """Trusts a key no longer from now on, signed by an administrator; what came in before stays good."""
    import dataclasses

    from steelyard.evidence import store, trust
    from steelyard.gates import people
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    home = home_of(options)
    with writing(home) as link:
        names = {item.keyid: item.name for item in people.everybody(home, link)}
        found = [
            key
            for key in trust.every(link)
            if key.keyid.startswith(options.key) or options.key in (key.holder, names.get(key.keyid))
        ]
        if len(found) != 1:
            raise InputError(
                "unknown_key",
                Text(f"{len(found)} keys match {options.key}", f"有 {len(found)} 个密钥与 {options.key} 相符"),
                remedy=Text("`steelyard key list` shows them", "可用 `steelyard key list` 查看"),
            )
        now = utc_now()
        stored = store.vouch(
            link, dataclasses.replace(found[0], revoked=now), _administrator(options, link, home), ts=now
        )
    if options.json:
        say_json({"keyid": found[0].keyid, "digest": stored.digest})
    else:
        say(found[0].keyid)
    return EXIT_DONE


def run_reindex(options: argparse.Namespace) -> int:
    """Drops every index table and rebuilds it from the envelopes."""
    from steelyard.evidence import store
    from steelyard.gates.desk import writing

    with writing(home_of(options)) as link:
        count = store.reindex(link)
    if options.json:
        say_json({"envelopes": count})
    else:
        say(Text(f"rebuilt from {count:,} envelopes", f"已由 {count:,} 份信封重建").get(options.lang))
    return EXIT_DONE
