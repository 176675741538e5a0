"""Keys and signatures: Ed25519 keys in files, and DSSE envelopes around what they sign.

Rules enforced:
- a key file is PKCS#8 PEM of mode 0600, written whole or not at all, never over another file;
- a passphrase and a private key never appear in a message, a log or a `repr`;
- an envelope is accepted only when it is exactly one JSON object without repeated keys and its signature covers its
  payload and its type (DSSE pre-authentication encoding).

Sources: RFC 8032 (Ed25519), RFC 5958 (PKCS#8), DSSE v1.0.2 (secure-systems-lab/dsse).
"""

import base64
import binascii
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text

MAX_ENVELOPE = 32 * 1024 * 1024
MAX_PASSPHRASE = 1_000
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: the DER around a raw Ed25519 public key


class Signer(Protocol):
    """Whatever can sign as one key: a file, or a provider such as a token or a key service.

    `public` is the raw 32-byte Ed25519 public key; `sign` gives the 64-byte signature of `data` (RFC 8032).
    """

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A key that was read from a file; the private half never shows."""

    public: bytes
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature of `data`, 64 bytes."""
        return self._private.sign(data)


def key_id(public: bytes) -> str:
    """The name of a key: SHA-256 of its SubjectPublicKeyInfo in DER, in lower-case hexadecimal (RFC 8410)."""
    return hashlib.sha256(_SPKI_PREFIX + public).hexdigest()


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether `signature` is the Ed25519 signature of `data` under the raw public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_pem(public: bytes) -> bytes:
    """The raw public key as a PEM SubjectPublicKeyInfo, as other tools read it."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def generate(path: Path, passphrase: str | None = None) -> FileSigner:
    """Makes a key and writes it to `path` with mode 0600.

    Raises InputError `exists` where a file stands there already, EnvironmentNotReady `cannot_write` where the disk
    refuses.
    """
    private = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(_secret(passphrase))
    write_secret(path, private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return FileSigner(_raw_public(private), private)


def _secret(passphrase: str) -> bytes:
    """The bytes of a passphrase. Raises InputError for one that no key can have."""
    try:
        data = passphrase.encode()
    except UnicodeEncodeError:
        data = b""
    if not 0 < len(data) <= MAX_PASSPHRASE:
        raise InputError(
            "bad_passphrase",
            Text(f"a passphrase has 1 to {MAX_PASSPHRASE} bytes of text", f"口令应为 1 至 {MAX_PASSPHRASE} 字节的文本"),
            remedy=Text("choose another one", "请更换口令"),
        )
    return data


def write_secret(path: Path, data: bytes) -> None:
    """Writes a secret with mode 0600, whole or not at all, never over another file. Raises as `generate` does."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(temporary, path)  # unlike rename, a link never replaces
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise InputError(
            "exists",
            Text("the file already exists", "文件已存在"),
            remedy=Text("choose another name, or remove it first", "请换一个文件名，或先删除它"),
            path=str(path),
        ) from None
    except OSError as error:
        raise EnvironmentNotReady(
            "cannot_write",
            Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"),
            remedy=Text("check the folder, its owner and the free space", "请检查该文件夹、其所有者与剩余空间"),
            path=str(path),
        ) from None


