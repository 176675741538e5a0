"""Reviews: my duties, and the desk where a lane's reviewers decide side by side. Who may decide is `gates`' matter."""

import datetime as dt
import time

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from steelyard.base.errors import SteelyardError
from steelyard.console.people import permissions
from steelyard.console.people.models import User
from steelyard.console.reviews.models import Comment
from steelyard.console.systems.views import case_seen
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang, t
from steelyard.gates import decide, fast_lane, people, summary
from steelyard.gates.gate import Judge

FRESH = 15 * 60
AGAIN = dt.timedelta(minutes=2)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What waits for me, what is due first on top."""
    roles = request.user.roles()
    today = store.desk().on
    rows = [
        (row, role, (dt.date.fromisoformat(row.due) - today).days if row.due else None)
        for row, role in summary.waiting_for(store.link(), roles)
    ]
    return render(request, "reviews/index.html", {"rows": rows, "roles": roles, "section": "reviews"})


@require_safe
def desk(request: HttpRequest, system: str) -> HttpResponse:
    """One case for review: what is judged, what the others said, what I decide."""
    profile, case = case_seen(request, system)
    judge = store.desk().judge(case, store.link())
    people_known = {
        user.person: user for user in User.objects.filter(person__in=[item.person for item in judge.decisions])
    }
    held = permissions.roles_in(request.user, profile.unit)
    lane_roles = judge.roles() or permissions.REVIEWING
    mine = [role for role in held if role in lane_roles]
    stopping = [role for role in held if role in permissions.DECIDES["stop"]]
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
        "stopping": stopping,
        "stopped": bool(judge.stops()),
        "may_say": permissions.may(request.user, "comment"),
        "own": profile.owner == request.user.person,
        "steps": judge.gate("launch").steps,
        "comments": Comment.objects.filter(system=system).select_related("author")[:200],
        "facts": [
            (fact, fact.label(profile.facts[fact.id]))
            for fact in store.desk().policy.vocabulary.items
            if fact.id in profile.facts
        ],
        "needs_factor": any(role in store.policy().second_factor for role in mine) and not _second_factor(request),
        "section": "reviews",
    }
    return render(request, "reviews/desk.html", known)


def _second_factor(request: HttpRequest) -> bool:
    """Whether the person proved a second factor within the last minutes of this session."""
    if not is_mfa_enabled(request.user):
        return False
    done = get_authentication_records(request, request.user)  # those of this person, not of whoever was here before
    return any(item.get("method") == "mfa" and time.time() - item.get("at", 0) < FRESH for item in done)


@require_POST
def say(request: HttpRequest, system: str) -> HttpResponse:
    """Adds a comment or a request for change."""
    _, case = case_seen(request, system)
    text = request.POST.get("text", "").strip()[:4_000]
    if text:
        since = timezone.now() - AGAIN  # a second click says nothing new
        Comment.objects.filter(at__gte=since).get_or_create(
            system=system, case=case.digest, author=request.user, text=text, asks="asks" in request.POST
        )
    return redirect(f"/reviews/{system}/#comments")


@require_POST
def take(request: HttpRequest, system: str) -> HttpResponse:
    """Takes a decision: the core checks, the console signs, the ledger has it before the page comes back."""
    role, action = request.POST.get("role", ""), request.POST.get("action", "")
    if role in store.policy().second_factor and not _second_factor(request):
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
            _, case = case_seen(request, system)
            if role not in permissions.DECIDES.get(action, ()):
                raise PermissionDenied(t("This role does not decide that.", "该角色不能作出此决定。"))
            judge = store.desk().judge(case, face)
            factors = ["password", "totp"] if _second_factor(request) else ["password"]
            person = people.find(store.home(), face, request.user.person)
            asked = decide.Request(
                action,
                person,
                role,
                request.POST.get("reason", ""),
                gate="launch",
                reviewed=request.POST.get("reviewed", ""),
                more={"console": True, "factors": factors},
            )
            if _said_already(judge, asked):
                messages.info(request, t("This was recorded already.", "此前已入账，无需重复。"))
                return redirect(f"/reviews/{system}/")
            decide.decide(store.home(), face, judge, asked, None, key=store.own(face))
        messages.success(request, t("Recorded and signed.", "已签名入账。"))
    except SteelyardError as error:
        messages.error(request, error.message.get(lang()))
    return redirect(f"/reviews/{system}/")


def _said_already(judge: Judge, asked: decide.Request) -> bool:
    """Whether the newest word of this person in this role is this very one, and nobody stopped the system since."""
    words = [
        item
        for item in judge.decisions
        if (item.person == asked.person.id and item.role == asked.role) or item.action == "stop"
    ]
    return bool(words) and (words[-1].person, words[-1].role, words[-1].action, words[-1].case, words[-1].gate) == (
        asked.person.id,
        asked.role,
        asked.action,
        asked.reviewed,
        asked.gate,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def standing(request: HttpRequest) -> HttpResponse:
    """The standing approvals of the fast lane: what stands, and signing one in a reviewing role."""
    mine: dict[str, list[str]] = {}
    for item in permissions.held(request.user.roles()):
        if item.role in permissions.REVIEWING:
            mine.setdefault(item.role, []).append(item.unit)
    if request.method == "POST":
        if request.POST.get("role") in store.policy().second_factor and not _second_factor(request):
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
    known = {"rows": [(row, known_people.get(row.person)) for row in rows], "mine": mine, "section": "standing"}
    return render(request, "reviews/standing.html", known)
