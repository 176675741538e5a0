"""The predicate language: what it accepts, what each form means, and that nothing in it can run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.policy.kleene import atom_value, evaluate
from steelyard.policy.language import LanguageError, Scope, parse
from steelyard.policy.tree import And, Const, IsTrue, Meets, Node, Not, OneOf, Or, TierIn, atoms, negate, text_of
from steelyard.profile.facts import vocabulary

WORDS = vocabulary()
SCOPE = Scope(WORDS, {"KEY": frozenset({"finance", "energy"})}, {}, tier=True)


def truth(text: str, **known: object) -> bool | None:
    """The truth of an expression for the named facts; all others unknown."""
    values = dict.fromkeys((*WORDS.ids, "tier"))
    for name, raw in known.items():
        values[name] = raw if name == "tier" else WORDS[name].parse(raw)  # type: ignore[assignment]
    return evaluate(parse(text, SCOPE), lambda atom: atom_value(atom, values))


@pytest.mark.parametrize(
    ("text", "known", "wanted"),
    [
        ("important_data", {"important_data": True}, True),
        ("not important_data", {"important_data": True}, False),
        ("important_data == false", {"important_data": False}, True),
        ("important_data != true", {"important_data": True}, False),
        ('audience == "public"', {"audience": "public"}, True),
        ('audience != "public"', {"audience": "business"}, True),
        ('audience > "internal"', {"audience": "business"}, True),
        ('audience <= "business"', {"audience": "public"}, False),
        ('audience in {"business", "public"}', {"audience": "internal"}, False),
        ('audience not in {"business"}', {"audience": "internal"}, True),
        ('stage == "use"', {"stage": "use"}, True),
        ("sector & KEY", {"sector": ["finance", "retail"]}, True),
        ("KEY & sector", {"sector": ["retail"]}, False),
        ('sector & {"retail"}', {"sector": "retail"}, True),
        ('"finance" in sector', {"sector": ["finance"]}, True),
        ('"finance" not in sector', {"sector": ["finance"]}, False),
        ("generates", {"generates": []}, False),
        ("generates", {"generates": "none"}, False),
        ("generates == {}", {"generates": []}, True),
        ('sector == {"finance"}', {"sector": ["finance"]}, True),
        ('sector == {"finance"}', {"sector": ["finance", "retail"]}, False),
        ('sector <= {"finance", "retail"}', {"sector": ["retail"]}, True),
        ('sector >= {"finance"}', {"sector": ["finance", "retail"]}, True),
        ('sector != {"finance"}', {"sector": []}, True),
        ("monthly_active >= 1_000", {"monthly_active": 1000}, True),
        ("monthly_active > 1000", {"monthly_active": 1000}, False),
        ("monthly_active < 1000", {"monthly_active": 999}, True),
        ("monthly_active == 5", {"monthly_active": 5}, True),
        ("monthly_active != 5", {"monthly_active": 5}, False),
        ("true", {}, True),
        ("false or true", {}, True),
        ('tier >= "medium"', {"tier": frozenset({"medium", "high"})}, True),
        ('tier >= "medium"', {"tier": frozenset({"low", "medium"})}, None),
        ('tier == "high"', {"tier": frozenset({"low", "medium"})}, False),
        ('tier != "low"', {"tier": frozenset({"low"})}, False),
    ],
)
def test_each_form_means_what_it_says(text: str, known: dict[str, object], wanted: bool | None) -> None:
    assert truth(text, **known) is wanted


@pytest.mark.parametrize(
    ("text", "known", "wanted"),
    [
        ("important_data and children_data", {"important_data": False}, False),
        ("important_data and children_data", {"important_data": True}, None),
        ("important_data or children_data", {"important_data": True}, True),
        ("important_data or children_data", {"important_data": False}, None),
        ("not important_data", {}, None),
        ("important_data or not important_data", {}, None),
        ('sector & {"finance"}', {}, None),
        ("monthly_active >= 1", {}, None),
    ],
)
def test_unknown_facts_follow_kleene(text: str, known: dict[str, object], wanted: bool | None) -> None:
    assert truth(text, **known) is wanted


def test_precedence_is_that_of_python() -> None:
    tree = parse("important_data or children_data and not annotation", SCOPE)
    assert tree == Or((IsTrue("important_data"), And((IsTrue("children_data"), Not(IsTrue("annotation"))))))
    assert parse('not audience == "public"', SCOPE) == Not(OneOf("audience", frozenset({"public"})))
    assert parse("(important_data or children_data) and annotation", SCOPE) == And(
        (Or((IsTrue("important_data"), IsTrue("children_data"))), IsTrue("annotation"))
    )


def test_only_known_forms_exist() -> None:
    for text in (
        "audience.lower()", "[x for x in sector]", "lambda: 1", "sector[0]", "1 + 1", "audience == audience",
        '"a" "b"', "`x`", "important_data if true else false", "sector & sector", 'tier in {"low"}',
        "5 < monthly_active",
        "monthly_active == \"5\"", "{\"finance\"}", "KEY", '"finance"', "5", "important_data == 1",
        "sector == \"finance\"",
    ):  # fmt: skip
        with pytest.raises(LanguageError) as caught:
            parse(text, SCOPE)
        assert caught.value.message.en and caught.value.message.zh, text
        assert 0 <= caught.value.offset <= len(text)


PIECES = 'audience sector == & ( ) { } "public" and or not in KEY 5 , tier >= important_data'.split()  # noqa: SIM905


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = parse(text, SCOPE)
    except LanguageError:
        return
    assert all(atom.fact in WORDS or atom.fact == "tier" for atom in atoms(tree))


def trees() -> st.SearchStrategy[Node]:
    """Random trees over a few facts."""
    leaf = st.sampled_from(
        [
            IsTrue("important_data", "important_data"),
            OneOf("audience", frozenset({"public"}), 'audience == "public"'),
            Meets("sector", frozenset({"finance"}), 'sector & {"finance"}'),
            TierIn(frozenset({"high"}), 'tier == "high"'),
            Const(True),
        ]
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(negate),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: And(tuple(items))),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: Or(tuple(items))),
        ),
        max_leaves=8,
    )


@settings(max_examples=200, deadline=None)
@given(trees(), st.data())
def test_the_text_of_a_tree_means_the_same(tree: Node, data: st.DataObject) -> None:
    again = parse(text_of(tree), SCOPE)
    known = {atom: data.draw(st.sampled_from([True, False, None])) for atom in dict.fromkeys(atoms(tree))}
    assert evaluate(again, known.__getitem__) is evaluate(tree, known.__getitem__)
