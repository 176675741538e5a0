"""`push` and `pull`: a profile to a console and from it, through its API, under a token.

Enforced here: a token goes to https addresses and to this machine only; it stands in a file, never on the command line;
what the console refuses is told in its own words; a file is never written over.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from steelyard.base.errors import EXIT_DONE, EXIT_NO, EnvironmentNotReady, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import say, say_json, write_new

if TYPE_CHECKING:
    from steelyard.base.http import Answer

MOST = 8 * 1024 * 1024
_PROBLEM = "application/problem+json"


class ConsoleRefused(SteelyardError):
    """The console says no (exit code 1)."""

    exit_code = EXIT_NO


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers."""
    about = Text("put a profile on record at a console", "将档案提交至控制台").get(lang)
    push = commands.add_parser("push", parents=[common], help=about, description=about)
    push.add_argument("file", metavar="FILE")
    push.add_argument("--to", metavar="URL", required=True, help=Text("the console", "控制台地址").get(lang))
    _token(push, lang)
    push.set_defaults(run=run_push)
    about = Text("fetch a profile from a console", "从控制台获取档案").get(lang)
    pull = commands.add_parser("pull", parents=[common], help=about, description=about)
    pull.add_argument("system", metavar="SYSTEM")
    pull.add_argument("--from", metavar="URL", required=True, dest="to", help=push._option_string_actions["--to"].help)
    _token(pull, lang)
    pull.add_argument("--out", metavar="FILE", required=True, help=Text("a new file", "写入的新文件").get(lang))
    pull.set_defaults(run=run_pull)


def _token(parser: argparse.ArgumentParser, lang: Lang) -> None:
    parser.add_argument(
        "--token-file",
        metavar="F",
        required=True,
        help=Text("a file whose first line is a token, made at /tokens", "首行为令牌的文件，令牌在 /tokens 创建").get(
            lang
        ),
    )


def run_push(options: argparse.Namespace) -> int:
    """Checks the profile here, then puts it on record there."""
    from steelyard.base import http
    from steelyard.profile.document import read
    from steelyard.profile.facts import vocabulary

    profile = read(options.file, vocabulary())
    body = profile.as_data()
    body["system"]["id"] = profile.id
    address, headers = _address(options, "--to"), _headers(options.token_file)
    answer = http.put_json(f"{address}/api/systems/{quote(profile.id, safe='')}", body, headers=headers, most=MOST)
    said = _said(answer, address)
    if options.json:
        say_json(said)
        return EXIT_DONE
    lang: Lang = options.lang
    tier = said["tier"]
    shown = tier["lowest"] if tier["lowest"] == tier["highest"] else f"{tier['lowest']}..{tier['highest']}"
    what = Text("on record", "已入账") if said["changed"] else Text("on record already, unchanged", "已在册，无变化")
    say(f"{profile.id}: {what.get(lang)}")
    say(Text(f"  tier {shown}, {said['stage']}", f"  等级 {shown}，阶段 {said['stage']}").get(lang))
    if said["open_facts"]:
        count = len(said["open_facts"])
        say(
            Text(
                f"  {count} facts are open: {', '.join(said['open_facts'][:5])}",
                f"  {count} 项事实未知：{'、'.join(said['open_facts'][:5])}",
            ).get(lang)
        )
    say(f"  {address}/systems/{profile.id}/")
    return EXIT_DONE


def run_pull(options: argparse.Namespace) -> int:
    """Writes the profile that is on record there to a new file."""
    import json

    from steelyard.base import http
    from steelyard.base.yamldoc import parse
    from steelyard.profile.document import check
    from steelyard.profile.facts import vocabulary
    from steelyard.profile.write import profile_yaml

    address, headers = _address(options, "--from"), _headers(options.token_file)
    if Path(options.out).exists():
        write_new(Path(options.out), "")  # tells that it exists, before anything is fetched
    answer = http.get(f"{address}/api/systems/{quote(options.system, safe='')}", headers=headers, most=MOST)
    plain = _said(answer, address)["profile"]
    plain.pop("assumed", None)
    doc = parse(json.dumps(plain, ensure_ascii=False), options.system)
    profile, errors = check(doc, vocabulary())
    if errors:
        raise errors[0]
    write_new(Path(options.out), profile_yaml(profile, vocabulary()))
    if options.json:
        say_json({"system": profile.id, "out": options.out})
    else:
        say(Text(f"{profile.id} written to {options.out}", f"已将 {profile.id} 写入 {options.out}").get(options.lang))
    return EXIT_DONE


def _address(options: argparse.Namespace, field: str) -> str:
    """The console's address. Raises InputError `bad_url`, `not_private`."""
    from steelyard.base import http
    from steelyard.console.serve import loopback

    url = http.checked_url(options.to, field=field)
    parts = urlsplit(url)
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise InputError(
            "not_private",
            Text("a token is not sent over an address that others can read", "令牌不会经由他人可读取的地址发送"),
            remedy=Text("use https://", "请使用 https://"),
            field=field,
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _headers(path: str) -> dict[str, str]:
    """The header that shows the token. Raises InputError `no_token`."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        lines = []
    token = lines[0].strip() if lines else ""
    if not token:
        raise InputError(
            "no_token",
            Text("there is no token in this file", "该文件中没有令牌"),
            remedy=Text("make one at /tokens of the console and save it here", "请在控制台 /tokens 创建并存入此文件"),
            path=path,
        )
    return {"Authorization": f"Bearer {token}"}


def _said(answer: "Answer", address: str) -> Any:
    """What the console answered. Raises what it refused, in its words and with its code."""
    try:
        data = answer.json()
    except ValueError:
        data = None
    if answer.status in (200, 201) and answer.media_type == "application/json" and isinstance(data, dict):
        return data
    if answer.media_type != _PROBLEM or not isinstance(data, dict) or not isinstance(data.get("code"), str):
        raise EnvironmentNotReady(
            "not_a_console",
            Text(
                f"{address} does not answer as a console ({answer.status})",
                f"{address} 的答复不是控制台（{answer.status}）",
            ),
            remedy=Text("check the address", "请检查地址"),
        )
    message = _text(data.get("message")) or Text("refused", "已拒绝")
    kind: type[SteelyardError] = InputError
    if answer.status in (403, 409):
        kind = ConsoleRefused
    elif answer.status in (401, 429) or answer.status >= 500:
        kind = EnvironmentNotReady
    field = data.get("field")
    raise kind(data["code"], message, remedy=_text(data.get("remedy")), field=field if isinstance(field, str) else None)


def _text(data: Any) -> Text | None:
    """A text in both languages, as the console sends it."""
    if not isinstance(data, dict) or not all(str(data.get(lang) or "").strip() for lang in ("en", "zh")):
        return None
    return Text(str(data["en"])[:2_000], str(data["zh"])[:2_000])
