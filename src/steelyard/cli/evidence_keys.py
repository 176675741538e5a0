"""`key`: the keys that sign here, of people and of outsiders."""

import argparse
from pathlib import Path
from typing import Any

from steelyard.base.errors import EXIT_DONE, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import say, say_json, warn
from steelyard.cli.stores import cannot_read, home_of, person_passphrase, store_options


def register_keys(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of `key`."""
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


def run_key_new(options: argparse.Namespace) -> int:
    """Makes a key for a person; the first of an empty store becomes administrator."""
    from steelyard.gates import people
    from steelyard.gates.desk import writing

    home, secret = home_of(options), person_passphrase(options, new=True)
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
                f"{person.name} 是此存储中的第一个人，因此成为管理员",
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
                say(_line(key, names, roles, options.lang))
    return EXIT_DONE


def _line(key: Any, names: dict[str, str | None], roles: list[str], lang: Lang) -> str:
    """A key for a person to read: its id, purpose, holder (the pseudonym that other commands take), name and roles."""
    from steelyard.gates.people import ROLES

    name = names.get(key.holder) or (Text("name erased", "姓名已删除").get(lang) if key.purpose == "person" else "")
    words = []
    for said in roles:
        role, at, unit = said.partition("@")
        words.append(f"{ROLES[role].get(lang)}{at}{unit}" if role in ROLES else said)
    more = Text("revoked", "已撤销").get(lang) if key.revoked else ("、" if lang == "zh" else ", ").join(words)
    return f"{key.keyid[:16]}  {key.purpose:10} {key.holder:18} {name:20} {more}".rstrip()


def _administrator(options: argparse.Namespace, link: Any, home: Any) -> Any:
    from steelyard.gates import people
    from steelyard.ledger.personal import utc_now

    by = people.find(home, link, options.by)
    if not people.holds(link, by.id, people.ADMINISTRATOR, utc_now()):
        raise people.Refused(
            "not_administrator",
            Text(f"{by.name or by.id} is not an administrator here", f"{by.name or by.id} 不是此存储的管理员"),
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

    try:
        Path(options.file).open("rb").close()
    except OSError as error:
        raise cannot_read(error, options.file) from None
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
    from steelyard.gates import leaving, people
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
            several = Text(f"{len(found)} keys match {options.key}", f"有 {len(found)} 个密钥与 {options.key} 相符")
            raise InputError(
                "unknown_key",
                several if found else Text(f"no key matches {options.key}", f"没有与 {options.key} 相符的密钥"),
                remedy=Text("`steelyard key list` shows them", "可用 `steelyard key list` 查看"),
            )
        now = utc_now()
        if found[0].purpose == "person":
            leaving.keep_one(link, found[0].holder, now)
        stored = store.vouch(
            link, dataclasses.replace(found[0], revoked=now), _administrator(options, link, home), ts=now
        )
    if options.json:
        say_json({"keyid": found[0].keyid, "digest": stored.digest})
    else:
        say(found[0].keyid)
    return EXIT_DONE
