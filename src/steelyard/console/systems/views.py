"""Systems: the list with search and filters, one system's page, evidence, what-if. Reads the read model of `gates`."""

import csv
import datetime as dt
import hashlib
import io
import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from steelyard.base.errors import SteelyardError
from steelyard.console.intake.models import Draft
from steelyard.console.people.models import User
from steelyard.console.web import store
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
LARGEST_UPLOAD = 20 * 1024 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every system that matches, a page at a time; `format=csv|json` exports all of them."""
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "tier", "stage", "unit")}
    page = max(1, int(request.GET.get("page", "1")) if request.GET.get("page", "1").isdecimal() else 1)
    face = store.link()
    if request.GET.get("format") in ("csv", "json"):
        return _export(summary.find(face, limit=100_000, **asked), request.GET["format"])
    rows = summary.find(face, limit=PAGE + 1, offset=(page - 1) * PAGE, **asked)
    owners = User.objects.in_bulk([row.owner for row in rows], field_name="person")
    drafts = Draft.objects.filter(owner=request.user, submitted=False)[:20] if page == 1 else []
    known = {
        "rows": [(row, owners.get(row.owner)) for row in rows[:PAGE]],
        "drafts": drafts,
        "asked": asked,
        "page": page,
        "more": len(rows) > PAGE,
        "total": summary.count(face, **asked),
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


@require_GET
def page(request: HttpRequest, system: str) -> HttpResponse:
    """One system: what it is, where it stands, what is missing, who has it, what was decided."""
    face, desk = store.link(), store.desk()
    profile, case = case_on_record(system)
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
        "may_review": request.user.is_role(*judge.roles()) if judge.roles() else bool(request.user.roles()),
        "kinds": list(desk.kinds.values()),
        "section": "systems",
    }
    return render(request, "systems/page.html", known)


@require_GET
def what_if(request: HttpRequest, system: str) -> HttpResponse:
    """What would change if one answer were another, without saving anything."""
    desk = store.desk()
    profile, case = case_on_record(system)
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
        except (FactError, ValueError) as error:
            problem = str(error)
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
    profile, case = case_on_record(system)
    desk, upload = store.desk(), request.FILES.get("file")
    roles = {item.rule.owner for item in case.assessment.obligations} | {"owner"}
    if profile.owner != request.user.person and not request.user.is_role(*roles, "administrator"):
        return HttpResponseForbidden(
            t("Only its owner and the roles it concerns add evidence.", "仅负责人与相关角色可添加证据。")
        )
    try:
        if upload is None or not 0 < upload.size <= LARGEST_UPLOAD:
            raise statement.bad_statement("a file of up to 20 MB is needed", "需要不超过 20 MB 的文件")
        result = json.loads(request.POST.get("result") or "{}")
        kind = desk.kinds.resolve(request.POST.get("kind", ""))
        data = upload.read()
        subject = statement.Subject(upload.name[:200] or "file", hashlib.sha256(data).hexdigest())
        named = [item for item in request.POST.getlist("obligation") if item in case.bases]
        made = statement.evidence(kind, [subject], system, issued=utc_now(), result=result, obligations=named)
        with store.change() as face:
            evidence.attach(face, data)
            evidence.add(face, made.sealed(store.own(face)), desk.kinds, ts=utc_now())
            summary.refresh(face, desk, profile)
        messages.success(request, t("Evidence taken in.", "证据已存入。"))
    except SteelyardError as error:
        messages.error(request, error.message.get(lang()))
    except ValueError:
        messages.error(request, t("The result is not JSON.", "结果不是有效 JSON。"))
    return redirect(f"/systems/{system}/#evidence")


@require_POST
def edit(request: HttpRequest, system: str) -> HttpResponse:
    """Opens the answers of a system again, as a draft of its owner."""
    profile, _ = case_on_record(system)
    if profile.owner != request.user.person:
        return HttpResponseForbidden(t("Only its owner changes the answers.", "仅负责人可修改答案。"))
    words = store.policy().vocabulary
    Draft.objects.get_or_create(
        system=system,
        owner=request.user,
        defaults={
            "name": profile.name,
            "purpose": profile.purpose,
            "unit": profile.unit,
            "facts": {name: words[name].plain(value) for name, value in profile.facts.items()},
            "asked": list(profile.asked),
        },
    )
    return redirect(f"/intake/{system}/result")
