"""Loading packs of patterns: checked once, kept in compiled form.

Enforced on load, with file, line and rule in every message: ids are unique and of the form `kind.name`; triggers and
gates stay within the common subset; validators exist; a rule names words or a gate that its matches contain; every
positive example is found by its rule and no negative one is.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from steelyard.base import packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.patterns import validators
from steelyard.base.patterns.model import RANK, Compiled, CompiledRule, PackData, RuleData
from steelyard.base.patterns.rules import Rules
from steelyard.base.patterns.subset import Shape, Unusable, shape
from steelyard.base.yamldoc import Document, KeyPath, convert, near
from steelyard.base.yamldoc import load as load_yaml

FORMAT = 1
HERE = Path(__file__).parent
SHIPPED = (HERE / "packs" / "personal.yaml", HERE / "packs" / "secrets.yaml")
_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9]+(-[a-z0-9]+)*")
_CODE = tuple(sorted(HERE.glob("*.py")))


def load(*paths: str | Path) -> Rules:
    """The rules of these packs, in their order. Raises InputError."""
    files = [Path(path) for path in paths]
    for path in files:
        if not path.is_file():
            raise InputError("cannot_read", Text("there is no such file", "文件不存在"), path=str(path))
    name = "base.patterns"
    if tuple(files) != SHIPPED:
        name += "." + hashlib.sha256("\0".join(str(path.absolute()) for path in files).encode()).hexdigest()[:12]
    return Rules(packs.cached(name, [*files, *_CODE], Compiled, lambda: compile_packs(files)))


@cache
def shipped() -> Rules:
    """The shipped rules: personal data and secrets."""
    return load(*SHIPPED)


def compile_packs(paths: Sequence[Path]) -> Compiled:
    """Reads and checks packs. Raises InputError with the place."""
    seen: dict[str, str] = {}
    rules: list[CompiledRule] = []
    total = hashlib.sha256()
    for path in paths:
        doc = load_yaml(path)
        total.update(hashlib.sha256(path.read_bytes()).digest())
        if not isinstance(doc.data, dict) or doc.data.get("patterns") != FORMAT:
            raise doc.error("bad_format", (), Text(f"expected 'patterns: {FORMAT}'", f"应以 'patterns: {FORMAT}' 开头"))
        pack: PackData = convert(doc, (), doc.data, PackData)
        for index, rule in enumerate(pack.rules):
            keys: KeyPath = ("rules", index)
            if rule.id in seen:
                raise doc.error(
                    "duplicate_id",
                    (*keys, "id"),
                    Text(
                        f"{rule.id} is defined twice, also in {seen[rule.id]}",
                        f"{rule.id} 重复定义，另见 {seen[rule.id]}",
                    ),
                )
            seen[rule.id] = path.name
            rules.append(_checked(doc, keys, rule))
    return Compiled(total.hexdigest(), tuple(rules))


def _checked(doc: Document, keys: KeyPath, rule: RuleData) -> CompiledRule:
    if not _ID.fullmatch(rule.id) or rule.id.partition(".")[0] != rule.kind:
        raise doc.error(
            "bad_id",
            (*keys, "id"),
            Text(f"{rule.id!r} is not the kind, a dot and a name in lower case", f"{rule.id!r} 应为“类别.小写名称”"),
            Text(f"write {rule.kind}.some-name", f"请写成 {rule.kind}.some-name"),
        )
    form = _shape(doc, (*keys, "trigger"), rule, rule.trigger)
    if rule.gate is not None:
        _shape(doc, (*keys, "gate"), rule, rule.gate)
    _probe(doc, keys, rule)
    for field, known in (("validator", validators.JUDGES), ("extend", validators.EXTENDERS)):
        name = getattr(rule, field)
        if name is not None and name not in known:
            raise doc.error(
                "wrong_value",
                (*keys, field),
                Text(f"{rule.id}: there is no {field} {name!r}", f"{rule.id}：没有名为 {name!r} 的 {field}"),
                near(name, known),
            )
    for field in ("before", "after"):
        inside = getattr(rule, field)
        if inside:
            _shape(doc, (*keys, field), rule, f"[{inside}]")
    if rule.with_context is not None and RANK[rule.with_context] < RANK[rule.confidence]:
        raise doc.error(
            "wrong_value",
            (*keys, "with_context"),
            Text(f"{rule.id}: context cannot lower the confidence", f"{rule.id}：上下文不能降低可信度"),
        )
    compiled = CompiledRule(rule, form.most, form.groups == 1)
    _examples(doc, keys, compiled)
    return compiled


def _shape(doc: Document, keys: KeyPath, rule: RuleData, pattern: str) -> Shape:
    try:
        form = shape(pattern)
        re.compile(pattern, re.ASCII)
    except (Unusable, re.error) as error:
        at = error.at if isinstance(error, Unusable) else error.pos or 0
        raise doc.error(
            "bad_pattern",
            keys,
            Text(
                f"{rule.id}: character {at + 1} of {pattern!r}: {error}",
                f"{rule.id}：{pattern!r} 第 {at + 1} 个字符：{error}",
            ),
            Text(
                "write what Python, RE2 and Hyperscan read alike (see steelyard.base.patterns.subset)",
                "请只使用 Python、RE2 与 Hyperscan 通用的写法（见 steelyard.base.patterns.subset）",
            ),
        ) from None
    return form


def _probe(doc: Document, keys: KeyPath, rule: RuleData) -> None:
    if bool(rule.gate) + bool(rule.needs) + bool(rule.digits) != 1 or "" in rule.needs or not 0 <= rule.digits <= 99:
        raise doc.error(
            "missing_key",
            keys,
            Text(
                f"{rule.id} needs one of `needs` (words), `digits` (a length up to 99) and `gate` (an expression)",
                f"{rule.id} 须且只能写明 `needs`（词）、`digits`（不超过 99 的长度）、`gate`（表达式）三者之一",
            ),
            Text("name what every match contains", "请写明每个匹配必含的内容"),
        )
    for field in ("needs", "context"):
        words = getattr(rule, field)
        lower = rule.ignore_case or field == "context"
        for index, word in enumerate(words):
            if lower and word != word.lower():
                raise doc.error(
                    "wrong_value",
                    (*keys, field, index),
                    Text(f"{rule.id}: {word!r} is to be in lower case", f"{rule.id}：{word!r} 须为小写"),
                )


def _examples(doc: Document, keys: KeyPath, compiled: CompiledRule) -> None:
    rules, rule = Rules(Compiled("", (compiled,))), compiled.data
    for side, wanted in (("positive", True), ("negative", False)):
        texts: tuple[str, ...] = getattr(rule.examples, side)
        if not texts:
            raise doc.error(
                "bad_example",
                (*keys, "examples"),
                Text(f"{rule.id} has no {side} example", f"{rule.id} 缺少 {side} 示例"),
            )
        for index, text in enumerate(texts):
            if bool(rules.find(text)) is not wanted:
                raise doc.error(
                    "bad_example",
                    (*keys, "examples", side, index),
                    Text(
                        f"{rule.id} finds {'nothing' if wanted else 'something'} in this {side} example",
                        f"{rule.id} 在此{'正' if wanted else '反'}例中{'未命中' if wanted else '误命中'}",
                    ),
                    Text("correct the rule or the example", "请修正规则或示例"),
                )
