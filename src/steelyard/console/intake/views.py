"""Intake: the adaptive interview as a page, its result, and submitting. What to ask next is `intake`'s matter."""

import re
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from steelyard.base.errors import SteelyardError
from steelyard.console.intake.models import Draft
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang, t
from steelyard.console.web.uploads import one_line
from steelyard.gates import decide, fast_lane, people, tables
from steelyard.gates.case import case_of
from steelyard.intake import contradictions
from steelyard.intake.interview import Screen, State, asking
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.profile.facts import NONE, Fact, FactError, Value

UNKNOWN = "?"


def _draft(request: HttpRequest, system: str, *, lock: bool = False) -> Draft:
    rows = Draft.objects.select_for_update() if lock else Draft.objects
    return get_object_or_404(rows.select_related("owner"), system=system, owner=request.user)


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """A new draft."""
    draft = Draft.objects.create(
        system=f"s-{get_random_string(8, 'abcdefghijkmnpqrstuvwxyz23456789')}", owner=request.user
    )
    return redirect(f"/intake/{draft.system}/")


@require_http_methods(["GET", "HEAD", "POST"])
def screen(request: HttpRequest, system: str) -> HttpResponse:
    """The next screen of the interview; one answer set at a time, kept at once."""
    if request.method == "POST":
        with transaction.atomic():
            draft = _draft(request, system, lock=True)
            if request.POST.get("version") != str(draft.version):
                messages.error(request, t("This page was old; here is where you are.", "页面已过期，以下为当前进度。"))
                return redirect(f"/intake/{system}/")
            problems = _take(request, draft)
            if not problems:
                draft.version += 1
                draft.submitted = False
                draft.save()
                return redirect(f"/intake/{system}/")
    else:
        draft, problems = _draft(request, system), {}
    if not draft.name:
        return render(request, "intake/name.html", {"draft": draft, "problems": problems, "section": "systems"})
    interview, policy = store.interview(), store.policy()
    state = draft.state(policy.vocabulary)
    found = interview.next(state)
    if found is None:
        return redirect(f"/intake/{system}/result")
    known = {
        "draft": draft,
        "screen": found,
        "title": found.question(policy),
        "about": interview.screens.checklist.about if found.kind == "checklist" else None,
        "fields": [_field(policy.vocabulary[name], draft, problems) for name in found.facts],
        "items": [(item, item.fact in draft.ticked) for item in found.items],
        "done": len(draft.steps),
        "left": interview.remaining(state),
        "tier": interview.assessment(state, store.desk().on).tier,
        "section": "systems",
    }
    return render(request, "intake/screen.html", known, status=422 if problems else 200)


def _field(fact: Fact, draft: Draft, problems: dict[str, str]) -> dict[str, Any]:
    helps = asking().get(fact.id)
    return {
        "fact": fact,
        "example": helps.example if helps else None,
        "clauses": fact.clauses[:3],
        "value": draft.facts.get(fact.id),
        "problem": problems.get(fact.id),
    }


def _take(request: HttpRequest, draft: Draft) -> dict[str, str]:
    """Takes a posted screen into the draft; answers what is wrong, by fact."""
    data, policy, interview = request.POST, store.policy(), store.interview()
    words = policy.vocabulary
    if "back" in data:
        draft.back()
        return {}
    if "name" in data:
        name = one_line(data["name"])[:200]
        if not name:
            return {"name": t("Please give it a name.", "请填写名称。")}
        draft.name, draft.purpose, draft.unit = (
            name,
            data.get("purpose", "")[:20_000],
            one_line(data.get("unit", ""))[:200],
        )
        return {}
    state = draft.state(words)
    found = interview.next(state)
    if found is None:
        return {}
    if found.kind == "checklist":
        draft.keep(_ticked(data, found, state), words)
        return {}
    answers: dict[str, Value | None] = {}
    problems: dict[str, str] = {}
    for name in found.facts:
        try:
            answers[name] = _answer(words[name], data)
        except FactError as error:
            message = error.message
            problems[name] = message.zh if lang() == "zh" else message.en
    if not problems:
        draft.keep(interview.answer(state, answers), words)
    return problems


