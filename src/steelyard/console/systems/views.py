"""Systems: the list with search and filters, one system's page, evidence, what-if. Reads the read model of `gates`."""

import csv
import datetime as dt
import hashlib
import io
import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from steelyard.base.errors import SteelyardError
from steelyard.console.intake.models import Draft
from steelyard.console.people import permissions
from steelyard.console.people.models import User
from steelyard.console.web import store, uploads
from steelyard.console.web.templatetags.words import STAGES, lang, said, t
from steelyard.evidence import statement
from steelyard.evidence import store as evidence
from steelyard.gates import summary
from steelyard.gates.case import Case, case_of
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.policy.diff import compare
from steelyard.policy.model import TIER_NAMES
from steelyard.profile.document import Profile
from steelyard.profile.facts import FactError

PAGE = 20
LAST_PAGE = 5_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every system that matches, a page at a time; `format=csv|json` exports all of them, or one page of them."""
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "tier", "stage", "unit")}
    at, face, sight = request.GET.get("page", "1"), store.link(), request.user.sight()
    page = min(max(int(at), 1), LAST_PAGE) if at.isdecimal() and len(at) < 8 else 1
    asked_of: dict[str, Any] = {**asked, "units": sight.units, "own": sight.own}
    if request.GET.get("format") in ("csv", "json"):
        some: dict[str, Any] = (
            {"limit": PAGE, "offset": (page - 1) * PAGE} if "page" in request.GET else {"limit": 100_000}
        )
        return _export(summary.find(face, **some, **asked_of), request.GET["format"])
    rows = summary.find(face, limit=PAGE + 1, offset=(page - 1) * PAGE, **asked_of)
    owners = User.objects.in_bulk([row.owner for row in rows], field_name="person")
    drafts = Draft.objects.filter(owner=request.user, submitted=False)[:20] if page == 1 else []
    known = {
        "rows": [(row, owners.get(row.owner)) for row in rows[:PAGE]],
        "drafts": drafts,
        "asked": asked,
        "page": page,
        "more": len(rows) > PAGE,
        "total": summary.count(face, **asked_of),
        "many": summary.MANY,
        "stages": list(STAGES),
        "tiers": list(TIER_NAMES),
        "query": request.GET.urlencode(),
        "section": "systems",
    }
    return render(request, "systems/index.html", known)


def _export(rows: list[summary.Row], form: str) -> HttpResponse:
    plain = [row.plain() for row in rows]
    if form == "json":
        response: HttpResponse = JsonResponse(plain, safe=False, json_dumps_params={"ensure_ascii": False})
    else:
        out = io.StringIO()
        out.write("\ufeff")
        writer = csv.DictWriter(out, fieldnames=list(summary.COLUMNS))
        writer.writeheader()
        for row in plain:
            writer.writerow({name: _cell(value) for name, value in row.items()})
        response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="systems.{form}"'
    return response


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def case_on_record(system: str) -> tuple[Profile, Case]:
    """The case of a system as it is on record, judged today. Raises Http404."""
    desk = store.desk()
    profile = summary.profile_on_record(store.link(), desk, system)
    if profile is None:
        raise Http404(system)
    return profile, case_of(assess(profile, desk.policy, desk.on))


def case_seen(request: HttpRequest, system: str) -> tuple[Profile, Case]:
    """The case of a system that this person sees; what they do not see does not exist for them. Raises Http404."""
    profile, case = case_on_record(system)
    if not request.user.sight().shows(profile):
        raise Http404(system)
    return profile, case


@require_safe
def page(request: HttpRequest, system: str) -> HttpResponse:
    """One system: what it is, where it stands, what is missing, who has it, what was decided."""
    face, desk = store.link(), store.desk()
    profile, case = case_seen(request, system)
    judge = desk.judge(case, face)
    gates = [judge.gate(name) for name in ("intake", "build", "launch", "operate")]
    people = {
        user.person: user
        for user in User.objects.filter(person__in=[profile.owner, *(d.person for d in judge.decisions)])
    }
    row = summary.one(face, system)
    known = {
        "profile": profile,
        "case": case,
        "one": case.assessment,
        "lane": desk.policy.lanes[case.assessment.tier.highest],
        "row": row,
        "left": (dt.date.fromisoformat(row.due) - desk.on).days if row and row.due else None,
        "owner": people.get(profile.owner),
        "gates": gates,
        "steps": gates[2].steps,
        "tiers": [item for item in case.assessment.tiers if item.certain],
        "facts": [
            (fact, fact.label(profile.facts[fact.id]))
            for fact in desk.policy.vocabulary.items
            if fact.id in profile.facts
        ],
        "decisions": [(item, people.get(item.person)) for item in reversed(judge.decisions)],
        "items": evidence.items(face, system),
        "mine": profile.owner == request.user.person,
        "may_review": permissions.may(request.user, "decide", profile.unit),
        "may_prove": _may_prove(request, profile, case),
        "kinds": list(desk.kinds.values()),
        "section": "systems",
    }
    return render(request, "systems/page.html", known)


@require_safe
def what_if(request: HttpRequest, system: str) -> HttpResponse:
    """What would change if one answer were another, without saving anything."""
    desk = store.desk()
    profile, case = case_seen(request, system)
    words, name, raw = desk.policy.vocabulary, request.GET.get("fact", ""), request.GET.getlist("value")
    change, problem = None, ""
    if name in words and raw:
        fact = words[name]
        try:
            plain: Any = raw if fact.type == "set_of" else {"true": True, "false": False}.get(raw[0], raw[0])
            facts = {**profile.facts, name: fact.parse(int(plain) if fact.type == "count" else plain)}
            other = assess(_with(profile, facts), desk.policy, desk.on)
            change = compare(case.assessment, other)
            change["after"] = other
        except FactError as error:
            problem = said(error.message)
        except ValueError:
            problem = t("This is not a number.", "这不是数字。")
    titles = {
        rule.id: rule.title
        for rule in (*desk.policy.data.tiers, *desk.policy.data.obligations, *desk.policy.data.prohibitions)
    }
    known = {
        "profile": profile,
        "one": case.assessment,
        "words": words.items,
        "chosen": words.by_id.get(name),
        "value": raw,
        "change": change,
        "problem": problem,
        "added": [said(titles[item]) for item in (change or {}).get("rules", {}).get("added", []) if item in titles],
        "removed": [
            said(titles[item]) for item in (change or {}).get("rules", {}).get("removed", []) if item in titles
        ],
        "section": "systems",
    }
    return render(request, "systems/what_if.html", known)


def _with(profile: Profile, facts: Any) -> Profile:
    from dataclasses import replace

    return replace(profile, facts=facts)


@require_POST
def add_evidence(request: HttpRequest, system: str) -> HttpResponse:
    """Takes a file as evidence for an obligation: signed by the console, kept by its digest, on record at once."""
    profile, case = case_seen(request, system)
    desk = store.desk()
    if not _may_prove(request, profile, case):
        raise PermissionDenied(
            t("Only its owner and the roles it concerns add evidence.", "仅负责人与相关角色可添加证据。")
        )
    try:
        name, data = uploads.take(request.FILES.get("file"))
        result = _result(request.POST.get("result", ""))
        kind = desk.kinds.resolve(request.POST.get("kind", ""))
        subject = statement.Subject(name, hashlib.sha256(data).hexdigest())
        named = [item for item in request.POST.getlist("obligation") if item in case.bases]
        made = statement.evidence(kind, [subject], system, issued=utc_now(), result=result, obligations=named)
        with store.change() as face:
            evidence.attach(face, data)
            evidence.add(face, made.sealed(store.own(face)), desk.kinds, ts=utc_now())
            summary.refresh(face, desk, profile)
        messages.success(request, t("Evidence taken in.", "证据已存入。"))
    except SteelyardError as error:
        messages.error(request, error.message.get(lang()))
    except (ValueError, RecursionError):
        messages.error(request, t("The result is not a JSON object.", "结果不是有效的 JSON 对象。"))
    return redirect(f"/systems/{system}/#evidence")


def _may_prove(request: HttpRequest, profile: Profile, case: Case) -> bool:
    """The owner, and who holds in its unit a role that its obligations name, add evidence; so does administration."""
    if not permissions.may(request.user, "prove"):
        return False
    roles = {item.rule.owner for item in case.assessment.obligations} | {"administrator"}
    return profile.owner == request.user.person or not roles.isdisjoint(
        permissions.roles_in(request.user, profile.unit)
    )


def _result(text: str) -> dict[str, Any]:
    """The result of an evidence item from a form. Raises ValueError where it is not a JSON object."""
    found = json.loads(text or "{}")
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


@require_POST
def edit(request: HttpRequest, system: str) -> HttpResponse:
    """Opens the answers of a system again, as a draft of its owner."""
    profile, _ = case_seen(request, system)
    if profile.owner != request.user.person:
        raise PermissionDenied(t("Only its owner changes the answers.", "仅负责人可修改答案。"))
    words = store.policy().vocabulary
    if not Draft.objects.filter(system=system, owner=request.user).exists():
        Draft.objects.update_or_create(  # also where the draft was an earlier owner's
            system=system,
            defaults={
                "owner": request.user,
                "name": profile.name,
                "purpose": profile.purpose,
                "unit": profile.unit,
                "facts": {name: words[name].plain(value) for name, value in profile.facts.items()},
                "asked": list(profile.asked),
            },
        )
    return redirect(f"/intake/{system}/result")
