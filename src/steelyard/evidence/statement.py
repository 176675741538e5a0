"""Statements: in-toto Statement v1 in DSSE envelopes, built and read strictly.

Rules enforced:
- a statement has exactly `_type`, `subject`, `predicateType` and `predicate`; every subject has a name of its own and a
  SHA-256 digest; nothing is repeated;
- the payload that is signed is canonical JSON, so that the same statement has one digest;
- an evidence predicate names its system, its kind, when it was issued, until when it holds, how sure it is, a result
  that its kind can read;
- texts hold nothing that a database cannot keep (NUL, half of a surrogate pair).

Sources: in-toto attestation framework, Statement v1; DSSE v1.0.2.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.base.canon import canonical_json
from steelyard.base.clock import is_date
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Envelope, Signer, seal, strict_json, unkept
from steelyard.evidence.kinds import Kind, Kinds

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://steelyard.dev/{}/v1"
CONFIDENCES = ("low", "medium", "high")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_DAY, _NONE = dt.timedelta(days=1), dt.timedelta()
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EVIDENCE_KEYS = {"system", "kind", "issued", "valid_until", "confidence", "obligations", "result", "method"}
_NEEDED = {"system", "kind", "issued", "confidence", "result"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: a name and the SHA-256 of its bytes in hexadecimal."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto statement."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    def payload(self) -> bytes:
        """The bytes that are signed. Raises InputError `bad_statement` for what canonical JSON cannot carry."""
        data = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": item.name, "digest": {"sha256": item.sha256}} for item in self.subjects],
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        }
        try:
            return canonical_json(data)
        except (TypeError, ValueError, RecursionError) as error:
            raise bad_statement(
                f"it cannot be written as canonical JSON: {error}; write fractions as texts",
                f"无法写成规范 JSON：{error}；小数请写成文本",
            ) from None

    def sealed(self, *signers: Signer) -> Envelope:
        """The statement in an envelope, signed."""
        return seal(PAYLOAD_TYPE, self.payload(), *signers)


def bad_statement(en: str, zh: str, *, path: str | None = None, field: str | None = None) -> InputError:
    """The error for a statement that cannot be used."""
    return InputError(
        "bad_statement",
        Text(f"not a usable statement: {en}", f"不是可用的声明：{zh}"),
        remedy=Text("`steelyard evidence new` writes one", "可用 `steelyard evidence new` 生成"),
        path=path,
        field=field,
    )


def subject_of(path: Path, name: str | None = None) -> Subject:
    """A file as a subject. Raises InputError `cannot_read`."""
    total = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                total.update(chunk)
    except OSError as error:
        raise InputError(
            "cannot_read",
            Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"),
            remedy=Text("check the name", "请检查文件名"),
            path=str(path),
        ) from None
    return Subject(name or path.name, total.hexdigest())


def subjects_of(paths: Iterable[Path]) -> tuple[Subject, ...]:
    """Files as subjects, each under its own name: two of one name get their parent's in front."""
    chosen = list(paths)
    names = [path.name for path in chosen]
    out = []
    for path in chosen:
        name = path.name if names.count(path.name) == 1 else str(path)
        out.append(subject_of(path, name))
    return tuple(dict.fromkeys(out))


