"""`ledger`: the log that nobody can quietly rewrite, as commands."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import say, say_json, warn
from steelyard.cli.stores import cannot_read, home_of, store_actions

if TYPE_CHECKING:
    from steelyard.ledger import audit, note, tiles

WHAT_IT_PROVES = Text(
    "This shows that nothing changed since a checkpoint left the house. It does not show that what was logged is true.",
    "这表明自检查点离开本机构以来内容未被改动，但不表明入账内容属实。",
)


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    ledger = commands.add_parser("ledger", help=Text("the tamper-evident log", "篡改可查的账本").get(lang))
    action = store_actions(ledger, common, lang)

    init = action("init", Text("open a log and print its public key", "创建账本并输出其公钥"), run_init)
    init.add_argument("--origin", metavar="NAME", help=Text("its name, like example.cn/ai", "账本名称").get(lang))
    append = action("append", Text("log JSON objects, one a line", "逐行记录 JSON 对象"), run_append)
    append.add_argument("records", metavar="RECORDS.jsonl")
    append.add_argument(
        "--strict",
        action="store_true",
        help=Text("refuse records that look like personal data", "拒绝疑似含个人数据的记录").get(lang),
    )
    action("checkpoint", Text("print the newest signed checkpoint", "输出最新的已签名检查点"), run_checkpoint)
    action("status", Text("size, queue and witnesses", "规模、队列与见证"), run_status)
    prove = action("prove", Text("a receipt: this entry is in the log", "生成回执，证明记录已入账"), run_prove)
    prove.add_argument("index", metavar="INDEX", type=int)
    prove.add_argument(
        "--size", type=int, metavar="N", help=Text("of the tree of N entries", "以含前 N 条记录的账本为准").get(lang)
    )
    verify = action("verify", Text("check a whole log", "核验整个账本"), run_verify)
    verify.add_argument("source", metavar="DIR_OR_URL", nargs="?")
    verify.add_argument(
        "--key", metavar="VKEY", help=Text("the log's public key, or its file", "账本公钥或其文件").get(lang)
    )
    verify.add_argument(
        "--witness", metavar="VKEY", action="append", default=[], help=Text("a witness's key", "见证方公钥").get(lang)
    )
    export = action("export", Text("write the log as files others can check", "导出为他人可核验的文件"), run_export)
    export.add_argument("folder", metavar="DIR")
    witness = action("witness", Text("keep and cosign checkpoints of a log", "保存并会签账本检查点"), run_witness)
    witness.add_argument("source", metavar="DIR_OR_URL", nargs="?")
    witness.add_argument(
        "--key", metavar="VKEY", help=Text("the log's public key, or its file", "账本公钥或其文件").get(lang)
    )
    witness.add_argument(
        "--state",
        metavar="DIR",
        help=Text(
            "the witness's own folder, under another owner; default: ~/.steelyard-witness",
            "见证方自己的文件夹，应由他人掌管；默认 ~/.steelyard-witness",
        ).get(lang),
    )
    witness.add_argument("--name", metavar="NAME", help=Text("the witness's name", "见证方名称").get(lang))
    witness.add_argument("--whole", action="store_true", help=Text("check every entry too", "逐条核验").get(lang))
    cosign = action("cosign", Text("keep a witness's signature", "收存见证签名"), run_cosign)
    cosign.add_argument("file", metavar="FILE", help=Text("what the witness printed", "见证方的输出").get(lang))
    erase = action("erase", Text("destroy the personal data of a person", "销毁某人的个人数据"), run_erase)
    erase.add_argument("subject", metavar="SUBJECT", help=Text("a pseudonym or a name", "化名或姓名").get(lang))
    erase.add_argument("--basis", metavar="TEXT", default="request", help=Text("why", "依据").get(lang))


def run_init(options: argparse.Namespace) -> int:
    """Opens the log; again with the same name it only prints the key."""
    log = home_of(options).open_log(options.origin)
    if options.json:
        say_json({"origin": log.origin, "vkey": str(log.key)})
    else:
        say(str(log.key))
        warn(
            Text(
                "keep this key elsewhere, and let somebody else run `steelyard ledger witness`",
                "请另处保存此公钥，并由他人运行 `steelyard ledger witness`",
            ).get(options.lang)
        )
    return EXIT_DONE


def run_append(options: argparse.Namespace) -> int:
    """Logs every line; prints the index of each once it is a leaf."""
    from steelyard.cli.ledger_append import append_file

    return append_file(home_of(options), options)


def run_checkpoint(options: argparse.Namespace) -> int:
    """The newest checkpoint, as the signed note it is."""
    from steelyard.ledger import store

    home = home_of(options)
    with home.writing() as link:
        signed = store.sign_checkpoint(link, home.log_signer())
    if options.json:
        say_json({"checkpoint": str(signed)})
    else:
        print(signed, end="")
    return EXIT_DONE


def run_status(options: argparse.Namespace) -> int:
    """How long the log is, what waits and for how long, and who witnessed it last."""
    from steelyard.ledger import store

    with home_of(options).connect_to_read() as link:
        log = store.current(link)
        waiting = store.queue(link)
        size = store.size(link, log)
        rows = link.all("SELECT witness, max(size) FROM ledger_cosignature WHERE log = ? GROUP BY witness", (log.id,))
    seen = [{"witness": str(name).rsplit("+", 1)[0], "size": int(at)} for name, at in rows]
    if options.json:
        say_json(
            {
                "origin": log.origin,
                "vkey": str(log.key),
                "size": size,
                "queue": {"length": waiting.length, "age_ms": waiting.age_ms, "alarm": waiting.alarming},
                "witnesses": seen,
            }
        )
        return EXIT_DONE
    lang: Lang = options.lang
    say(Text(f"{log.origin}: {size:,} entries", f"{log.origin}：{size:,} 条记录").get(lang))
    say(
        Text(
            f"waiting: {waiting.length}, oldest {waiting.age_ms} ms",
            f"排队：{waiting.length} 条，最久 {waiting.age_ms} 毫秒",
        ).get(lang)
    )
    for item in seen:
        say(
            Text(
                f"witnessed by {item['witness']} at {item['size']:,}", f"{item['witness']} 已见证至 {item['size']:,} 条"
            ).get(lang)
        )
    if not seen:
        say(
            Text(
                "no witness yet: whoever owns this store could still rewrite it",
                "尚无见证：掌管此存储的人仍可改写其中内容",
            ).get(lang)
        )
    return EXIT_DONE


def run_prove(options: argparse.Namespace) -> int:
    """Writes a C2SP tlog-proof of one entry."""
    from steelyard.ledger import store

    home = home_of(options)
    with home.connect_to_read() as link:
        proof = store.prove(link, store.current(link), options.index, options.size)
    if options.json:
        say_json({"proof": str(proof)})
    else:
        print(proof, end="")
    return EXIT_DONE


def run_export(options: argparse.Namespace) -> int:
    """Writes the log as a complete C2SP tile log."""
    from steelyard.base.progress import Progress
    from steelyard.ledger import store, tiles

    home = home_of(options)
    with home.writing() as link:
        signed = store.sign_checkpoint(link, home.log_signer())
        size = int(signed.text.split("\n")[1])
        bar = Progress(Text("exporting", "正在导出").get(options.lang), size)
        for done in tiles.export(link, store.current(link), Path(options.folder)):
            bar.update(done)
        bar.close()
    if options.json:
        say_json({"folder": options.folder, "size": size})
    else:
        say(
            Text(f"{size:,} entries in {options.folder}", f"已导出 {size:,} 条记录至 {options.folder}").get(
                options.lang
            )
        )
    return EXIT_DONE


def key_of(text: str, field: str = "--key") -> "note.VerifierKey":
    """A verifier key given as text or as a file. Raises InputError `bad_key`."""
    from steelyard.ledger import note

    path = Path(text)
    try:
        if "+" not in text or path.is_file():
            text = path.read_text(encoding="utf-8")
        return note.VerifierKey.parse(text)
    except OSError:
        why = Text(f"{text[:80]} is neither a key nor a file", f"{text[:80]} 既不是公钥，也不是文件")
    except ValueError as error:
        why = Text(f"not a verifier key: {error}", f"不是核验公钥：{error}")
    maker = "steelyard ledger witness" if field == "--witness" else "steelyard ledger init"
    remedy = Text(f"it looks like NAME+HASH+KEY; `{maker}` prints it", f"形如 名称+哈希+公钥，由 `{maker}` 输出")
    raise InputError("bad_key", why, remedy=remedy, field=field)


def source_of(text: str) -> "tiles.Source":
    """The log in a folder or behind a URL. Raises InputError `no_log_here`."""
    from steelyard.ledger import tiles

    if text.startswith(("http://", "https://")):
        from steelyard.ledger.web import Web

        return Web(text)
    return tiles.Folder(_folder(text))


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise InputError(
            "no_log_here",
            Text("there is no such folder", "没有这个文件夹"),
            remedy=Text("`steelyard ledger export DIR` writes one", "可用 `steelyard ledger export 目录` 导出"),
            path=text,
        )
    return folder


def _own_key(text: str) -> "note.VerifierKey":
    if text.startswith(("http://", "https://")) or not (_folder(text) / "vkey").is_file():
        raise InputError(
            "no_key_given",
            Text("which public key should this log be checked with?", "应以哪个公钥核验此账本？"),
            remedy=Text("give it with --key, from somewhere you trust", "请用 --key 提供来源可信的公钥"),
            field="--key",
        )
    return key_of(str(Path(text) / "vkey"))


def run_verify(options: argparse.Namespace) -> int:
    """Checks everything; exit 1 where anything is wrong."""
    from steelyard.base.progress import Progress
    from steelyard.ledger import audit

    bar: Progress | None = None

    def tell(done: int, total: int) -> None:
        nonlocal bar
        bar = bar or Progress(Text("checking", "正在核验").get(options.lang), total)
        bar.update(done)

    witnesses = [key_of(text, "--witness") for text in options.witness]
    if options.source is None:
        from steelyard.journeys.verify_store import verify

        report = verify(home_of(options), key_of(options.key) if options.key else None, witnesses, tell)
    else:
        key = key_of(options.key) if options.key else _own_key(options.source)
        report = audit.audit(source_of(options.source), key, witnesses=witnesses, progress=tell)
    if bar is not None:
        bar.close()
    own = options.source is not None and options.key is None
    _tell(report, options, _OWN_KEY if own else None)
    return EXIT_DONE if report.ok else EXIT_NO


_OWN_KEY = Text(
    "the key came from the folder itself; give --key to trust it",
    "公钥取自该文件夹本身；请用 --key 指定可信公钥",
)


def _tell(report: "audit.Report", options: argparse.Namespace, caution: Text | None) -> None:
    import base64

    from steelyard.ledger.store import rfc3339

    lang: Lang = options.lang
    if options.json:
        say_json(
            {
                "ok": report.ok,
                "size": report.size,
                "root": base64.b64encode(report.root).decode(),
                "alarms": [
                    {"code": item.code, "index": item.index, "message": item.text().get(lang)} for item in report.alarms
                ],
                "more": report.more,
                "origin": report.origin,
                "witnesses": [{"name": name, "time": rfc3339(time * 1000)} for name, time in report.witnesses],
            }
        )
        return
    if report.ok:
        say(
            Text(
                f"{report.origin}: all {report.checked:,} entries hold",
                f"{report.origin}：全部 {report.checked:,} 条记录核验无误",
            ).get(lang)
        )
    else:
        say(Text(f"{report.origin}: DOES NOT HOLD", f"{report.origin}：核验未通过").get(lang))
    for item in report.alarms:
        place = "" if item.index is None else f" [{item.index}]"
        say(f"  {item.code}{place}: {item.text().get(lang)}")
    if report.more:
        say(Text(f"  and {report.more:,} more", f"  另有 {report.more:,} 项").get(lang))
    for name, time in report.witnesses:
        say(
            Text(f"  witnessed by {name} at {rfc3339(time * 1000)}", f"  {name} 于 {rfc3339(time * 1000)} 见证").get(
                lang
            )
        )
    if caution is not None:
        say("  " + caution.get(lang))
    if report.ok:
        say("  " + WHAT_IT_PROVES.get(lang))
    elif any(item.code == "no_checkpoint" for item in report.alarms):
        say("  " + (_FIRST_CHECKPOINT if options.source is None else _EXPORT_AGAIN).get(lang))


_FIRST_CHECKPOINT = Text(
    "nothing was signed yet: `steelyard ledger checkpoint` signs the first one",
    "尚未签署任何检查点：运行 `steelyard ledger checkpoint` 即可签署首个检查点",
)
_EXPORT_AGAIN = Text(
    "`steelyard ledger export DIR` writes a log with its checkpoint",
    "`steelyard ledger export 目录` 可导出带检查点的账本",
)


def run_witness(options: argparse.Namespace) -> int:
    """Looks at a log as its witness; exit 1 where it is not the continuation of what was witnessed."""
    from steelyard.ledger import store, tiles
    from steelyard.ledger.witness import Witness

    witness = Witness(Path(options.state) if options.state else Path.home() / ".steelyard-witness", options.name)
    if options.source is None:
        home = home_of(options)
        with home.writing() as link:
            log = store.current(link)
            store.sign_checkpoint(link, home.log_signer())
            seen = witness.look(
                tiles.Database(link, log), key_of(options.key) if options.key else log.key, whole=options.whole
            )
            if seen.line is not None:
                store.add_cosignature(link, log, seen.report.size, seen.line)
    else:
        key = key_of(options.key) if options.key else _own_key(options.source)
        if not options.key:
            warn(_OWN_KEY.get(options.lang))
        seen = witness.look(source_of(options.source), key, whole=options.whole)
    if seen.line is None:
        _tell(seen.report, options, None)
        return EXIT_NO
    if options.json:
        say_json(
            {
                "ok": True,
                "origin": seen.report.origin,
                "size": seen.report.size,
                "before": seen.held.size if seen.held else None,
                "vkey": str(witness.key),
                "cosignature": seen.line.line(),
            }
        )
        return EXIT_DONE
    before = (
        Text(f"after {seen.held.size:,}", f"此前 {seen.held.size:,} 条")
        if seen.held
        else Text("first look", "首次见证")
    )
    say(f"{seen.report.origin}\n{seen.report.size}\n{seen.line.line()}")
    warn(
        Text(
            f"{seen.report.origin}: {seen.report.size:,} entries witnessed ({before.en}) by {witness.key}",
            f"{seen.report.origin}：已见证 {seen.report.size:,} 条（{before.zh}），见证公钥 {witness.key}",
        ).get(options.lang)
    )
    return EXIT_DONE


def run_cosign(options: argparse.Namespace) -> int:
    """Keeps the line that a witness printed, when it was made elsewhere."""
    from steelyard.ledger import note, store

    try:
        origin, size, line = Path(options.file).read_text(encoding="utf-8").strip().split("\n")
        signature = note.Signature.parse(line)
        at = int(size)
    except OSError as error:
        raise cannot_read(error, options.file) from None
    except ValueError as error:
        raise InputError(
            "bad_cosignature",
            Text(f"not what a witness prints: {error}", f"不是见证方的输出：{error}"),
            remedy=Text("three lines: origin, size, signature", "应为三行：账本名称、规模、签名"),
            path=options.file,
        ) from None
    with home_of(options).writing() as link:
        log = next((item for item in store.logs(link) if item.origin == origin), None)
        signed = store.checkpoint(link, log, at) if log else None
        if log is None or signed is None or note.Checkpoint.parse(signed.text).size != at:
            raise InputError(
                "no_checkpoint",
                Text(
                    f"this store has no checkpoint of {at} entries of {origin}",
                    f"此存储没有 {origin} 前 {at} 条记录的检查点",
                ),
                remedy=Text("witness what this store exports", "请对本存储导出的内容进行见证"),
                path=options.file,
            )
        store.add_cosignature(link, log, at, signature)
    say(
        Text(
            f"kept the signature of {signature.name} at {at:,}", f"已收存 {signature.name} 对前 {at:,} 条记录的签名"
        ).get(options.lang)
    )
    return EXIT_DONE


def run_erase(options: argparse.Namespace) -> int:
    """Destroys what the store holds about a person, and records that it did."""
    from steelyard.cli.ledger_erase import run_erase as erase

    return erase(options)
