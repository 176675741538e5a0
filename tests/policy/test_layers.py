"""An annex adds and tightens; it weakens only where it says so, and then every assessment shows it."""

import datetime as dt
from pathlib import Path

import pytest

from steelyard.base.errors import InputError
from steelyard.policy.assess import assess_facts
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.examples import run_examples

ON = dt.date(2026, 11, 24)
HEAD = 'policy: 1\nid: site\nversion: "1"\ntitle: {en: Site annex, zh: 本地附加策略}\nextends: v1\n'
REASON = "{en: Agreed by the board., zh: 经董事会同意。}"


def layered(tmp_path: Path, body: str) -> Policy:
    path = tmp_path / "annex.yaml"
    path.write_text(HEAD + body, encoding="utf-8")
    return load_compiled(path)


def refused(tmp_path: Path, body: str) -> InputError:
    with pytest.raises(InputError) as caught:
        layered(tmp_path, body)
    return caught.value


def tier_of(policy: Policy, **raw: object) -> tuple[str, str]:
    facts = {name: policy.vocabulary[name].parse(value) for name, value in raw.items()}
    return tuple(assess_facts(facts, policy, ON).tier)  # type: ignore[return-value]


def test_an_annex_may_add_rules_terms_sets_and_facts(tmp_path: Path) -> None:
    policy = layered(
        tmp_path,
        """
facts:
  - id: x_board_interest
    name: {en: Board interest, zh: 董事会关注}
    type: bool
    question: {en: Is the board interested?, zh: 董事会是否关注？}
    help: {en: Ask., zh: 询问。}
sets: {LOUD: [audio, video]}
terms:
  loud: {when: generates & LOUD, title: {en: Loud, zh: 有声}}
tiers:
  - id: high.board
    tier: high
    title: {en: The board looks at it, zh: 董事会关注}
    when: x_board_interest and loud
    clauses: [v1:G5.1]
    why: {en: House rule., zh: 内部规定。}
    examples:
      fires: {x_board_interest: true, generates: [audio]}
      near_miss: {x_board_interest: true, generates: [text]}
""",
    )
    assert tier_of(policy, x_board_interest=True, generates=["audio"])[0] == "high"
    assert [layer.id for layer in policy.data.layers] == ["v1", "site"]
    assert all(trial.ok for trial in run_examples(policy))
    assert policy.digest != load_compiled().digest


def test_an_annex_may_tighten(tmp_path: Path) -> None:
    policy = layered(
        tmp_path,
        """
sets: {KEY_SECTORS: [education]}
tiers:
  - {id: medium.outside-users, tier: high}
  - {id: high.companion, also_when: interaction == "open_dialogue" and minors >= "possible"}
lanes:
  - {id: joint, within: P5D, reviewers: [{role: business, count: 2}, {role: data}, {role: legal}, {role: security}]}
""",
    )
    assert tier_of(policy, audience="business")[0] == "high"
    assert tier_of(policy, interaction="open_dialogue", minors="possible")[0] == "high"
    assert policy.lanes["medium"].within == "P5D"
    assert policy.data.loosened == ()


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("high.companion", "tiers:\n  - {id: high.companion, tier: medium}\n"),
        ("high.companion", "tiers:\n  - {id: high.companion, remove: true}\n"),
        ("high.major-impact", 'tiers:\n  - {id: high.major-impact, when: decision_impact == "major" and important_data,'
         " examples: {fires: {decision_impact: major, important_data: true}, near_miss: {decision_impact: major,"
         " important_data: false}}}\n"),
        ("joint", "lanes:\n  - {id: joint, reviewers: [{role: business}]}\n"),
        ("joint", "lanes:\n  - {id: joint, standing_approval: true}\n"),
        (
            "deep",
            "lanes:\n  - {id: deep, reviewers: [{role: business}, {role: data}, {role: legal}, {role: security}, "
            "{role: senior}]}\n",
        ),
        ("stop.beliefs", "prohibitions:\n  - {id: stop.beliefs, remove: true}\n"),
        ("govern.senior-sign-off", "obligations:\n  - {id: govern.senior-sign-off, gate: operate}\n"),
        ("govern.senior-sign-off", "obligations:\n  - {id: govern.senior-sign-off, evidence: []}\n"),
        ("govern.senior-sign-off", "obligations:\n  - {id: govern.senior-sign-off, due: P30D}\n"),
        ("govern.audit", "obligations:\n  - {id: govern.audit, every: P5Y}\n"),
        ("govern.audit", "obligations:\n  - {id: govern.audit, every: P1YT1H}\n"),
    ],
)  # fmt: skip
def test_a_weakening_must_be_declared(rule: str, body: str, tmp_path: Path) -> None:
    error = refused(tmp_path, body)
    assert error.code == "loosened" and rule in error.message.en and "loosens" in str(error.remedy)
    assert error.line is not None
    policy = layered(tmp_path, f"{body}loosens:\n  - {{rule: {rule}, reason: {REASON}}}\n")
    assert [item.rule for item in policy.data.loosened] == [rule]
    shown = assess_facts({}, policy, ON).as_dict()["loosened"]
    assert shown == [{"rule": rule, "policy": "site", "reason": {"en": "Agreed by the board.", "zh": "经董事会同意。"}}]


