#!/usr/bin/env python3
"""Checks an audit pack on its own: Python 3.8 or later, no network, no other package. 独立核验审计包。
    python3 verify_pack.py pack.zip|FOLDER [--key VKEY]... [--witness VKEY]... [--held CHECKPOINT_FILE]...
Exit 0: all holds. 1: something does not. 2: not readable as a pack. It writes nothing and runs nothing of the pack.
Sources: RFC 8032, RFC 9162; C2SP signed-note and tlog-checkpoint, -tiles, -proof, -cosignature; DSSE; in-toto v1.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ALARMS = """bad_checkpoint=not signed by the expected log key=并非由应有的账本密钥签署
bad_seal=pack.json is not sealed by the house's key=清单未经本机构封签; no_leaf=never came into the log=从未入账
opening_missing=gone without a record of erasing=缺失且无删除记录; opening_mismatch=not the logged value=与入账值不同
bad_cosignature=not signed by your witness=没有所给见证方的签名; fork=another history than a held checkpoint=历史分叉
untrusted=no key signed that was good then=当时无有效密钥签署; rollback=older than a held checkpoint=早于所持检查点
bad_tile=does not follow from the entries=哈希块与记录不符; root_mismatch=the entries do not add up=与检查点的根不符
bad_proof=does not lead to the checkpoint=证明推不到检查点; omitted=in the log, but left out here=账本载有而包中缺失
key_mismatch=not what was signed about keys=与密钥声明不符; not_allowed=the signer might not do this=签署者无权
row_mismatch=not as its entry says=与账本记录不符; changed=not as pack.json lists it=文件与清单不符
bad_signature=not of this content=签名与内容不符; edited=not the entry that was logged=记录被改动
bad_file=cannot be understood=无法解读; truncated=entries are missing=缺少记录; log_missing=a log is gone=缺少账本"""
NAME = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
b64, SPKI = base64.b64decode, bytes.fromhex("302a300506032b6570032100")  # RFC 8410: what precedes a raw key
# Ed25519 (RFC 8032): a point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
X, Y = 15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, P - 2, P) % P


def decode(data: bytes) -> Any:  # the point in 32 bytes, or None
    y, sign = int.from_bytes(data, "little") & ((1 << 255) - 1), data[31] >> 7
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * ROOT % P
    x = P - x if x & 1 != sign else x
    return None if y >= P or (v * x * x - u) % P or x == P else (x, y, 1, x * y % P)


def add(p: Any, q: Any) -> Any:  # two points, or one to itself
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P


def times(p: Any, m: int, q: Any = (0, 1, 1, 0), n: int = 0) -> Any:  # x and y of [m]p + [n]q, both at once
    table, total = ((0, 1, 1, 0), p, q, add(p, q)), (0, 1, 1, 0)
    for bit in range(max(m, n).bit_length() - 1, -1, -1):
        total, step = add(total, total), (m >> bit & 1) | (n >> bit & 1) << 1
        total = add(total, table[step]) if step else total
    inverse = pow(total[2], P - 2, P)
    return total[0] * inverse % P, total[1] * inverse % P


def verify(public: bytes, signature: bytes, message: bytes) -> bool:  # by this key, which is not of small order
    key = decode(public) if (len(public), len(signature)) == (32, 64) else None
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    if key is None or s >= L or times(key, 8) == (0, 1):
        return False
    x, y = times((X, Y, 1, X * Y % P), s, (P - key[0], key[1], 1, P - key[3]), k)
    return bool((y | (x & 1) << 255).to_bytes(32, "little") == signature[:32])


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tree(nodes: list[bytes]) -> bytes:  # the root over hashes of one height (RFC 9162, 2.1.1)
    while len(nodes) > 1:
        pairs = [sha(b"\x01" + nodes[i] + nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
        nodes = pairs + nodes[len(nodes) & ~1 :]
    return nodes[0] if nodes else sha(b"")


def climb(node: bytes, index: int, size: int, path: list[bytes]) -> bytes:  # where a proof leads (RFC 9162, 2.1.3)
    half = 1 << (size - 1).bit_length() - 1 if size > 1 else 0
    if not half or not path:
        return b"" if half or path else node
    right = index >= half
    node = climb(node, index - half * right, size - half if right else half, path[:-1])
    return sha(b"\x01" + (path[-1] + node if right else node + path[-1]))


def tile(level: Any, index: int, width: int) -> str:  # the path of a tile, or of a bundle of entries
    digits = re.sub(r"(\d{3})(?=\d)", r"x\1/", "0" * (-len(str(index)) % 3) + str(index))
    return f"tile/{level}/{digits}" + ("" if width == 256 else f".p/{width}")


def key_of(text: str) -> tuple[str, str, bytes]:  # name, mark and bytes (kind, public key) of a vkey
    name, mark, data = text.strip().split("+", 2)
    if len(b64(data)) != 33 or sha(name.encode() + b"\n" + b64(data)).hex()[:8] != mark:
        raise ValueError("not a verifier key: " + text)
    return name, mark, b64(data)


def day(ts: str) -> str:  # the day in Shanghai of a time in UTC: what ends, ends with a day there
    return str(datetime.fromisoformat(ts[:19]) + timedelta(hours=8))[:10]


def signed(note: str, key: tuple[str, str, bytes]) -> bool:  # by this key (a witness's: cosigned), never wrongly
    text, found = note[: note.rindex("\n\n") + 1], []
    for part in (line.split(" ") for line in note[len(text) + 1 :].split("\n")):
        data = b64(part[2]) if len(part) == 3 and part[1] == key[0] else b""
        time = data[4:12] if key[2][0] == 4 else b""
        told = f"cosignature/v1\ntime {int.from_bytes(time, 'big')}\n{text}" if time else text
        found += [verify(key[2][1:], data[4 + len(time) :], told.encode())] if data[:4].hex() == key[1] else []
    return bool(found) and all(found)


def members(path: Path) -> Any:  # names and reader of a zip or folder; refuses names that lead out, zips that swell
    archive = None if path.is_dir() else zipfile.ZipFile(path)
    if archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if sum(item.file_size for item in archive.infolist()) > 20 * path.stat().st_size + (16 << 20):
            raise ValueError("this zip unpacks to far more than it is")
    else:
        found = [item for item in path.rglob("*") if item.is_symlink() or not item.is_dir()]
        names = ["../" if item.is_symlink() else item.relative_to(path).as_posix() for item in found]
    if len(set(names)) < len(names) or not all(map(NAME.fullmatch, names)):
        raise ValueError("it holds a name twice, or one that leads elsewhere")
    return set(names), archive.read if archive else lambda name: (path / name).read_bytes()


class Check:  # one pass over a pack; `latest` is what the logs last say of an object: (log, index), digest, time
    def __init__(self, path: str, keys: list[str], witnesses: list[str], held: list[str]) -> None:
        (self.names, self.get), self.last = members(Path(path)), "pack.json"
        self.pack = json.loads(self.read("pack.json"))
        self.given, self.witnesses = [key_of(text) for text in keys], [key_of(text) for text in witnesses]
        self.listed, self.system = {**self.pack["files"]}, str(self.pack["system"])
        new, self.alarms, self.cosigned = dict, [], []  # type: Any, list[tuple[str, str]], list[Any]
        self.latest, self.marks, self.logs, self.keys, self.roles, self.people = (new() for _ in range(6))
        self.owed, self.erased, self.held = new(), new(), [Path(name).read_text("utf-8") for name in held]

    def read(self, name: str) -> Any:  # nothing where it is not there
        self.last = name
        return self.get(name) if name in self.names else b""

    def need(self, holds: Any, code: str, seen: str) -> None:
        self.alarms += [] if holds else [(code, seen)]

    def run(self) -> None:  # each check rests on those before it
        for name in sorted(self.names.union(self.listed) - {"pack.json", "pack.sig.json"}):
            digest, own = sha(self.read(name)).hex(), re.match("(?:attachments|envelopes)/([0-9a-f]{64})", name)
            same = self.listed.get(name) == digest == (own[1] if own else digest)
            self.need(name in self.names and same, "changed", name)
        for number, item in enumerate(self.pack["logs"]):
            self.log(number, item, self.pack["logs"][number - 1] if number else {})
        names, nowhere = {name[10:-5] for name in self.names if name.startswith("envelopes/")}, ((9**9, 0), "", "")
        for (place, _, ts), name in sorted((self.latest.get("envelope:sha256:" + n, nowhere), n) for n in names):
            self.envelope(name, place, ts)
        self.lists(names)

    def log(self, number: int, item: Any, before: Any) -> None:  # entries, tiles, root, signatures, what others hold
        base, hashes = item["dir"] + "/", []  # type: str, list[bytes]
        key, note = key_of(self.read(base + "vkey").decode()), self.read(base + "checkpoint").decode()
        origin, size = note.split("\n")[0], int(note.split("\n")[1])
        named = [one for one in self.given if one[2] == key[2] and one[0] in (origin, origin.split("#")[0])]
        known = (named or not self.given) and (key[0], origin, size) == (origin, item["origin"], item["size"])
        self.need(known, "bad_checkpoint", origin)
        for first in range(min(-(-size // 256), len(self.names))):
            at, width = 0, min(256, size - 256 * first)
            data, tiled = (self.read(base + tile(kind, first, width)) for kind in ("entries", 0))
            while at < len(data):
                leaf, place = data[at + 2 :][: int.from_bytes(data[at : at + 2], "big")], len(hashes)
                hashes.append(sha(b"\x00" + leaf))
                same = hashes[-1] == tiled[32 * (place - 256 * first) :][:32]
                self.need(same, "edited", f"{origin}: entry {place}")
                self.leaf((number, place), json.loads(leaf), before)
                at += 2 + len(leaf)
        self.need(len(hashes) == size, "truncated", f"{origin}: {len(hashes)} entries of {size}")
        self.logs[origin], nodes, level = (number, hashes, note, tree(hashes)), hashes, 0
        kept = [self.read(name).decode() for name in sorted(self.names) if name.startswith(base + "witnessed/")]
        while nodes:
            for at in range(0, len(nodes), 256):
                path = base + tile(level, at // 256, len(nodes[at : at + 256]))
                self.need(self.read(path) == b"".join(nodes[at : at + 256]), "bad_tile", path)
            nodes, level = [tree(nodes[at : at + 256]) for at in range(0, len(nodes) - 255, 256)], level + 1
        for text in [text for text in [note, *kept, *self.held] if text.startswith(origin + "\n")]:
            old, root, code = int(text.split("\n")[1]), text.split("\n")[2], "root_mismatch" if text == note else "fork"
            self.need(signed(text, key), "bad_checkpoint", f"{origin}: at {old} entries")
            self.need(old <= size, "rollback", f"{origin}: {old} entries are held, {size} are here")
            self.need(old > size or tree(hashes[:old]) == b64(root), code, f"{origin}: at {old} entries")
            self.cosigned += [one for one in self.witnesses if signed(text, one)]

    def leaf(self, place: tuple[int, int], said: Any, before: Any) -> None:  # the first one names the log before
        thing, body, kind = said.get("object") or "", said.get("body") or {}, said.get("kind")
        told = [body.get("old"), body.get("copy")] if kind == "log.restored" else [None, None]
        self.need(place[1] or told == [before.get("origin"), before.get("size")], "log_missing", str(told[0]))
        self.latest[thing] = place, said.get("digest"), said.get("ts")
        if thing.startswith("person:"):
            self.marks.setdefault(thing[7:], []).extend((said.get("c") or {}).values())
        elif thing.startswith("envelope:sha256:") and body.get("system") in (None, self.system):
            self.owed[thing[16:]] = place
        self.erased.update(body["fields"] if kind == "erasure" else {})

    def opened(self, path: str, ts: str) -> Any:  # type, predicate, signers whose keys were good then, first subject
        raw, good = json.loads(self.read(path)), []  # type: Any, list[Any]
        payload, kind = b64(raw["payload"]), raw["payloadType"].encode()
        said, message = json.loads(payload), b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        known = self.keys or {said["predicate"].get("keyid"): said["predicate"]}  # the first key vouches for itself
        for key, item in [(known[item["keyid"]], item) for item in raw["signatures"] if item["keyid"] in known]:
            holds = verify(b64(key["public"]), b64(item["sig"]), message)
            self.need(holds, "bad_signature", path)
            in_time = key["starts"] <= ts < (key["revoked"] or "9") and day(ts) <= (key["ends"] or "9")
            good += [key] if holds and in_time else []
        self.need(good, "untrusted", path)
        return said["predicateType"].split("/")[3], said["predicate"], good, said["subject"][0]["digest"]["sha256"]

    def envelope(self, name: str, place: tuple[int, int], ts: str) -> None:  # entry, signers, rights, receipt
        path, at = f"envelopes/{name}.json", ts or "8888-01-01T00:00:00Z"
        self.need(ts, "no_leaf", path)
        form, told, good, _ = self.opened(path, at)
        by = {key["holder"] for key in good if key["purpose"] != "outside"}
        may = form == "evidence" or "statement" in by
        if form == "key":
            may = may or any(self.holds(who, "administrator", at) for who in by)
            self.need(sha(SPKI + b64(told["public"])).hex() == told["keyid"], "key_mismatch", path)
            self.keys[told["keyid"]] = told
        elif form == "appointment":
            may = told["by"] in by and (not self.roles or self.holds(told["by"], "administrator", at))
            self.roles[told["person"], told["role"], told["unit"]] = told
        elif form == "decision":
            own = told["action"] in ("admit", "declare") or self.holds(told["person"], told["role"], at)
            may = own and (may or told["person"] in by)
        self.need(may, "not_allowed", path)
        if form not in ("key", "appointment"):
            self.people.update(dict.fromkeys(by | {told.get("person")}))
        head, _, note = self.read(f"proofs/{name}.tlog-proof").decode().partition("\n\n")
        number, hashes, known, root = self.logs.get(note.split("\n")[0], (None, [], None, None))
        lines = head.split("\n")
        right = note == known and ts and place == (number, int(lines[1][6:]))
        right = right and climb(hashes[place[1]], place[1], len(hashes), [*map(b64, lines[2:])]) == root
        self.need(right, "bad_proof", f"proofs/{name}.tlog-proof")

    def holds(self, who: str, role: str, ts: str) -> bool:  # an appointment; of each unit the newest counts
        found = [one for key, one in self.roles.items() if key[:2] == (who, role)]
        return any(one["starts"] <= ts and day(ts) <= (one["until"] or "9") for one in found)

    def lists(self, names: set[str]) -> None:  # keys, rows and openings against what was signed and logged; the seal
        keys, rows, openings = (json.loads(self.read(name + ".json")) for name in ("keys", "rows", "openings"))
        self.need({key["keyid"]: key for key in keys} == self.keys, "key_mismatch", "keys.json")
        for row in rows:
            self.need(self.latest.get(row["object"], "--")[1] == row["digest"], "row_mismatch", row["object"])
        told = {row["digest"][7:] for row in rows if row["object"] == "envelope:" + row["digest"]}
        for name in sorted(told.union(names, self.owed)):
            self.need(name in told and name in names, "omitted" if name in self.owed else "row_mismatch", name)
        for role in [*self.roles.values()][::-1]:  # whoever appointed one of these people is one of them
            self.people.update({role["by"]: None} if role["person"] in self.people else {})
        known = {item["commitment"]: item for item in openings}
        for mark in [mark for who in self.people for mark in self.marks.get(who, [])]:
            item = known.get(mark, {"state": "missing"})
            if item["state"] == "opened":
                value = json.dumps(item["value"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
                parts = [part.encode() for part in (item["kind"], item["field"], value)]
                text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
                right = hmac.new(bytes.fromhex(item["salt"]), text, hashlib.sha256).hexdigest() == mark
                self.need(right, "opening_mismatch", mark)
            else:
                self.need(item["state"] == "erased" and mark in self.erased, "opening_missing", mark)
        self.alarms += [("log_missing", note[:60]) for note in self.held if note.split("\n")[0] not in self.logs]
        self.alarms += [("bad_cosignature", one[0]) for one in self.witnesses if one not in self.cosigned]
        form, _, good, digest = self.opened("pack.sig.json", self.pack["made"])
        sealed = form == "audit-pack" and digest == sha(self.read("pack.json")).hex()
        self.need(sealed and [key for key in good if key["purpose"] == "statement"], "bad_seal", "pack.json")


if __name__ == "__main__":
    parser, check = argparse.ArgumentParser(description="Checks an audit pack. 核验审计包。"), None
    parser.add_argument("pack")
    for name in ("--key", "--witness", "--held"):
        parser.add_argument(name, action="append", default=[])
    given = parser.parse_args()
    try:
        check = Check(given.pack, given.key, given.witness, given.held)
        check.run()
    except Exception as error:  # whatever a hostile file leads to
        if check is None:
            print(f"cannot be read as an audit pack 无法作为审计包读取: {error!r}")
            sys.exit(2)
        check.need(False, "bad_file", f"{check.last} ({type(error).__name__}: {error})")
    words = {code: text for code, *text in (item.split("=") for item in re.split(r"; |\n", ALARMS))}
    told = [f"ALARM {code}: {' / '.join(words[code])}: {seen!r}" for code, seen in dict.fromkeys(check.alarms)]
    told += [f"{check.system!r}: {len(check.owed)} statements 份声明, {len(check.logs)} logs 个账本"]
    if not (given.key and (given.held or given.witness)):
        told += ["Use your own --key, and --held or --witness. 请使用自有的 --key，以及 --held 或 --witness。"]
    told += ["DOES NOT HOLD 核验未通过" if check.alarms else "HOLDS: unchanged since logged 核验通过：入账后未改动"]
    print("\n".join(told))
    sys.exit(1 if check.alarms else 0)
