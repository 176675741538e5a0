"""A gate as JUnit XML: one test case for each obligation, so that any CI shows what is missing."""

from xml.sax.saxutils import quoteattr

from steelyard.base.i18n import Lang, Text
from steelyard.gates.gate import Judge, Result
from steelyard.gates.sarif import approval_missing, message, stopped


def junit(result: Result, judge: Judge, path: str, lang: Lang) -> str:
    """The JUnit XML of a gate: shut obligations fail, excepted and not yet due ones are skipped."""
    cases: list[str] = []
    failed = skipped = 0
    for step in result.steps:
        head = f"    <testcase classname={_attr(path)} name={_attr(step.fired.rule.id)}"
        if step.state in ("satisfied",):
            cases.append(head + "/>")
        elif step.state in ("excepted", "later"):
            skipped += 1
            cases.append(f"{head}><skipped message={_attr(message(step, lang))}/></testcase>")
        else:
            failed += 1
            cases.append(f"{head}><failure message={_attr(message(step, lang))} type={_attr(step.state)}/></testcase>")
    others = [
        *((f"approval.{role}", approval_missing(role)) for role in result.approval),
        *((item.rule.id, item.rule.title) for item in result.prohibitions),
        *(
            (item.rule.id, Text(f"if confirmed: {item.rule.title.en}", f"如属实：{item.rule.title.zh}"))
            for item in result.undecided
        ),
        *(("stopped", stopped(item)) for item in result.stops),
    ]
    for name, text in others:
        failed += 1
        cases.append(
            f"    <testcase classname={_attr(path)} name={_attr(name)}>"
            f'<failure message={_attr(text.get(lang))} type="gate"/></testcase>'
        )
    counts = f'tests="{len(cases)}" failures="{failed}" skipped="{skipped}" errors="0"'
    suite = _attr(f"steelyard gate {result.gate}: {judge.case.system}")
    body = "\n".join(cases)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n  <testsuite name={suite} {counts}>\n{body}\n'
        "  </testsuite>\n</testsuites>"
    )


def _attr(text: str) -> str:
    kept = "".join(char if char >= " " and char not in "\ufffe\uffff" else " " for char in text)
    return quoteattr(kept)