def test_a_declaration_that_loosens_nothing_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, f"loosens:\n  - {{rule: high.companion, reason: {REASON}}}\n")
    assert error.code == "loosens_nothing"


def test_ids_stay_unique(tmp_path: Path) -> None:
    entry = "{id: high.companion, tier: high}"
    assert refused(tmp_path, f"tiers:\n  - {entry}\n  - {entry}\n").code == "duplicate_id"
    assert (
        refused(tmp_path, "terms:\n  audience: {when: important_data, title: {en: a, zh: 甲}}\n").code == "duplicate_id"
    )


def test_a_layer_over_a_layer(tmp_path: Path) -> None:
    layered(tmp_path, "tiers:\n  - {id: medium.outside-users, tier: high}\n")
    (tmp_path / "team.yaml").write_text(
        HEAD.replace("site", "team").replace("extends: v1", "extends: annex.yaml")
        + "tiers:\n  - {id: medium.outside-users, tier: medium}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        load_compiled(tmp_path / "team.yaml")
    assert caught.value.code == "loosened"


def test_a_changed_policy_is_compiled_anew(tmp_path: Path) -> None:
    first = layered(tmp_path, "tiers:\n  - {id: medium.outside-users, tier: high}\n")
    second = layered(tmp_path, "")
    assert tier_of(first, audience="business")[0] == "high"
    assert tier_of(second, audience="business")[0] == "medium"


def test_a_fact_cannot_be_defined_again(tmp_path: Path) -> None:
    fact = "  - {id: x_a, name: {en: A, zh: 甲}, type: bool, question: {en: A?, zh: 甲？}, help: {en: A., zh: 甲。}}\n"
    assert refused(tmp_path, f"facts:\n{fact}{fact}").code == "duplicate_id"
    layered(tmp_path, f"facts:\n{fact}")
    (tmp_path / "team.yaml").write_text(
        HEAD.replace("site", "team").replace("extends: v1", "extends: annex.yaml") + f"facts:\n{fact}", encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        load_compiled(tmp_path / "team.yaml")
    assert caught.value.code == "duplicate_id"


def test_terms_that_double_at_every_step_are_refused_at_once(tmp_path: Path) -> None:
    text = "  t0: {when: important_data, title: {en: a, zh: 甲}}\n"
    for step in range(1, 40):
        before = f"t{step - 1}"
        text += f"  t{step}: {{when: ({before} and annotation) or ({before} and children_data), "
        text += "title: {en: a, zh: 甲}}\n"
    assert refused(tmp_path, f"terms:\n{text}").code == "too_long"


RULE_BODY = (
    "title: {en: t, zh: 题}, when: 'false', clauses: [v1:G5.1], why: {en: w, zh: 由},"
    " examples: {fires: {}, near_miss: {}}"
)
DUTY_BODY = f"{RULE_BODY}, action: {{en: a, zh: 做}}, owner: owner, gate: build"


@pytest.mark.parametrize("identifier", ["prohibited", "tier_lowest", "important_data", '"*"', '"^high.*$"', "High.x"])
def test_an_id_cannot_stand_for_anything_else(identifier: str, tmp_path: Path) -> None:
    assert refused(tmp_path, f"obligations:\n  - {{id: {identifier}, {DUTY_BODY}}}\n").code == "bad_id"


@pytest.mark.parametrize("identifier", ["high.hazard-domain", "stop.beliefs", "tier.low"])
def test_an_obligation_cannot_take_the_id_of_a_base_rule(identifier: str, tmp_path: Path) -> None:
    assert refused(tmp_path, f"obligations:\n  - {{id: {identifier}, {DUTY_BODY}}}\n").code == "duplicate_id"


@pytest.mark.parametrize("every", ['"P"', '""', '"PT"', "P0Y", "P1YT", "Pxyz", "P1.5Y", "P99999999Y"])
def test_a_duration_must_be_one(every: str, tmp_path: Path) -> None:
    assert refused(tmp_path, f"obligations:\n  - {{id: govern.audit, every: {every}}}\n").code == "bad_date"


@pytest.mark.parametrize(
    "change", ["{id: govern.audit, every: P364DT9999H}", "{id: data.dispose-at-end, gate: intake}"]
)
def test_a_disguised_weakening_is_one(change: str, tmp_path: Path) -> None:
    assert refused(tmp_path, f"obligations:\n  - {change}\n").code == "loosened"


def test_a_misspelt_member_of_a_base_set_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, "sets: {KEY_SECTORS: [edukation]}\n").code == "wrong_value"
