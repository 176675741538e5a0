"""The dialogue of the interview: one prompt after the other on a terminal, or with answers from standard input.

Enforced: every answer is kept before the next question is asked; `b` takes back the last one, in the file too; nothing
that a draft proposes becomes an answer unless the person presses Enter where it is shown.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TextIO

from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Lang, Text
from steelyard.cli import intake_screens as screens
from steelyard.cli.intake_answers import MAX_LINE, Misread, answer_of, command_of, ticks_of
from steelyard.cli.intake_file import Keeper
from steelyard.intake.interview import Interview, Screen, State, state_of
from steelyard.profile.document import Profile
from steelyard.profile.facts import Value
from steelyard.profile.write import Notes, Suggestion

_SHORT = {"name": 120, "owner": 120, "purpose": 2_000}
_PROMPT = "  > "


class Stop(Exception):
    """The person stops; what was answered is kept."""


class _Back(Exception):
    """The person wants the previous question again."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the dialogue stands: `fields` of the system and facts of `screen` that are still to be asked."""

    profile: Profile
    state: State
    skipped: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    screen: Screen | None = None
    left: tuple[str, ...] = ()
    number: int = 0


class Talk:
    """One dialogue. `tell` shows a line to the person, prompts go to `prompt`; answers come from standard input."""

    def __init__(
        self,
        keeper: Keeper,
        interview: Interview,
        lang: Lang,
        tell: Callable[[str], None],
        prompt: TextIO,
        *,
        again: bool = False,
    ) -> None:
        self.keeper, self.interview, self.lang = keeper, interview, lang
        self._tell, self._prompt = tell, prompt
        self._history: list[Moment] = []
        self._unread: str | None = None
        self._shown: Screen | None = None
        self._suggested: dict[str, list[Suggestion]] = {}
        for item in keeper.notes.suggestions:
            self._suggested.setdefault(item.fact, []).append(item)
        self.answers = 0
        profile, notes = keeper.profile, keeper.notes
        asked = () if again else profile.asked
        state = state_of(profile.facts, asked, interview.policy, notes.ticked)
        fields = tuple(name for name in screens.FIELDS if not getattr(profile, name) and name not in notes.skipped)
        self.now = self._kept = Moment(profile, state, notes.skipped, fields)

    def say(self, text: Text) -> None:
        """Shows a text in the person's language."""
        self._tell(text.get(self.lang))

    def run(self) -> None:
        """Asks until nothing left can change the result. Raises Stop where the person stops or the input ends."""
        self._greet()
        while self._enter():
            before = self.now
            try:
                after = self._ask()
            except _Back:
                self._go_back()
                continue
            self._history.append(before)
            self.now = after
            self.answers += 1
            self.keep()

    def keep(self) -> None:
        """Keeps what is not yet kept."""
        if self.now is self._kept:
            return
        now = self.now
        ticked = now.state.ticked if now.state.checklist_done else None
        self.keeper.keep(self.profile, Notes(self.keeper.notes.suggestions, ticked, now.skipped))
        self._kept = now

    @property
    def profile(self) -> Profile:
        """What is known now."""
        state, order = self.now.state, self.interview.policy.fact_order
        asked = tuple(sorted(state.asked, key=lambda fact: order[fact]))
        return self.keeper.named(replace(self.now.profile, facts=dict(state.facts), asked=asked))

    def _greet(self) -> None:
        self.say(screens.HOW)
        known = len(self.now.state.facts) + len(self.now.state.asked)
        if known:
            self.say(
                Text(
                    f"{self.keeper.path}: going on after {known} answers",
                    f"{self.keeper.path}：已有 {known} 项答案，接着问",
                )
            )
        state = self.now.state
        open_ones = sum(fact not in state.facts and fact not in state.asked for fact in self._suggested)
        if open_ones:
            self.say(
                Text(
                    f"A draft proposes answers to {open_ones} questions; none counts until you accept it.",
                    f"草稿为 {open_ones} 个问题提出了建议答案；您采纳后才算数。",
                )
            )
        if self.now.fields:
            self._tell(f"\n{screens.SYSTEM.get(self.lang)}")

    def _enter(self) -> bool:
        """Makes ready what to ask next; false when nothing is left."""
        now = self.now
        if now.fields:
            return True
        while now.left and not self.interview.applies(now.left[0], now.state):
            now = replace(now, left=now.left[1:])
        if not now.left:
            screen = self.interview.next(now.state)
            if screen is None:
                return False
            now = replace(now, screen=screen, left=screen.facts, number=now.number + 1)
        if now.screen is not None and now.screen is not self._shown:
            after = self.interview.remaining(now.state) - 1
            self._tell("\n" + screens.heading(now.number, now.screen, after, self.lang))
            self._shown = now.screen
        if now != self.now:
            self.now = self._kept = now  # only where it stands has changed, nothing to keep
        return True

    def _ask(self) -> Moment:
        now = self.now
        if now.fields:
            return self._ask_field(now.fields[0])
        if now.screen is not None and now.screen.kind == "checklist":
            return replace(now, state=self._ask_checklist(now.screen), left=())
        name = now.left[0]
        return replace(now, state=self.interview.answer(now.state, {name: self._ask_fact(name)}), left=now.left[1:])

    def _go_back(self) -> None:
        if not self._history:
            self.say(
                Text(
                    "this is the first question of this sitting; an earlier answer can be changed in the file",
                    "这是本次的第一题；更早的答案可在文件中修改",
                )
            )
            return
        self.now = self._history.pop()
        self.answers -= 1
        self._shown = None
        self.keep()

    # -- the three kinds of prompt --

    def _ask_field(self, name: str) -> Moment:
        self._tell(f"  {screens.FIELDS[name].get(self.lang)}")
        now = self.now
        while True:
            said = self._read()
            if command_of(said) == "help":
                self._tell("    " + screens.FIELD_HELP[name].get(self.lang))
                continue
            if not said or command_of(said) == "unknown":
                return replace(now, skipped=now.skipped | {name}, fields=now.fields[1:])
            if said.isdecimal() and name != "owner":
                if not sys.stdin.isatty() and not self._history:
                    self._unread = said  # answers typed by a script begin with the first question
                    return replace(now, fields=())
                self.say(Text("    words, please, not a number; Enter skips", "    请用文字，不要只写数字；回车跳过"))
                continue
            text = " ".join("".join(char if char.isprintable() else " " for char in said).split())
            if len(text) > _SHORT[name] or "\ufffd" in text or not text:
                most = _SHORT[name]
                self.say(Text(f"    at most {most} readable characters", f"    请写可读文字，最多 {most} 个字符"))
                continue
            return replace(now, profile=_with_field(now.profile, name, text), fields=now.fields[1:])

    def _ask_fact(self, name: str) -> Value | None:
        policy = self.interview.policy
        fact, proposed = policy.vocabulary[name], self._suggested.get(name, [])
        self._tell(screens.fact_text(fact, policy, proposed, self.lang))
        while True:
            said = self._read()
            command = command_of(said)
            if command == "help":
                self._tell(screens.explained(fact, policy, self.lang))
            elif not said and len(proposed) == 1:
                label = fact.label(proposed[0].value)
                self.say(Text(f"    accepted: {label.en}", f"    已采纳：{label.zh}"))
                return proposed[0].value
            elif not said and proposed:
                self._tell("    " + screens.enter_text(proposed).get(self.lang))
            elif not said or command == "unknown":
                return None
            else:
                try:
                    return answer_of(fact, said)
                except Misread as problem:
                    self.say(Text(f"    {problem.message.en}", f"    {problem.message.zh}"))

    def _ask_checklist(self, screen: Screen) -> State:
        policy, state = self.interview.policy, self.now.state
        self._tell(screens.checklist_text(self.interview.screens.checklist, screen, self._suggested, self.lang))
        names = [item.fact for item in screen.items]
        numbered = [(number, policy.vocabulary[name]) for number, name in enumerate(names, 1)]
        while True:
            said = self._read()
            command = command_of(said)
            if not said or command == "unknown":
                return self.interview.tick(state, (), screen, unsure=names)
            one = said.lstrip("?？").strip()
            if command == "help" or (said[0] in "?？" and one.isdecimal() and len(one) < 4):
                chosen = [pair for pair in numbered if not one.isdecimal() or pair[0] == int(one)] or numbered
                self._tell(screens.checklist_help(chosen, policy, self.lang, full=one.isdecimal()))
                continue
            ticks = ticks_of(said, len(names))
            if ticks is None:
                problem = screens.checklist_expected(len(names))
                self.say(Text(f"    {problem.en}", f"    {problem.zh}"))
                continue
            ticked, unsure = ({names[number - 1] for number in chosen} for chosen in ticks)
            return self.interview.tick(state, ticked, screen, unsure=unsure)

    def _read(self) -> str:
        """One answer, without the space around it. Raises Stop and _Back."""
        if self._unread is not None:
            said, self._unread = self._unread, None
            self._tell(_PROMPT + said)
            return said
        while True:
            print(_PROMPT, end="", flush=True, file=self._prompt)
            try:
                line = rest = sys.stdin.readline(MAX_LINE)
                while len(rest) == MAX_LINE and not rest.endswith("\n"):
                    rest = sys.stdin.readline(MAX_LINE)
            except (OSError, ValueError):
                raise no_input() from None
            if not line:
                self._tell("")
                raise Stop
            said = line.strip()
            if not sys.stdin.isatty():  # typed by a script: show what was answered
                self._tell(said[:200])
            if rest is line:
                break
            self.say(Text("    that is too long for an answer", "    答案过长"))
        command = command_of(said)
        if command == "stop":
            raise Stop
        if command == "back":
            raise _Back
        return said


def _with_field(profile: Profile, name: str, text: str) -> Profile:
    if name == "name":
        return replace(profile, name=text)
    return replace(profile, purpose=text) if name == "purpose" else replace(profile, owner=text)


def no_input() -> EnvironmentNotReady:
    """The error for an interview that nobody can answer."""
    return EnvironmentNotReady(
        "no_input",
        Text(
            "the interview needs a terminal, or answers on standard input; that is closed",
            "访谈需要终端，或从标准输入读取答案；现在标准输入已关闭",
        ),
        remedy=Text(
            "run it in a terminal, or use: steelyard intake next FILE --json",
            "请在终端中运行，或使用：steelyard intake next 文件 --json",
        ),
    )