def load(path: Path, passphrase: str | None = None) -> FileSigner:
    """The key in a file. Raises EnvironmentNotReady: missing, locked, damaged, or readable by others."""
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise EnvironmentNotReady(
            "no_key", Text("there is no key here", "此处没有密钥"), path=str(path), remedy=_MAKE_ONE
        ) from None
    except OSError as error:
        raise EnvironmentNotReady(
            "cannot_read", Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"), path=str(path)
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise EnvironmentNotReady(
            "key_readable_by_others",
            Text("others on this machine may read this key", "本机其他用户可读取此密钥"),
            remedy=Text(
                f"chmod 600 {path}; if others had access, make a new key",
                f"请执行 chmod 600 {path}；如他人可能已读取，请更换密钥",
            ),
            path=str(path),
        )
    try:
        private = serialization.load_pem_private_key(data, _secret(passphrase) if passphrase else None)
    except TypeError:
        raise (_not_locked(path) if passphrase else _locked(path)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise EnvironmentNotReady(
            "bad_key",
            Text("not a key, damaged, or the passphrase is wrong", "不是密钥、已损坏，或口令错误"),
            remedy=Text("check the passphrase; otherwise restore the key file", "请核对口令；否则请恢复密钥文件"),
            path=str(path),
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise EnvironmentNotReady(
            "bad_key", Text("not an Ed25519 key", "不是 Ed25519 密钥"), path=str(path), remedy=_MAKE_ONE
        )
    return FileSigner(_raw_public(private), private)


_MAKE_ONE = Text(
    "`steelyard key new --person NAME` makes a person's key", "可用 `steelyard key new --person 姓名` 生成个人密钥"
)


def _locked(path: Path) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "passphrase_needed",
        Text("this key has a passphrase, and none was given", "此密钥设有口令，但未提供"),
        remedy=Text(
            "set STEELYARD_KEY_PASSPHRASE, pass --passphrase-file, or run it on a terminal",
            "请设置 STEELYARD_KEY_PASSPHRASE、使用 --passphrase-file，或在终端中运行",
        ),
        path=str(path),
    )


def _not_locked(path: Path) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "bad_key",
        Text("a passphrase was given, but this key has none", "提供了口令，但此密钥未设口令"),
        remedy=Text("leave the passphrase out", "请不要提供口令"),
        path=str(path),
    )


def _raw_public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read_public(path: Path) -> bytes:
    """The raw public key in a PEM file. Raises InputError `bad_key`."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            "bad_key", Text("not an Ed25519 public key in PEM", "不是 PEM 格式的 Ed25519 公钥"), path=str(path)
        )
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# DSSE -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope: the type and bytes of its payload, and (key id, signature) pairs."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def as_bytes(self) -> bytes:
        """The envelope as JSON, the same bytes for the same envelope."""
        data = {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode(),
            "signatures": [{"keyid": name, "sig": base64.b64encode(sig).decode()} for name, sig in self.signatures],
        }
        return json.dumps(data, separators=(",", ":")).encode()

    def signed_by(self, keys: Mapping[str, bytes] | Iterable[bytes]) -> list[str]:
        """The ids of those `keys` (raw public keys, or by id) that really signed this payload."""
        known = keys if isinstance(keys, Mapping) else {key_id(public): public for public in keys}
        message = pae(self.payload_type, self.payload)
        found: dict[str, None] = {}
        for name, sig in self.signatures:
            for candidate in [name] if name in known else known if not name else ():
                if verify(known[candidate], sig, message):
                    found[candidate] = None
        return list(found)


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what a DSSE signature signs."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, *signers: Signer) -> Envelope:
    """The payload signed by each signer."""
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple((key_id(item.public), item.sign(message)) for item in signers))


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key is repeated")
    return out


def strict_json(data: bytes) -> Any:
    """JSON in UTF-8 without repeated keys, NaN or Infinity. Raises ValueError (also RecursionError as ValueError)."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    def number(text: str) -> float:
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"{text} is beyond all bounds")
        return value

    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=refuse, parse_float=number
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


_UNKEPT = re.compile("[\0\ud800-\udfff]")


def unkept(data: Any) -> bool:
    """Whether a text somewhere in parsed JSON holds NUL or half of a surrogate pair, which no database keeps."""
    left = [data]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += [*item, *item.values()]
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str) and _UNKEPT.search(item):
            return True
    return False


def parse_envelope(data: bytes, *, path: str | None = None) -> Envelope:
    """A DSSE envelope from its JSON. Raises InputError `bad_envelope` with what is wrong."""

    def bad(en: str, zh: str) -> InputError:
        return InputError(
            "bad_envelope",
            Text(f"not a usable DSSE envelope: {en}", f"不是可用的 DSSE 信封：{zh}"),
            remedy=Text("get the file again from whoever signed it", "请向签署方重新获取该文件"),
            path=path,
        )

    if len(data) > MAX_ENVELOPE:
        raise bad(f"larger than {MAX_ENVELOPE:,} bytes", f"超过 {MAX_ENVELOPE:,} 字节")
    try:
        raw = strict_json(data)
    except ValueError as error:
        raise bad(f"not JSON ({error})", "不是有效 JSON") from None
    if not isinstance(raw, dict) or set(raw) != {"payloadType", "payload", "signatures"}:
        raise bad(
            "it needs payloadType, payload and signatures, and nothing else",
            "应仅含 payloadType、payload 与 signatures",
        )
    if not isinstance(raw["payloadType"], str) or not isinstance(raw["signatures"], list) or not raw["signatures"]:
        raise bad(
            "payloadType is a text and signatures a list with at least one",
            "payloadType 应为文本，signatures 应为非空列表",
        )
    try:
        payload = _unbase64(raw["payload"])
        signatures = tuple((_text(item.get("keyid", "")), _unbase64(item["sig"])) for item in raw["signatures"])
        raw["payloadType"].encode()
    except (ValueError, TypeError, KeyError, AttributeError):
        raise bad("payload and signatures are base64", "payload 与签名应为 base64") from None
    return Envelope(raw["payloadType"], payload, signatures)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value


def _unbase64(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError(text)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