def _ticked(data: Any, found: Screen, state: State) -> State:
    ticked = set(data.getlist("tick")) & set(found.facts)
    unsure = set(data.getlist("unsure")) & set(found.facts)
    return store.interview().tick(state, ticked, found, unsure)


def _answer(fact: Fact, data: Any) -> Value | None:
    """The typed answer of one fact from a form; None is "I don't know". Raises FactError."""
    if data.get(f"{fact.id}.unknown") or (fact.type != "set_of" and not data.get(fact.id)):
        return None
    if fact.type == "set_of":
        chosen = data.getlist(fact.id)
        if not chosen:
            return None
        return fact.parse([] if chosen == [NONE] and NONE not in fact.members else chosen)
    raw: Any = data[fact.id]
    if raw == UNKNOWN:
        return None
    if fact.type == "bool":
        return fact.parse({"true": True, "false": False}.get(raw, raw))
    if fact.type == "count":
        text = re.sub(r"[,，\s]", "", raw)
        return fact.parse(int(text) if text.isdecimal() and len(text) < 14 else raw)
    return fact.parse(raw)


@require_safe
def result(request: HttpRequest, system: str) -> HttpResponse:
    """What the answers come to, before anything is submitted."""
    draft, desk = _draft(request, system), store.desk()
    if not draft.name:
        return redirect(f"/intake/{system}/")
    one = assess(draft.profile(desk.policy.vocabulary), desk.policy, desk.on)
    words = desk.policy.vocabulary
    known = {
        "draft": draft,
        "one": one,
        "lane": desk.policy.lanes[one.tier.highest],
        "tiers": [item for item in one.tiers if item.certain or item.rule.tier != one.tier.lowest],
        "sure": [item for item in one.obligations if item.certain],
        "maybe": [item for item in one.obligations if not item.certain],
        "open": [words[name] for name in one.open_facts[:5]],
        "found": contradictions.check(one.profile, desk.policy),
        "finished": store.interview().next(draft.state(words)) is None,
        "section": "systems",
    }
    return render(request, "intake/result.html", known)


@require_POST
def submit(request: HttpRequest, system: str) -> HttpResponse:
    """Puts the answers on record with the owner's declaration; the fast lane then admits by itself where it may."""
    if not request.POST.get("declare"):
        messages.error(request, t("Please declare that the answers are true.", "请先申明答案属实。"))
        return redirect(f"/intake/{system}/result")
    try:
        with store.change() as face:
            draft = _draft(request, system, lock=True)
            if request.POST.get("version") != str(draft.version):
                if draft.submitted:  # a second click
                    messages.info(request, t("This was submitted already.", "此前已提交，无需重复。"))
                    return redirect(f"/systems/{system}/")
                messages.error(request, t("The answers changed; look again.", "答案已变化，请重新查看。"))
                return redirect(f"/intake/{system}/result")
            if not draft.name:
                return redirect(f"/intake/{system}/")
            home, desk, own = store.home(), store.desk(), store.own(face)
            profile = draft.profile(desk.policy.vocabulary)
            case = case_of(assess(profile, desk.policy, desk.on))
            tables.record_assessment(face, case, own, utc_now())
            person = people.find(home, face, request.user.person)
            said = decide.Request("declare", person, "owner", "declared in the console", reviewed=case.digest)
            fast_lane.declare(home, face, desk.judge(case, face), said, None, key=own)
            admitted = _admit(face, case, len(contradictions.check(profile, desk.policy)))
            draft.submitted = True
            draft.version += 1
            draft.save()
    except SteelyardError as error:
        messages.error(request, error.message.get(lang()))
        return redirect(f"/intake/{system}/result")
    if admitted:
        messages.success(request, t("Admitted by the standing approval.", "已依常设批准自动准入。"))
    else:
        messages.success(request, t("Submitted. Reviewers see it now.", "已提交，评审人员现在可以看到。"))
    return redirect(f"/systems/{system}/")


def _admit(face: Any, case: Any, contradictory: int) -> bool:
    """Admission by the standing approval, where there is one and it fits; otherwise people review."""
    desk = store.desk()
    try:
        fast_lane.admit(store.home(), face, desk.judge(case, face), contradictory)
    except people.Refused:
        return False
    return True
