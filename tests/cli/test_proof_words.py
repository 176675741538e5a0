"""How `policy check` speaks: in the reader's language throughout, with the facts that a promise turns on."""

from pathlib import Path

import pytest

from steelyard.base.i18n import Lang
from steelyard.cli.proofs import findings_text, promised
from steelyard.policy.compile import load_compiled

pytest.importorskip("z3")

ANNEX = """
policy: 1
id: mine
version: "1"
title: {en: Ours, zh: 本单位}
extends: v1
promises:
  - id: checked
    title: {en: Age is checked, zh: 检查年龄}
    never: 'age_check == "none" and audience == "internal"'
    clauses: []
    why: {en: We say so., zh: 我们如此规定。}
"""


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ("promise:checked: Age is checked", "age_check is not asked and counts as none")),
        ("zh", ("promise:checked：检查年龄", "不问 age_check，按 none 计")),
    ],
)
def test_a_broken_promise_shows_the_facts_it_turns_on(tmp_path: Path, lang: Lang, said: tuple[str, str]) -> None:
    from steelyard.policy.proofs.findings import Finding

    path = tmp_path / "annex.yaml"
    path.write_text(ANNEX, encoding="utf-8")
    policy = load_compiled(path)
    assert promised("promise:checked", policy) == {"age_check", "audience"}
    assert promised("one_tier", policy) == frozenset()
    facts = {"facts": {"audience": "internal", "personal_data": "none"}}
    finding = Finding("promise:checked", policy.data.promises[-1].title, False, facts)
    text = findings_text([finding], policy, lang)
    assert all(words in text for words in said)
    assert text.index("audience: internal") < text.index("personal_data: none")
