"""Errors for people: what is wrong, where, and what to do. A traceback never reaches a user.

Exit codes of every command: 0 done; 1 the answer is no; 2 an input cannot be used; 3 the environment is not ready.
"""

from typing import Any, NoReturn

from steelyard.base.i18n import Lang, Text

EXIT_DONE, EXIT_NO, EXIT_INPUT, EXIT_ENVIRONMENT = 0, 1, 2, 3


class SteelyardError(Exception):
    """A failure that a person can act on.

    `code` is stable and for programs; `message` and `remedy` are for people, in both languages. `line` and `column`
    count from 1.
    """

    exit_code = EXIT_INPUT

    def __init__(
        self,
        code: str,
        message: Text,
        *,
        remedy: Text | None = None,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message.en)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.path = path
        self.line = line
        self.column = column
        self.field = field

    @property
    def place(self) -> str:
        """`file:line:column (field)`, as much of it as is known."""
        parts = [str(part) for part in (self.path, self.line, self.column) if part is not None]
        place = ":".join(parts)
        if self.field:
            place = f"{place} ({self.field})" if place else self.field
        return place

    def render(self, lang: Lang) -> str:
        """The error as one to two lines of text."""
        head = f"{self.place}: {self.message.get(lang)}" if self.place else self.message.get(lang)
        if self.remedy is None:
            return head
        return f"{head}\n  {'→' if lang == 'zh' else '->'} {self.remedy.get(lang)}"

    def as_dict(self, lang: Lang) -> dict[str, Any]:
        """The error as the JSON line that contracts fix for an unusable input."""
        return {
            "path": self.path,
            "error": {
                "code": self.code,
                "message": self.message.get(lang),
                "line": self.line,
                "field": self.field,
                "remedy": self.remedy.get(lang) if self.remedy else None,
                "column": self.column,
            },
        }


class InputError(SteelyardError):
    """An input cannot be used (exit code 2)."""

    exit_code = EXIT_INPUT


class EnvironmentNotReady(SteelyardError):
    """Something this command needs is missing on this machine (exit code 3)."""

    exit_code = EXIT_ENVIRONMENT


def missing_extra(extra: str, package: str) -> EnvironmentNotReady:
    """The error for a feature whose optional dependency is not installed."""
    return EnvironmentNotReady(
        "missing_extra",
        Text(f"this command needs the Python package {package}", f"此命令需要 Python 包 {package}"),
        remedy=Text(
            f"install Steelyard with its extra steelyard[{extra}] (see the README)",
            f"请安装 Steelyard 的附加组件 steelyard[{extra}]（见 README）",
        ),
    )


def unreachable(why: str) -> NoReturn:
    """Marks a branch that types already exclude."""
    raise AssertionError(why)
