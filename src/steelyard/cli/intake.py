"""`intake [FILE]`: the adaptive interview in the terminal; `intake next FILE`: its next screen, for programs.

With `--json` the interview speaks on standard error and puts the final assessment on standard output, as one line.
"""

import argparse
import datetime as dt
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json, warn

if TYPE_CHECKING:
    from steelyard.cli.intake_file import Keeper
    from steelyard.cli.intake_talk import Talk
    from steelyard.policy.compile import Policy
    from steelyard.profile.document import Profile

_PARTS = ("intake_check", "intake_draft")
_INTERRUPTED = 130


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    group = commands.add_parser("intake", help=Text("ask, draft and check", "访谈、起草与核对").get(lang))
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    ask = actions.add_parser("interview", parents=[common], help=Text("ask what matters", "只问要紧的").get(lang))
    ask.add_argument("file", nargs="?", default="steelyard.yaml", metavar="FILE")
    ask.add_argument(
        "--again",
        action="store_true",
        help=Text("ask again what was answered with 'I don't know'", "重新询问答“不知道”的问题").get(lang),
    )
    policy_options(ask, lang)
    ask.set_defaults(run=run_interview)
    following = actions.add_parser("next", parents=[common], help=Text("the next screen", "下一屏").get(lang))
    following.add_argument("file", metavar="FILE")
    policy_options(following, lang)
    following.set_defaults(run=run_next)
    for part in _PARTS:
        if importlib.util.find_spec(f"steelyard.cli.{part}"):
            module = importlib.import_module(f"steelyard.cli.{part}")
            getattr(module, f"register_{part.removeprefix('intake_')}")(actions, common, lang)


def run_next(options: argparse.Namespace) -> int:
    """The next screen of a profile, or null."""
    from steelyard.base.yamldoc import parse, read_text
    from steelyard.cli.intake_file import no_such_file
    from steelyard.intake.interview import Interview, as_plain, state_of
    from steelyard.profile.document import check
    from steelyard.profile.write import notes_of

    policy = policy_of(options)
    path = Path(options.file)
    if not path.is_file():
        raise no_such_file(path)
    text = read_text(path)
    profile, errors = check(parse(text, str(path)), policy.vocabulary)
    if errors:
        raise errors[0]
    ticked = notes_of(text, policy.vocabulary).ticked
    screen = Interview(policy).next(state_of(profile.facts, profile.asked, policy, ticked))
    if options.json:
        say_json(as_plain(screen, policy))
    elif screen is None:
        say(Text("nothing left can change the result", "已无问题能改变结果").get(options.lang))
    else:
        for fact in screen.facts:
            say(f"{fact}: {policy.vocabulary[fact].question.get(options.lang)}")
    return EXIT_DONE


def run_interview(options: argparse.Namespace) -> int:
    """Asks screen by screen, keeping the file after each answer; stops when nothing left can change the result."""
    from steelyard.cli.intake_file import Keeper
    from steelyard.cli.intake_talk import Stop, Talk, no_input
    from steelyard.intake.interview import Interview

    if sys.stdin is None:
        raise no_input()
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]  # what is no text is refused, not a crash
    lang: Lang = options.lang
    tell, screen = (warn, sys.stderr) if options.json else (say, sys.stdout)
    policy, on = policy_of(options), date_of(options)
    keeper = Keeper(Path(options.file), policy.vocabulary, lambda text: tell(text.get(lang)))
    talk = Talk(keeper, Interview(policy), lang, tell, screen, again=options.again)
    code, whole = EXIT_DONE, False
    try:
        talk.run()
        whole = True
    except Stop:
        pass
    except KeyboardInterrupt:
        code = _INTERRUPTED
        tell("")
    talk.keep()
    _end(options, keeper, talk, policy, on, whole=whole)
    return code


def _end(
    options: argparse.Namespace, keeper: "Keeper", talk: "Talk", policy: "Policy", on: dt.date, *, whole: bool
) -> None:
    """The last lines: in short where the person stopped, else the assessment, contradictions and what stays open."""
    from steelyard.cli.intake_ending import finished, stopped
    from steelyard.cli.judge import assessment_text
    from steelyard.policy.assess import assess

    lang, tell = options.lang, warn if options.json else say
    profile, state = talk.profile, talk.now.state
    one = assess(profile, policy, on)
    tell("")
    if not whole:
        for line in stopped(options, keeper.path, one, talk.interview.remaining(state), saved=keeper.saved):
            tell(line)
    else:
        if not options.json:
            say(assessment_text(one, lang) + "\n")
        tell(_contradictions(keeper.path, profile, policy, lang))
        tell("")
        for line in finished(options, keeper.path, talk.interview.left_open(state), policy):
            tell(line)
    if options.json:
        say_json(one.as_dict())


def _contradictions(path: Path, profile: "Profile", policy: "Policy", lang: Lang) -> str:
    """What `intake check` says about the file."""
    from steelyard.base.yamldoc import load
    from steelyard.cli.intake_check import check_text
    from steelyard.intake.contradictions import check

    return check_text(check(profile, policy), profile, policy.vocabulary, load(path), lang)
