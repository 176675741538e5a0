"""Collectors: results of other tools, read into the typed result of a kind of evidence. Open by registration.

A collector is a function from a file to a `Collected`; packages register theirs under the entry point group
`steelyard.collectors`. Enforced: what a collector gives must be a result of its kind; a file that it cannot read is an
InputError with the place; XML with a document type is refused.
"""

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text

GROUP = "steelyard.collectors"
LARGEST = 64 * 1024 * 1024


class Collected(NamedTuple):
    """What a collector read: the kind of evidence it belongs to, and the result."""

    kind: str
    result: Mapping[str, Any]


Collector = Callable[[Path], Collected]


def registered() -> dict[str, Collector]:
    """Every collector by name, the shipped ones and those of installed packages. Raises `bad_registration`."""
    found: dict[str, Collector] = {"junit": junit}
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda item: item.name):
        try:
            collector = point.load()
        except Exception as error:  # whatever somebody else's module does when it is imported
            raise _bad(point.name, Text(f"it cannot be loaded ({error})", f"无法加载（{error}）")) from None
        if not callable(collector) or point.name in found:
            raise _bad(point.name, Text("it is no function, or its name is taken", "不是函数，或名称已被占用"))
        found[point.name] = collector
    return found


def _bad(name: str, why: Text) -> InputError:
    return InputError(
        "bad_registration",
        Text(f"the collector {name} cannot be used: {why.en}", f"采集器 {name} 无法使用：{why.zh}"),
        remedy=Text("correct or uninstall that package", "请更正或卸载该软件包"),
    )


def collect(name: str, path: Path) -> Collected:
    """What the collector of that name reads in a file. Raises InputError, also `unknown_collector`."""
    found = registered()
    if name not in found:
        raise InputError(
            "unknown_collector",
            Text(f"there is no collector {name!r}", f"没有名为 {name!r} 的采集器"),
            remedy=Text(f"use one of: {', '.join(found)}", f"可用采集器：{'、'.join(found)}"),
            field="--collect",
        )
    return found[name](path)


def junit(path: Path) -> Collected:
    """A JUnit XML report as an evaluation: it passes when there are cases and none failed or broke."""
    counts = {"testcase": 0, "failure": 0, "error": 0, "skipped": 0}
    roots: list[str] = []

    def start(tag: str, _: Mapping[str, str]) -> None:
        if not roots:
            roots.append(tag)
        if tag in counts:
            counts[tag] += 1

    def refuse(*_: object) -> None:
        raise _unreadable(path, Text("it declares a document type", "含 DTD 声明"))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        if path.stat().st_size > LARGEST:
            raise _unreadable(path, Text(f"it is larger than {LARGEST:,} bytes", f"超过 {LARGEST:,} 字节"))
        with open(path, "rb") as stream:
            parser.ParseFile(stream)
    except OSError as error:
        raise _unreadable(path, Text(str(error.strerror), str(error.strerror))) from None
    except (expat.ExpatError, ValueError) as error:
        raise _unreadable(path, Text(str(error), str(error))) from None
    if roots[:1] not in (["testsuites"], ["testsuite"]):
        raise _unreadable(path, Text("it is no JUnit report", "不是 JUnit 报告"))
    broken = counts["failure"] + counts["error"]
    ran = counts["testcase"] - counts["skipped"]
    outcome = "fail" if broken else "pass" if ran > 0 else "inconclusive"
    details = {"failures": counts["failure"], "errors": counts["error"], "skipped": counts["skipped"]}
    return Collected("evaluation", {"outcome": outcome, "cases": max(ran, 0), "details": {"junit": details}})


def _unreadable(path: Path, why: Text) -> InputError:
    return InputError(
        "bad_report",
        Text(f"the report cannot be read: {why.en}", f"无法读取报告：{why.zh}"),
        remedy=Text("write it again with the tool that made it", "请用生成它的工具重新输出"),
        path=str(path),
    )
