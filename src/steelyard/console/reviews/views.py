"""Reviews: my duties, and the desk where a lane's reviewers decide side by side. Who may decide is `gates`' matter."""

import datetime as dt
import time

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from steelyard.base.errors import SteelyardError
from steelyard.console.people.models import User
from steelyard.console.reviews.models import Comment
from steelyard.console.systems.views import case_on_record
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang, t
from steelyard.gates import decide, fast_lane, people, summary

SECOND_FACTOR = ("senior",)
FRESH = 15 * 60


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What waits for me, what is due first on top."""
    roles = request.user.roles()
    today = store.desk().on
    rows = [
        (row, role, (dt.date.fromisoformat(row.due) - today).days if row.due else None)
        for row, role in summary.waiting_for(store.link(), roles)
    ]
    return render(request, "reviews/index.html", {"rows": rows, "roles": roles, "section": "reviews"})


@require_GET
def desk(request: HttpRequest, system: str) -> HttpResponse:
    """One case for review: what is judged, what the others said, what I decide."""
    profile, case = case_on_record(system)
    judge = store.desk().judge(case, store.link())
    people_known = {
        user.person: user for user in User.objects.filter(person__in=[item.person for item in judge.decisions])
    }
    lane_roles = judge.roles() or tuple(role for role in request.user.roles() if role != people.ADMINISTRATOR)
    mine = [role for role in request.user.roles() if role in lane_roles]
    said = {
        item.role: (item, people_known.get(item.person))
        for item in judge.decisions
        if item.case == case.digest and item.action in ("approve", "refuse")
    }
    known = {
        "profile": profile,
        "case": case,
        "one": case.assessment,
        "lane": store.desk().policy.lanes[case.assessment.tier.highest],
        "roles": [(role, said.get(role)) for role in judge.roles()],
        "mine": mine,
        "own": profile.owner == request.user.person,
        "steps": judge.gate("launch").steps,
        "comments": Comment.objects.filter(system=system).select_related("author")[:200],
        "facts": [
            (fact, fact.label(profile.facts[fact.id]))
            for fact in store.desk().policy.vocabulary.items
            if fact.id in profile.facts
        ],
        "needs_factor": any(role in SECOND_FACTOR for role in mine) and not _second_factor(request),
        "section": "reviews",
    }
    return render(request, "reviews/desk.html", known)


def _second_factor(request: HttpRequest) -> bool:
    """Whether the person proved a second factor within the last minutes of this session."""
    if not is_mfa_enabled(request.user):
        return False
    done = request.session.get("account_authentication_methods", [])
    return any(item.get("method") == "mfa" and time.time() - item.get("at", 0) < FRESH for item in done)


@require_POST
def say(request: HttpRequest, system: str) -> HttpResponse:
    """Adds a comment or a request for change."""
    _, case = case_on_record(system)
    text = request.POST.get("text", "").strip()
    if text:
        Comment.objects.create(
            system=system, case=case.digest, author=request.user, text=text[:4_000], asks="asks" in request.POST
        )
    return redirect(f"/reviews/{system}/#comments")


@require_POST
def take(request: HttpRequest, system: str) -> HttpResponse:
    """Takes a decision: the core checks, the console signs, the ledger has it before the page comes back."""
    role, action = request.POST.get("role", ""), request.POST.get("action", "")
    if role in SECOND_FACTOR and not _second_factor(request):
        messages.error(
            request,
            t(
                "This role decides with a second factor: sign in with your code first.",
                "此角色须使用第二因素：请先以验证码登录。",
            ),
        )
        return redirect(f"/reviews/{system}/")
    try:
        with store.change() as face:
            profile, case = case_on_record(system)
            desk_now = store.desk()
            factors = ["password", "totp"] if _second_factor(request) else ["password"]
            person = people.find(store.home(), face, request.user.person)
            asked = decide.Request(
                action if action in ("approve", "refuse", "stop") else "",
                person,
                role,
                request.POST.get("reason", ""),
                gate="launch",
                reviewed=request.POST.get("reviewed", ""),
                more={"console": True, "factors": factors},
            )
            decide.decide(store.home(), face, desk_now.judge(case, face), asked, None, key=store.own(face))
            summary.refresh(face, desk_now, profile)
        messages.success(request, t("Recorded and signed.", "已签名入账。"))
    except SteelyardError as error:
        messages.error(request, error.message.get(lang()))
        return redirect(f"/reviews/{system}/")
    return redirect(f"/reviews/{system}/")


@require_http_methods(["GET", "POST"])
def standing(request: HttpRequest) -> HttpResponse:
    """The standing approvals of the fast lane: what stands, and signing one in a reviewing role."""
    mine = [role for role in request.user.roles() if role not in ("owner", people.ADMINISTRATOR)]
    if request.method == "POST":
        if any(request.POST.get("role") == role for role in SECOND_FACTOR) and not _second_factor(request):
            messages.error(request, t("This role signs with a second factor.", "此角色须使用第二因素签署。"))
            return redirect("/standing")
        try:
            with store.change() as face:
                person = people.find(store.home(), face, request.user.person)
                asked = decide.Request(
                    "standing",
                    person,
                    request.POST.get("role", ""),
                    request.POST.get("reason", ""),
                    until=request.POST.get("until", ""),
                )
                sample = request.POST.get("sample", "")
                fast_lane.standing(
                    store.home(),
                    face,
                    asked,
                    None,
                    sample_percent=int(sample) if sample.isdecimal() and len(sample) < 4 else 0,
                    units=tuple(filter(None, (item.strip() for item in request.POST.get("units", "").split(",")))),
                    key=store.own(face),
                )
            messages.success(request, t("Signed.", "已签署。"))
        except SteelyardError as error:
            messages.error(request, error.message.get(lang()))
        return redirect("/standing")
    rows = fast_lane.standing_ones(store.link())
    known_people = {user.person: user for user in User.objects.filter(person__in=[row.person for row in rows])}
    known = {"rows": [(row, known_people.get(row.person)) for row in rows], "mine": mine, "section": "reviews"}
    return render(request, "reviews/standing.html", known)
