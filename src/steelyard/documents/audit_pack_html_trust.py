"""The sections of an audit pack's page that say why it can be believed: history, people, keys, logs, witnesses.

Enforced: every value that the pack's people committed to is listed with what is left of it, in words; a revoked key, a
restored log and an absent witness are said, not left to be noticed.
"""

from steelyard.base.i18n import Text
from steelyard.documents import audit_pack_html_words as t
from steelyard.documents import portfolio_html_words as w
from steelyard.documents.audit_pack_html_parts import Parts, heads, moment, row, state
from steelyard.gates.people import ROLES
from steelyard.ledger.store import rfc3339


def history(parts: Parts) -> str:
    """What each assessment on record changed: was and is."""
    rows = []
    for number, item in enumerate(parts.moments):
        said = item.packed.stored.statement.predicate
        tier = w.badge(str(said["tier"]["lowest"]), str(said["tier"]["highest"]))
        if item.profile is None:
            told = w.say("the text of the profile was not kept", "档案原文未保存")
        elif number == 0:
            count = len(item.profile.get("facts") or {})
            told = w.say(f"first profile on record, {count} answers", f"首份入账档案，{count} 项回答")
        else:
            told = "".join(
                f'<span class="item">{parts.fact_name(name)} <span class="was">{parts.fact(name, was)}</span> → '
                f"{parts.fact(name, now)}</span>"
                for name, was, now in item.changes
            ) or w.say("no answer changed; the policy or its reading did", "回答未变；策略或判读有变化")
        rows.append(row(moment(str(said["judged"])), f'<div class="by">{told}</div>', tier, parts.link(item.packed)))
    names = heads(
        Text("Assessed", "评估时间"), Text("Was → is", "原值 → 现值"), Text("Tier", "等级"), Text("Statement", "声明")
    )
    return parts.table(
        rows, names, Text(f"{len(rows)} assessments, the oldest first", f"{len(rows)} 次评估，按时间先后")
    )


def people(parts: Parts) -> str:
    """Everybody who signed, decided or appointed here: roles, and what is left of their personal data."""
    rows = []
    for item in parts.pack.fields:
        word, good = t.FIELD_STATES[item.state], item.state in ("opened", "erased")
        value = w.own(str(item.opening.value)) if item.opening is not None else "—"
        name = t.FIELD_NAMES.get(item.name, Text(item.name, item.name))
        rows.append(
            row(
                w.code(item.person),
                w.both(name),
                value,
                state(word, good),
                _roles(parts, item.person),
                w.code(item.commitment[:16] + "…"),
            )
        )
    names = heads(
        Text("Pseudonym", "化名"),
        Text("Field", "字段"),
        Text("Value", "值"),
        Text("State", "状态"),
        Text("Roles, from and until", "角色与任期"),
        Text("Commitment", "承诺值"),
    )
    note = w.say(
        "The log holds no names, only commitments to them. What was erased cannot be guessed from its commitment.",
        "账本不含姓名，只含其承诺值。已删除的内容无法由承诺值推测。",
    )
    return f'<p class="note">{note}</p>' + parts.table(rows, names, Text(f"{len(rows)} values", f"{len(rows)} 个值"))


def _roles(parts: Parts, person: str) -> str:
    out = []
    for item in parts.pack.of("appointment"):
        said = item.stored.statement.predicate
        if said["person"] == person:
            role = ROLES.get(str(said["role"]), Text(str(said["role"]), str(said["role"])))
            until = f" – {w.esc(str(said['until']))}" if said.get("until") else ""
            unit = f" · {w.own(str(said['unit']))}" if said.get("unit") else ""
            term = f'<span class="sub">{moment(str(said["starts"]))}{until}</span>'
            out.append(f'<span class="item">{w.both(role)}{unit} {term}</span>')
    return "".join(out) or "—"


def keys(parts: Parts) -> str:
    """Every key that was ever trusted here."""
    rows = []
    for key in parts.pack.keys:
        holder = parts.person(key.holder) if key.purpose == "person" else w.own(key.holder)
        if key.purpose == "statement":
            holder = w.both(t.HOUSE)
        ended = Text("revoked", "已撤销") if key.revoked else Text("ends", "到期") if key.ends else Text("good", "有效")
        when = moment(key.revoked or key.ends or "") if key.revoked or key.ends else ""
        rows.append(
            row(
                f'<a href="keys/{key.keyid}.pem" title="{key.keyid}"><code>{key.keyid[:16]}…</code></a>',
                w.both(t.PURPOSES.get(key.purpose, Text(key.purpose, key.purpose))),
                holder,
                moment(key.starts),
                f"{state(ended, not key.revoked)} {when}",
            )
        )
    names = heads(
        Text("Key", "密钥"), Text("For", "用途"), Text("Holder", "持有者"), Text("From", "起始"), Text("Until", "截止")
    )
    return parts.table(rows, names, Text(f"{len(rows)} keys", f"{len(rows)} 个密钥"))


def logs(parts: Parts) -> str:
    """The logs with how far they reach, and who witnessed them."""
    rows = []
    for number, item in enumerate(parts.pack.logs):
        told = w.say("goes on", "持续增长") if not item.log.ended else w.say("ended by a restore", "因恢复而结束")
        before = w.say("goes on from the log above", "承接上一账本") if number else "—"
        seen = "".join(
            f'<span class="item">{w.own(name)} <span class="sub">{w.say(f"{size:,} entries,", f"{size:,} 条，")} '
            f"{moment(rfc3339(time * 1000))}</span></span>"
            for name, size, time in item.witnesses
        )
        rows.append(row(w.code(item.log.origin), f"{item.size:,}", told, before, seen or w.both(t.NOTHING)))
    names = heads(
        Text("Log", "账本"),
        Text("Entries", "记录数"),
        Text("State", "状态"),
        Text("Follows", "承接"),
        Text("Witnessed by", "见证"),
    )
    warning = "" if any(item.witnesses for item in parts.pack.logs) else f'<p class="warn">{w.both(t.NO_WITNESS)}</p>'
    return warning + parts.table(rows, names, Text(f"{len(rows)} logs", f"{len(rows)} 个账本"))