def parse(envelope: Envelope, *, path: str | None = None) -> Statement:
    """The statement in an envelope, whose signature is not looked at here. Raises InputError `bad_statement`."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise bad_statement(f"its type is {envelope.payload_type!r}", f"类型为 {envelope.payload_type!r}", path=path)
    try:
        data = strict_json(envelope.payload)
    except ValueError as error:
        raise bad_statement(f"not JSON ({error})", "不是有效 JSON", path=path) from None
    if not isinstance(data, dict) or data.get("_type") != STATEMENT_TYPE:
        raise bad_statement("it is not an in-toto Statement v1", "不是 in-toto Statement v1", path=path)
    extra = set(data) - {"_type", "subject", "predicateType", "predicate"}
    if extra:
        raise bad_statement(f"unknown part {min(extra)!r}", f"未知部分 {min(extra)!r}", path=path)
    if not isinstance(data.get("predicateType"), str) or not isinstance(data.get("predicate"), dict):
        raise bad_statement("predicateType or predicate is missing", "缺少 predicateType 或 predicate", path=path)
    if b"\\u" in envelope.payload and unkept(data):
        raise bad_statement("a text holds a character that cannot be kept", "文本含无法保存的字符", path=path)
    return Statement(_subjects(data.get("subject"), path), data["predicateType"], data["predicate"])


def _subjects(raw: Any, path: str | None) -> tuple[Subject, ...]:
    if not isinstance(raw, list) or not raw:
        raise bad_statement("it has no subject", "没有写明对象", path=path, field="subject")
    out: list[Subject] = []
    for item in raw:
        name = item.get("name") if isinstance(item, dict) else None
        digest = (
            item.get("digest", {}).get("sha256")
            if isinstance(item, dict) and isinstance(item.get("digest"), dict)
            else None
        )
        if not isinstance(name, str) or not name or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise bad_statement("a subject is a name and a sha256", "对象应含名称与 sha256", path=path, field="subject")
        out.append(Subject(name, digest))
    if len({item.name for item in out}) != len(out):
        raise bad_statement("two subjects have one name", "两个对象同名", path=path, field="subject")
    return tuple(out)


def envelope_digest(envelope: Envelope) -> str:
    """The name of an envelope: `sha256:` of its JSON as we write it."""
    return "sha256:" + hashlib.sha256(envelope.as_bytes()).hexdigest()


def local_date(ts: str) -> dt.date:
    """The day in Shanghai of an RFC 3339 time. Raises ValueError where there is no such time."""
    try:
        if ts[-1:] == "Z":  # most are; three times as fast
            return dt.date.fromisoformat(ts[:10]) + (_DAY if ts[11:13] >= "16" else _NONE)
        moment = dt.datetime.fromisoformat(ts)
        return (moment.astimezone(dt.UTC) + dt.timedelta(hours=8)).date()
    except OverflowError:
        raise ValueError(f"{ts} is out of range") from None


def system_subject(system: str, digest: str) -> Subject:
    """A system (its profile's digest) as a subject."""
    return Subject(f"system:{system}", digest.removeprefix("sha256:"))


# Evidence -------------------------------------------------------------------------------------------------------------


def evidence(
    kind: Kind,
    subjects: Sequence[Subject],
    system: str,
    *,
    issued: str,
    result: Mapping[str, Any] | None = None,
    valid_until: str | None = None,
    confidence: str = "medium",
    obligations: Sequence[str] = (),
    method: str = "manual",
) -> Statement:
    """A statement of one kind of evidence. Raises InputError where the result is not one of that kind."""
    kind.parse(result or {})
    predicate: dict[str, Any] = {
        "system": system,
        "kind": kind.id,
        "issued": issued,
        "valid_until": valid_until,
        "confidence": confidence,
        "method": method,
        "result": dict(result or {}),
    }
    if obligations:
        predicate["obligations"] = list(obligations)
    statement = Statement(tuple(subjects), kind.predicate_type, predicate)
    check_evidence(statement, Kinds([kind]))
    return statement


def check_evidence(statement: Statement, kinds: Kinds, *, path: str | None = None) -> Kind:
    """The kind of an evidence statement that holds together. Raises InputError with the field."""
    kind = kinds.of_predicate(statement.predicate_type)
    if kind is None:
        raise InputError(
            "unknown_kind",
            Text(
                f"no kind of evidence has the type {statement.predicate_type}",
                f"没有证据类别使用类型 {statement.predicate_type}",
            ),
            remedy=Text("`steelyard evidence kinds` lists them", "可用 `steelyard evidence kinds` 查看"),
            path=path,
        )
    said = statement.predicate
    for name in sorted(set(said) - _EVIDENCE_KEYS):
        raise bad_statement(f"unknown field {name!r}", f"未知字段 {name!r}", path=path, field=name)
    for name in sorted(_NEEDED - set(said)):
        raise bad_statement(f"{name} is missing", f"缺少 {name}", path=path, field=name)
    if said["kind"] != kind.id:
        raise bad_statement(
            f"its kind is {said['kind']!r}, its type that of {kind.id}", "类别与类型不符", path=path, field="kind"
        )
    if not isinstance(said["system"], str) or not said["system"]:
        raise bad_statement("system is the id of a system", "system 应为系统编号", path=path, field="system")
    if not _is_time(said["issued"]):
        raise bad_statement(
            "issued is a time with zone (RFC 3339)", "issued 应为带时区的时间", path=path, field="issued"
        )
    until = said.get("valid_until")
    if until is not None and not (isinstance(until, str) and is_date(until)):
        raise bad_statement(
            "valid_until is a date YYYY-MM-DD", "valid_until 应为 YYYY-MM-DD", path=path, field="valid_until"
        )
    if said["confidence"] not in CONFIDENCES:
        raise bad_statement(
            "confidence is low, medium or high", "confidence 应为 low、medium 或 high", path=path, field="confidence"
        )
    if not isinstance(said.get("method", ""), str):
        raise bad_statement("method is a text", "method 应为文本", path=path, field="method")
    named = said.get("obligations", [])
    if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
        raise bad_statement("obligations is a list of ids", "obligations 应为编号列表", path=path, field="obligations")
    kind.parse(said["result"], path)
    return kind


def _is_time(value: Any) -> bool:
    """Whether a value is an RFC 3339 time that exists."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        return False
    try:
        dt.datetime.fromisoformat(value)
        local_date(value)
    except ValueError:
        return False
    return True
