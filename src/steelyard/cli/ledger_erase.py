"""`ledger erase`: destroys what the store holds about a person, and says what stays.

Rules enforced: a name is enough, as long as it is not erased; a second time changes nothing and says so; roles and keys
do not end with a name, so that they are told with the commands that end them.
"""

import argparse
import datetime as dt
from typing import TYPE_CHECKING

from steelyard.base.errors import EXIT_DONE
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import say, say_json, warn
from steelyard.cli.stores import home_of

if TYPE_CHECKING:
    from steelyard.base.sql import Connection
    from steelyard.ledger.home import Home


def run_erase(options: argparse.Namespace) -> int:
    """Destroys the personal data of somebody, and records that it did."""
    from steelyard.gates import leaving, people
    from steelyard.ledger import personal

    home, lang = home_of(options), options.lang
    with home.writing() as link:
        now = personal.utc_now()
        subject = leaving.subject_of(home, link, options.subject)
        before = leaving.erased_on(link, subject)
        fields: list[str] = []
        profiles: list[str] = []
        if before is None:
            with link.transaction():
                erased, profiles = people.erase(home, link, subject, basis=options.basis, ts=now)
            fields = sorted(erased.fields.values())
            personal.journal_line(home.journal, erased, now)
            home.sequence(link)
            personal.scrub(link)
        roles = people.roles_of(link, subject, now) if "gates_appointment" in link.tables() else []
        keyid = _key(link, subject)
    if home.mirror is not None:
        for name in profiles:
            (home.mirror / "attachments" / name).unlink(missing_ok=True)
    if options.json:
        said = {"subject": subject, "fields": fields, "profiles": len(profiles)}
        say_json({**said, "already": before, "roles": roles, "keyid": keyid})
        return EXIT_DONE
    count = f"{len(fields)} value" + ("" if len(fields) == 1 else "s")
    done = (
        Text(f"{subject}: erased already, on {before}", f"{subject}：已于 {before} 删除，此次无需处理")
        if before is not None
        else Text(
            f"{subject}: {count} destroyed; the log still verifies",
            f"{subject}：已销毁 {len(fields)} 项；账本仍可核验",
        )
    )
    say(done.get(lang))
    _tell_what_stays(home, subject, roles, keyid, lang)
    return EXIT_DONE


def _key(link: "Connection", subject: str) -> str | None:
    """The key of a person that still counts here."""
    from steelyard.evidence import trust

    if "evidence_key" not in link.tables():
        return None
    kept = (key for key in trust.every(link) if key.purpose == "person" and key.holder == subject and not key.revoked)
    return next((key.keyid for key in kept), None)


def _tell_what_stays(home: "Home", subject: str, roles: list[str], keyid: str | None, lang: Lang) -> None:
    """Roles and the key, which an erasing does not end, with what ends them."""
    from steelyard.base.clock import today
    from steelyard.gates import people

    day = today() - dt.timedelta(days=1)
    for held in roles:
        role, _, unit = held.partition("@")
        name = people.ROLES[role] if role in people.ROLES else Text(role, role)
        command = f"steelyard appoint {subject} --role {role}" + (f" --unit {unit!r}" if unit else "")
        text = Text(
            f"still {name.en}; this ends it: {command} --until {day} --by ADMINISTRATOR",
            f"仍担任{name.zh}；终止方法：{command} --until {day} --by 管理员",
        )
        warn(text.get(lang))
    if keyid is not None:
        path = people.key_path(home, subject)
        file = Text(f"; then remove {path}", f"；然后删除 {path}") if path.is_file() else Text("", "")
        text = Text(
            f"the key still counts; this ends it: steelyard key revoke {keyid[:16]} --by ADMINISTRATOR{file.en}",
            f"密钥仍然有效；撤销方法：steelyard key revoke {keyid[:16]} --by 管理员{file.zh}",
        )
        warn(text.get(lang))
