"""`serve`: the console."""

import argparse
import os
import sys
from typing import Any

from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import warn
from steelyard.cli.stores import store_options


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser."""
    serve = commands.add_parser("serve", parents=[common], help=Text("the console", "控制台").get(lang))
    serve.add_argument("--host", metavar="H", default="127.0.0.1")
    serve.add_argument("--port", metavar="N", type=int, default=8000)
    serve.add_argument(
        "--hosts", metavar="NAMES", default="", help=Text("names it is reached by", "访问域名").get(lang)
    )
    serve.add_argument(
        "--demo",
        action="store_true",
        help=Text("fill an empty store with a made-up organisation", "在空存储中生成虚构的演示组织").get(lang),
    )
    store_options(serve, lang)
    serve.set_defaults(run=run_serve)


def run_serve(options: argparse.Namespace) -> int:
    """Serves until it is told to stop."""
    from steelyard.console.serve import serve

    if options.store:
        os.environ["STEELYARD_STORE"] = options.store

    def say(text: Text) -> None:
        warn(text.get(options.lang))
        sys.stderr.flush()

    return serve(options.host, options.port, options.hosts, say, demo=options.demo)
