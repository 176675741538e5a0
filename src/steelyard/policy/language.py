"""The predicate language: Python-like expressions over facts, parsed once to a typed tree. Nothing is ever executed.

    sector & KEY_SECTORS                       a set fact and a set have a member in common
    personal_data >= "sensitive"               order of a one_of fact, or a number for a count
    audience == "public" and generates         equality; a bare bool or set fact (not empty)
    "face" in biometrics, stage in {"use"}     membership
    acts_on == {}, affects <= {"employees"}    no member; no member outside
    tier >= "medium"                           only where the tier is known to be asked for (obligations)

Grammar (loosest first): `or`, `and`, `not`, one comparison, `&`, a word, number, string, set or parenthesis.
Enforced: names and values exist, types fit, comparisons do not chain, a text has at most `MAX_LENGTH` characters and
`MAX_DEPTH` nested levels. Errors carry the offset of the offending character; the loader turns it into line and column.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import near
from steelyard.policy.tree import TIER, TIERS, And, AtLeast, Const, IsTrue, Meets, Node, Not, OneOf, Or, TierIn, negate
from steelyard.profile.facts import MAX_COUNT, NONE, Fact, Vocabulary

MAX_LENGTH = 4_000
MAX_DEPTH = 24

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[0-9][0-9_]*)(?![\w.])
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
  | (?P<op>==|!=|<=|>=|[<>&(){},])
  )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_COMPARE = ("==", "!=", "<=", ">=", "<", ">", "in", "not in")
_KEYWORDS = ("and", "or", "not", "in", "true", "false")


class LanguageError(InputError):
    """An expression that cannot be read; `offset` counts characters from 0."""

    def __init__(self, code: str, message: Text, offset: int, remedy: Text | None = None) -> None:
        super().__init__(code, message, remedy=remedy, column=offset + 1)
        self.offset = offset


class Scope(NamedTuple):
    """What names mean: facts, named sets (of member ids), named terms, and whether `tier` may be asked."""

    vocabulary: Vocabulary
    sets: Mapping[str, frozenset[str]]
    terms: Mapping[str, Node]
    tier: bool = False

    def names(self) -> list[str]:
        """All names that may stand in an expression."""
        return [*self.vocabulary.ids, *self.sets, *self.terms, *([TIER] if self.tier else [])]


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


# What an operand is before its comparison is known.
class _FactRef(NamedTuple):
    fact: Fact


class _TierRef(NamedTuple):
    pass


class _String(NamedTuple):
    value: str


class _Number(NamedTuple):
    value: int


class _Set(NamedTuple):
    values: frozenset[str]
    text: str


class _Pred(NamedTuple):
    node: Node


_Operand = _FactRef | _TierRef | _String | _Number | _Set | _Pred


class _Span(NamedTuple):
    operand: _Operand
    start: int
    end: int


def parse(source: str, scope: Scope) -> Node:
    """The typed tree of `source`. Raises LanguageError."""
    if len(source) > MAX_LENGTH:
        raise LanguageError(
            "too_long",
            Text(f"the expression is longer than {MAX_LENGTH} characters", f"表达式超过 {MAX_LENGTH} 个字符"),
            MAX_LENGTH,
            Text("name parts of it under terms:", "请在 terms: 中为其各部分命名"),
        )
    return _Parser(source, scope).whole()


def _tokens(source: str) -> list[_Token]:
    out, position = [], 0
    while True:
        position = _SPACE.match(source, position).end()  # type: ignore[union-attr]
        if position == len(source):
            break
        match = _TOKEN.match(source, position)
        if match is None:
            raise LanguageError(
                "bad_character",
                Text(f"{source[position]!r} cannot stand here", f"此处不能出现 {source[position]!r}"),
                position,
                Text('texts stand in straight "double quotes"', "字符串请用半角双引号"),
            )
        kind = str(match.lastgroup)
        start = match.start(kind)
        out.append(_Token(kind, match.group(kind), start, match.end()))
        position = match.end()
    out.append(_Token("end", "", len(source), len(source)))
    return out


class _Parser:
    def __init__(self, source: str, scope: Scope) -> None:
        self._source = source
        self._scope = scope
        self._tokens = _tokens(source)
        self._at = 0
        self._depth = 0

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> bool:
        if self._now.kind in ("op", "name") and self._now.text in texts:
            self._at += 1
            return True
        return False

    def whole(self) -> Node:
        if self._now.kind == "end":
            raise LanguageError(
                "empty_expression",
                Text("the expression is empty", "表达式为空"),
                0,
                Text("write a condition, or true", "请写条件，或写 true"),
            )
        node = self._or()
        if self._now.kind != "end":
            self._unexpected()
        return node

    def _or(self) -> Node:
        items = [self._and()]
        while self._take("or"):
            items.append(self._and())
        return items[0] if len(items) == 1 else Or(_flat(items, Or))

    def _and(self) -> Node:
        items = [self._not()]
        while self._take("and"):
            items.append(self._not())
        return items[0] if len(items) == 1 else And(_flat(items, And))

    def _not(self) -> Node:
        negative = False
        while self._take("not"):
            negative = not negative
        node = self._comparison()
        return negate(node) if negative else node

    def _comparison(self) -> Node:
        left = self._meet()
        op = self._operator()
        if op is None:
            return self._truth(left)
        operator = self._tokens[self._at - 1]
        right = self._meet()
        node = self._compare(left, op, right, operator.start)
        if self._operator() is not None:
            raise LanguageError(
                "chained",
                Text("comparisons cannot be chained", "比较不能连写"),
                self._tokens[self._at - 1].start,
                Text("join two comparisons with and", "请用 and 连接两个比较"),
            )
        return node

    def _operator(self) -> str | None:
        if self._now.text == "not" and self._tokens[self._at + 1].text == "in" and self._now.kind == "name":
            self._at += 2
            return "not in"
        text = self._now.text
        return text if text in _COMPARE and self._take(text) else None

    def _meet(self) -> _Span:
        left = self._primary()
        while self._take("&"):
            right = self._primary()
            left = _Span(_Pred(self._intersection(left, right)), left.start, right.end)
        return left

    def _primary(self) -> _Span:
        token = self._now
        self._at += 1
        if token.kind == "number":
            digits = token.text.replace("_", "")
            if len(digits) > len(str(MAX_COUNT)):
                raise LanguageError("too_large_number", Text("the number is too large", "数字过大"), token.start)
            return _Span(_Number(int(digits)), token.start, token.end)
        if token.kind == "string":
            return _Span(_String(token.text[1:-1]), token.start, token.end)
        if token.kind == "name" and token.text not in ("and", "or", "not", "in"):
            return _Span(self._name(token), token.start, token.end)
        if token.text == "{" and token.kind == "op":
            return self._set_literal(token)
        if token.text == "(" and token.kind == "op":
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise LanguageError(
                    "too_deep",
                    Text(f"parentheses are nested more than {MAX_DEPTH} deep", f"括号嵌套超过 {MAX_DEPTH} 层"),
                    token.start,
                    Text("name parts of it under terms:", "请在 terms: 中为其各部分命名"),
                )
            node = self._or()
            if not self._take(")"):
                self._unexpected(")")
            self._depth -= 1
            return _Span(_Pred(node), token.start, self._tokens[self._at - 1].end)
        self._at -= 1
        self._unexpected()
        raise AssertionError

    def _set_literal(self, opening: _Token) -> _Span:
        values: list[str] = []
        while not self._take("}"):
            if values and not self._take(","):
                self._unexpected("}")
            token = self._now
            if token.kind != "string":
                self._unexpected('"..."')
            values.append(token.text[1:-1])
            self._at += 1
        end = self._tokens[self._at - 1].end
        return _Span(_Set(frozenset(values), self._source[opening.start : end]), opening.start, end)

    def _name(self, token: _Token) -> _Operand:
        name, scope = token.text, self._scope
        if name in ("true", "false"):
            return _Pred(Const(name == "true"))
        if name in scope.vocabulary:
            return _FactRef(scope.vocabulary[name])
        if name in scope.terms:
            return _Pred(scope.terms[name])
        if name in scope.sets:
            return _Set(scope.sets[name], name)
        if name == TIER and scope.tier:
            return _TierRef()
        if name == TIER:
            raise LanguageError(
                "tier_here",
                Text("tier cannot be asked here", "此处不能使用 tier"),
                token.start,
                Text("only obligations may depend on the tier", "只有义务可以依赖等级"),
            )
        raise LanguageError(
            "unknown_name",
            Text(f"{name} is not a fact, set or term", f"{name} 不是事实、集合或术语"),
            token.start,
            near(name, [*scope.names(), *_KEYWORDS])
            or Text("`steelyard facts` lists the facts", "用 `steelyard facts` 查看事实"),
        )

    def _unexpected(self, wanted: str = "") -> None:
        token = self._now
        found = token.text or "the end"
        found_zh = token.text or "结尾"
        expects = f", expected {wanted}" if wanted else ""
        expects_zh = f"，应为 {wanted}" if wanted else ""
        if token.text == "=":
            expects, expects_zh = ", write ==", "，请写 =="
        raise LanguageError(
            "syntax",
            Text(f"{found} cannot stand here{expects}", f"此处不能出现{found_zh}{expects_zh}"),
            token.start,
        )

    # Typing: operands meet their operators here.

    def _truth(self, span: _Span) -> Node:
        operand = span.operand
        if isinstance(operand, _Pred):
            return operand.node
        if isinstance(operand, _FactRef):
            fact = operand.fact
            if fact.type == "bool":
                return IsTrue(fact.id, fact.id)
            if fact.type == "set_of":
                return Meets(fact.id, frozenset(fact.members), fact.id)
            raise LanguageError(
                "not_a_condition",
                Text(f"{fact.id} alone is not a condition", f"{fact.id} 单独不构成条件"),
                span.start,
                Text(f"compare it: {_example(fact)}", f"请写成比较：{_example(fact)}"),
            )
        raise LanguageError("not_a_condition", Text("this alone is not a condition", "此处单独不构成条件"), span.start)

    def _intersection(self, left: _Span, right: _Span) -> Node:
        if isinstance(left.operand, _Set) and isinstance(right.operand, _FactRef):
            left, right = right, left
        if not isinstance(left.operand, _FactRef) or not isinstance(right.operand, _Set):
            raise LanguageError(
                "wrong_type",
                Text("& joins a set fact and a set", "& 用于连接集合型事实与集合"),
                right.start,
                Text('for example: sector & {"finance"}', '例如：sector & {"finance"}'),
            )
        fact = left.operand.fact
        if fact.type != "set_of":
            raise LanguageError(
                "wrong_type",
                Text(f"{fact.id} is not a set fact", f"{fact.id} 不是集合型事实"),
                left.start,
                Text(f"compare it: {_example(fact)}", f"请写成比较：{_example(fact)}"),
            )
        self._members(fact, right.operand.values, right)
        return Meets(fact.id, right.operand.values, f"{fact.id} & {right.operand.text}")

    def _members(self, fact: Fact, values: frozenset[str], span: _Span) -> None:
        for value in sorted(values):
            if value not in fact.rank:
                inside = self._source[span.start : span.end].find(value)
                raise LanguageError(
                    "wrong_value",
                    Text(f'"{value}" is not a value of {fact.id}', f'"{value}" 不是 {fact.id} 的取值'),
                    span.start + max(0, inside - 1),
                    near(value, fact.members)
                    or Text(f"use one of: {', '.join(fact.members)}", f"可用取值：{'、'.join(fact.members)}"),
                )

    def _compare(self, left: _Span, op: str, right: _Span, at: int) -> Node:
        a, b = left.operand, right.operand
        text = self._source[left.start : right.end]
        if isinstance(a, _TierRef):
            return self._tier(op, right, text, at)
        if isinstance(a, _FactRef) and a.fact.type == "one_of":
            return self._one_of(a.fact, op, right, text, at)
        if isinstance(a, _FactRef) and a.fact.type == "count" and isinstance(b, _Number):
            return self._count(a.fact, op, b.value, text, at)
        if isinstance(a, _FactRef) and a.fact.type == "set_of" and isinstance(b, _Set):
            return self._set(a.fact, op, b.values, text, right, at)
        if isinstance(a, _String) and isinstance(b, _FactRef) and b.fact.type == "set_of" and op in ("in", "not in"):
            self._members(b.fact, frozenset([a.value]), left)
            node = Meets(b.fact.id, frozenset([a.value]), f'"{a.value}" in {b.fact.id}')
            return Not(node) if op == "not in" else node
        if isinstance(a, _FactRef) and a.fact.type == "bool" and op in ("==", "!="):
            if isinstance(b, _Pred) and isinstance(b.node, Const):
                node_ = IsTrue(a.fact.id, a.fact.id)
                return node_ if b.node.value == (op == "==") else Not(node_)
            raise LanguageError(
                "wrong_type",
                Text(f"{a.fact.id} is true or false", f"{a.fact.id} 只能为 true 或 false"),
                right.start,
                Text(f"write {a.fact.id}, or not {a.fact.id}", f"请写 {a.fact.id} 或 not {a.fact.id}"),
            )
        if isinstance(a, _FactRef):
            raise LanguageError(
                "wrong_type",
                Text(f"{a.fact.id} cannot be compared this way", f"{a.fact.id} 不能这样比较"),
                right.start,
                Text(f"for example: {_example(a.fact)}", f"例如：{_example(a.fact)}"),
            )
        raise LanguageError(
            "wrong_type",
            Text("the left side of a comparison is a fact", "比较的左侧须为事实"),
            left.start,
            Text('for example: audience == "public"', '例如：audience == "public"'),
        )

    def _tier(self, op: str, right: _Span, text: str, at: int) -> Node:
        if isinstance(right.operand, _String) and right.operand.value in TIERS and op not in ("in", "not in"):
            return TierIn(_ordered(TIERS, op, TIERS.index(right.operand.value)), text)
        raise LanguageError(
            "wrong_value",
            Text("tier is low, medium or high", "tier 的取值为 low、medium 或 high"),
            right.start,
            Text('for example: tier >= "medium"', '例如：tier >= "medium"'),
        )

    def _one_of(self, fact: Fact, op: str, right: _Span, text: str, at: int) -> Node:
        operand = right.operand
        if op in ("in", "not in") and isinstance(operand, _Set):
            self._members(fact, operand.values, right)
            node = OneOf(fact.id, operand.values, text)
            return node if op == "in" else OneOf(fact.id, frozenset(fact.members) - operand.values, text)
        if not isinstance(operand, _String) or op in ("in", "not in"):
            raise LanguageError(
                "wrong_type",
                Text(f"{fact.id} is compared with one of its values", f"{fact.id} 应与其取值比较"),
                right.start,
                Text(f"for example: {_example(fact)}", f"例如：{_example(fact)}"),
            )
        self._members(fact, frozenset([operand.value]), right)
        if op not in ("==", "!=") and not fact.ordered:
            raise LanguageError(
                "not_ordered",
                Text(f"the values of {fact.id} have no order", f"{fact.id} 的取值没有顺序"),
                at,
                Text("use ==, != or in", "请使用 ==、!= 或 in"),
            )
        return OneOf(fact.id, _ordered(fact.members, op, fact.rank[operand.value]), text)

    def _count(self, fact: Fact, op: str, number: int, text: str, at: int) -> Node:
        if op in ("in", "not in"):
            raise LanguageError("wrong_type", Text("a count is a number, not a set", "计数是数字，不是集合"), at)
        at_least, above = AtLeast(fact.id, number, text), AtLeast(fact.id, number + 1, text)
        exactly = And((AtLeast(fact.id, number, text), Not(above)))
        table: dict[str, Node] = {
            ">=": at_least, ">": above, "<": Not(at_least), "<=": Not(above), "==": exactly, "!=": Not(exactly),
        }  # fmt: skip
        return table[op]

    def _set(self, fact: Fact, op: str, values: frozenset[str], text: str, right: _Span, at: int) -> Node:
        self._members(fact, values, right)
        outside = Meets(fact.id, frozenset(fact.members) - values, text)
        within: Node = Not(outside) if outside.values else Const(True)
        each: tuple[Node, ...] = tuple(Meets(fact.id, frozenset([value]), text) for value in sorted(values))
        if op == "<=":
            return within
        if op == ">=":
            return And(each) if each else Const(True)
        if op in ("==", "!="):
            equal: Node = And((within, *each)) if each else within
            return equal if op == "==" else negate(equal)
        raise LanguageError(
            "wrong_type",
            Text(f"{op} does not compare sets", f"{op} 不能用于比较集合"),
            at,
            Text("use &, ==, <= or >=", "请使用 &、==、<= 或 >="),
        )


def _flat(items: list[Node], kind: type[And] | type[Or]) -> tuple[Node, ...]:
    out: list[Node] = []
    for item in items:
        if isinstance(item, kind):
            out.extend(item.items)
        else:
            out.append(item)
    return tuple(dict.fromkeys(out))


def _ordered(members: tuple[str, ...], op: str, rank: int) -> frozenset[str]:
    tests = {
        "==": lambda i: i == rank, "!=": lambda i: i != rank, "<": lambda i: i < rank,
        "<=": lambda i: i <= rank, ">": lambda i: i > rank, ">=": lambda i: i >= rank,
    }  # fmt: skip
    return frozenset(member for i, member in enumerate(members) if tests[op](i))


def _example(fact: Fact) -> str:
    if fact.type == "count":
        return f"{fact.id} >= 1000"
    if fact.type == "bool":
        return fact.id
    value = next((member for member in fact.members if member != NONE), fact.members[-1])
    if fact.type == "set_of":
        return f'"{value}" in {fact.id}'
    return f'{fact.id} {">=" if fact.ordered else "=="} "{value}"'
