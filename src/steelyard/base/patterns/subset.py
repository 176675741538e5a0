"""The regular expressions that a rule may use: what Python's `re`, RE2 and Hyperscan all read alike.

Enforced: no look-around, back-reference, anchor, word boundary, inline flag or lazy or possessive repetition; every
repetition has an upper bound of at most 1,000 (RE2's limit), so that a match has a greatest width and can be looked for
in a window; the classes \\d and \\w mean ASCII; at most one capturing group, which is then the finding.
"""

from typing import NamedTuple

MOST_REPEATS = 1000
MOST_WIDTH = 4096
_ESCAPED = frozenset("\\.^$*+?{}[]()|-/\"'`~!@#%&=:;,<> ")
_CONTROL = frozenset("tnr")
_ENDLESS = "it repeats without bound; write {m,n} instead of *, + and {m,}"


class Unusable(ValueError):
    """Why a pattern is outside of the common subset; `at` is the offset in it."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.at = at


class Shape(NamedTuple):
    """What is known of a pattern: the least and greatest number of code points it matches, and its capturing groups."""

    least: int
    most: int
    groups: int


def shape(pattern: str) -> Shape:
    """Reads a pattern. Raises Unusable."""
    reader = _Reader(pattern)
    least, most = reader.either()
    if reader.at < len(pattern):
        raise Unusable("a parenthesis closes that was not opened", reader.at)
    if least == 0:
        raise Unusable("it can match nothing at all", 0)
    if most > MOST_WIDTH:
        raise Unusable(f"it can match {most:,} characters, more than {MOST_WIDTH:,}", 0)
    return Shape(least, most, reader.groups)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.groups, self.depth = pattern, 0, 0, 0

    def peek(self, width: int = 1) -> str:
        return self.pattern[self.at : self.at + width]

    def either(self) -> tuple[int, int]:
        least, most = self.sequence()
        while self.peek() == "|":
            self.at += 1
            low, high = self.sequence()
            least, most = min(least, low), max(most, high)
        return least, most

    def sequence(self) -> tuple[int, int]:
        least = most = 0
        while self.at < len(self.pattern) and self.peek() not in "|)":
            low, high = self.repeated()
            least, most = least + low, most + high
        return least, most

    def repeated(self) -> tuple[int, int]:
        least, most = self.atom()
        low, high = self.counts()
        if (low, high) != (1, 1) and self.peek() in ("?", "+", "*", "{"):
            raise Unusable("a repetition is repeated, lazy or possessive", self.at)
        return least * low, most * high

    def counts(self) -> tuple[int, int]:
        start, char = self.at, self.peek()
        if char == "?":
            self.at += 1
            return 0, 1
        if char in ("*", "+"):
            raise Unusable(_ENDLESS, start)
        if char != "{":
            return 1, 1
        body, closed, _ = self.pattern[start + 1 :].partition("}")
        low, comma, high = body.partition(",")
        if not closed or not low.isdecimal() or not (high.isdecimal() or high == ""):
            raise Unusable("write {m}, {m,n}, or \\{ for the sign itself", start)
        if comma and not high:
            raise Unusable(_ENDLESS, start)
        self.at += len(body) + 2
        first = int(low)
        last = first if not comma else int(high)
        if first > last or last > MOST_REPEATS:
            raise Unusable(f"repeat from fewer to more times, and at most {MOST_REPEATS:,}", start)
        return first, last

    def atom(self) -> tuple[int, int]:
        char = self.peek()
        if char == "(":
            return self.group()
        if char == "[":
            self.set()
        elif char == "\\":
            self.escape()
        elif char in "^$":
            raise Unusable("anchors are not used: `before` and `after` say what may stand beside a match", self.at)
        elif char in "*+?{}":
            raise Unusable("there is nothing to repeat here; write a backslash before the sign itself", self.at)
        else:
            self.at += 1
        return 1, 1

    def group(self) -> tuple[int, int]:
        start = self.at
        self.depth += 1
        if self.depth > 20:
            raise Unusable("groups are nested too deep", start)
        if self.peek(3) == "(?:":
            self.at += 3
        elif self.peek(2) == "(?":
            raise Unusable("only plain groups ( ) and (?: ) are common to all engines", start)
        else:
            self.at += 1
            self.groups += 1
            if self.groups > 1:
                raise Unusable("at most one capturing group; write (?: ) for the others", start)
        widths = self.either()
        if self.peek() != ")":
            raise Unusable("this parenthesis is not closed", start)
        self.at += 1
        self.depth -= 1
        return widths

    def escape(self) -> None:
        start = self.at
        char = self.pattern[start + 1 : start + 2]
        if char == "":
            raise Unusable("a backslash stands at the end", start)
        if char not in _ESCAPED and char not in _CONTROL and char not in ("d", "w"):
            raise Unusable(f"\\{char} is not read alike by all engines", start)
        self.at += 2

    def set(self) -> None:
        start = self.at
        self.at += 1
        if self.peek() == "^":
            self.at += 1
        if self.peek() == "]":
            raise Unusable("write \\] for the bracket itself", self.at)
        while self.peek() != "]":
            char = self.peek()
            if char == "":
                raise Unusable("this bracket is not closed", start)
            if char == "[":
                raise Unusable("write \\[ for the bracket itself", self.at)
            if self.peek(2) in ("&&", "||", "~~", "--"):
                raise Unusable("write a backslash before the sign itself", self.at)
            if char == "\\":
                self.escape()
            else:
                self.at += 1
        self.at += 1
