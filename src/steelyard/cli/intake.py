"""`intake [FILE]`: the adaptive interview in the terminal; `intake next FILE`: its next screen, for programs."""

import argparse
import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json

if TYPE_CHECKING:
    from steelyard.intake.interview import Interview, Screen, State
    from steelyard.policy.compile import Policy
    from steelyard.profile.document import Profile
    from steelyard.profile.facts import Fact, Value

_PARTS = ("intake_check", "intake_draft")


class _Stop(Exception):
    """The person stops; what was answered is kept."""


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    group = commands.add_parser("intake", help=Text("ask, draft and check", "访谈、起草与核对").get(lang))
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    ask = actions.add_parser("interview", parents=[common], help=Text("ask what matters", "只问要紧的").get(lang))
    ask.add_argument("file", nargs="?", default="steelyard.yaml", metavar="FILE")
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


def _open(path: Path, policy: "Policy") -> "Profile":
    from steelyard.profile.document import Profile, read

    if path.exists():
        return read(path, policy.vocabulary)
    if not path.parent.is_dir():
        raise InputError("cannot_write", Text("there is no such folder", "文件夹不存在"), path=str(path.parent))
    return Profile(path.stem, {})


def run_next(options: argparse.Namespace) -> int:
    """The next screen of a profile, or null."""
    from steelyard.intake.interview import Interview, as_plain, state_of

    policy = policy_of(options)
    path = Path(options.file)
    if not path.is_file():
        raise InputError("cannot_read", Text("there is no such file", "文件不存在"), path=str(path))
    profile = _open(path, policy)
    screen = Interview(policy).next(state_of(profile.facts, profile.asked, policy))
    if options.json:
        say_json(as_plain(screen, policy))
    elif screen is None:
        say(Text("nothing left can change the result", "已无问题能改变结果").get(options.lang))
    else:
        for fact in screen.facts:
            say(f"{fact}: {policy.vocabulary[fact].question.get(options.lang)}")
    return EXIT_DONE


def run_interview(options: argparse.Namespace) -> int:
    """Asks screen by screen, keeping the file after each; stops when nothing left can change the result."""
    from steelyard.cli.judge import assessment_text
    from steelyard.intake.interview import Interview, state_of
    from steelyard.policy.assess import assess
    from steelyard.profile.write import save_profile

    policy, lang, path = policy_of(options), options.lang, Path(options.file)
    on = date_of(options)
    profile = _open(path, policy)
    interview = Interview(policy)
    state = state_of(profile.facts, profile.asked, policy)
    say(
        Text(
            "Answer with numbers (several: 1,3). Enter: I don't know. ?: explain. q: stop and continue later.",
            "用数字作答（多选如 1,3）。回车：不知道。?：说明。q：先停下，以后继续。",
        ).get(lang)
    )
    count, stopped = 0, False
    while (screen := interview.next(state)) is not None and not stopped:
        count += 1
        say(f"\n[{count}] {screen.title.get(lang)}")
        try:
            state = _ask(interview, state, screen, lang)
        except (_Stop, EOFError):
            stopped = True
        order = policy.fact_order
        asked = tuple(sorted(state.asked, key=lambda fact: order[fact]))
        profile = replace(profile, facts=dict(state.facts), asked=asked)
        save_profile(profile, policy.vocabulary, path)
    say("")
    ending = Text(
        f"done: nothing left can change the result; kept in {path}", f"完成：已无问题能改变结果；已存入 {path}"
    )
    if stopped:
        again = f"steelyard intake {path}"
        ending = Text(f"kept in {path}; go on with: {again}", f"已存入 {path}；继续请运行：{again}")
    say(ending.get(lang))
    say("\n" + assessment_text(assess(profile, policy, on), lang))
    return EXIT_DONE


def _ask(interview: "Interview", state: "State", screen: "Screen", lang: Lang) -> "State":
    if screen.kind == "checklist":
        return _ask_checklist(interview, state, screen, lang)
    for name in screen.facts:
        if interview.applies(name, state):
            state = interview.answer(state, {name: _ask_fact(interview.policy.vocabulary[name], lang)})
    return state


def _ask_checklist(interview: "Interview", state: "State", screen: "Screen", lang: Lang) -> "State":
    say("  " + interview.screens.checklist.about.get(lang))
    for number, item in enumerate(screen.items, 1):
        say(f"  {number}. {item.label.get(lang)}")
    none = len(screen.items) + 1
    say(f"  {none}. {Text('none of these', '以上均无').get(lang)}")
    while True:
        said = _read()
        if not said:
            return interview.tick(state, {item.fact for item in screen.items}, screen)
        chosen = _numbers(said, none)
        if chosen and (chosen == {none} or none not in chosen):
            ticked = {screen.items[number - 1].fact for number in chosen if number != none}
            return interview.tick(state, ticked, screen)
        say(Text("numbers from the list, please", "请输入清单中的序号").get(lang))


def _ask_fact(fact: "Fact", lang: Lang) -> "Value | None":
    say(f"  {fact.question.get(lang)}")
    choices: list[Any] = [True, False] if fact.type == "bool" else list(fact.members)
    labels = [fact.label(value if fact.type != "set_of" else frozenset({value})).get(lang) for value in choices]
    if fact.type == "set_of":
        choices.append(None)
        labels.append(Text("none", "无").get(lang))
    for number, label in enumerate(labels, 1):
        say(f"    {number}. {label}")
    while True:
        said = _read()
        if not said:
            return None
        if said in ("?", "？"):
            say(f"    {fact.help.get(lang)}")
            say(f"    {', '.join(fact.clauses)}")
            continue
        if fact.type == "count" and said.replace(",", "").isdigit():
            return int(said.replace(",", ""))
        chosen = _numbers(said, len(choices))
        if fact.type == "set_of" and chosen and (len(choices) not in chosen or len(chosen) == 1):
            return frozenset(choices[number - 1] for number in chosen if number != len(choices))
        if fact.type in ("bool", "one_of") and len(chosen) == 1:
            value: Value = choices[next(iter(chosen)) - 1]
            return value
        say(Text("please choose from the list", "请从列表中选择").get(lang))


def _read() -> str:
    said = input("  > ").strip()
    if not sys.stdin.isatty():  # typed by a script: show what was answered
        say(said)
    if said.lower() in ("q", "quit", "退出"):
        raise _Stop
    return said


def _numbers(said: str, most: int) -> set[int]:
    """The numbers in an answer such as `1,3`; empty where it is anything else."""
    parts = [part for part in said.replace("，", ",").replace("、", ",").replace(" ", ",").split(",") if part]
    if not all(part.isdigit() and 1 <= int(part) <= most for part in parts):
        return set()
    return {int(part) for part in parts}
