"""`ledger append`: JSON Lines become leaves. Every line is checked before the first is logged."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from steelyard.base.errors import EXIT_DONE, InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Signer, strict_json
from steelyard.base.progress import Progress
from steelyard.base.sql import Connection
from steelyard.cli.common import say_json, warn
from steelyard.ledger import record, store

if TYPE_CHECKING:
    from steelyard.ledger.home import Home

LONGEST = 16 * 1024 * 1024


def append_file(home: "Home", options: argparse.Namespace) -> int:
    """Logs every line of a file or of standard input (`-`); prints `{"index"}` for each once it is a leaf."""
    with _opened(options.records) as stream:
        total, hits = 0, 0
        for number, leaf, found in _leaves(stream, options.records, look=True):
            total += 1
            if found:
                hits += 1
                if options.strict:
                    raise InputError(
                        "personal_data",
                        Text(f"looks like personal data: {found}", f"疑似个人数据：{found}"),
                        remedy=Text("leave it out, or log without --strict", "请删去，或不使用 --strict"),
                        path=options.records,
                        line=number,
                    )
            del leaf
        stream.seek(0)
        bar = Progress(Text("logging", "正在记录").get(options.lang), total)
        with home.writing() as link:
            signer = home.log_signer()
            store.sequence_all(link, signer)
            batch: list[bytes] = []
            for _, leaf, _ in _leaves(stream, options.records, look=False):
                batch.append(leaf)
                if len(batch) == store.BATCH:
                    bar.update(_commit(link, signer, batch))
            if batch:
                _commit(link, signer, batch)
        bar.close()
    if hits:
        warn(
            Text(
                f"warning: {hits} of {total} records look as if they held personal data; a log never forgets",
                f"警告：{total} 条记录中有 {hits} 条疑似含个人数据；账本不会遗忘",
            ).get(options.lang)
        )
    return EXIT_DONE


def _commit(link: Connection, signer: Signer, batch: list[bytes]) -> int:
    done = store.sequence(link, signer, leaves=batch)
    for index in range(done.size - len(batch), done.size):
        say_json({"index": index})
    batch.clear()
    return done.size


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        spool = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
        for chunk in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
            spool.write(chunk)
        spool.seek(0)
        return spool
    try:
        return open(Path(name), "rb")
    except OSError as error:
        raise InputError(
            "cannot_read",
            Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"),
            remedy=Text("check the name", "请检查文件名"),
            path=name,
        ) from None


def _leaves(stream: IO[bytes], name: str, *, look: bool) -> Iterator[tuple[int, bytes, str]]:
    """(line, leaf, first sign of personal data) of each line that is not empty. Raises InputError with the line."""
    number = 0
    while line := stream.readline(LONGEST):
        number += 1
        if not line.strip():
            continue
        try:
            data = strict_json(line)
        except ValueError as error:
            raise InputError(
                "bad_json",
                Text(f"not JSON: {error}", f"不是有效 JSON：{error}"),
                remedy=Text("one JSON object a line, without repeated keys", "每行一个 JSON 对象，键不得重复"),
                path=name,
                line=number,
            ) from None
        if not isinstance(data, dict):
            raise InputError(
                "bad_json",
                Text("a record is a JSON object", "记录应为 JSON 对象"),
                remedy=Text("one JSON object a line", "每行一个 JSON 对象"),
                path=name,
                line=number,
            )
        try:
            leaf = record.encode(data)
        except InputError as error:
            error.path, error.line = name, number
            raise
        yield number, leaf, next(iter(record.lint(data)), "") if look else ""
