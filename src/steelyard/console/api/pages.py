"""/tokens: the tokens of whoever is signed in, made, shown once, and revoked; administrators see everybody's.

Rules enforced: only their owner makes tokens; their owner or an administrator revokes them; a token is made with an end
and at least one scope; making and revoking one is in the ledger (who, which scopes, until when; never the secret).
"""

import datetime as dt
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from steelyard.base.clock import today
from steelyard.base.sql import Connection
from steelyard.console.api.models import LONGEST, SCOPES, ApiToken
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import t
from steelyard.gates.people import ADMINISTRATOR
from steelyard.ledger import record
from steelyard.ledger import store as ledger
from steelyard.ledger.personal import utc_now

SHOWN, MOST, MOST_UNITS = 200, 50, 20
DAYS = 90


class TokenForm(forms.Form):
    """A name, scopes, perhaps units, and an end."""

    name = forms.CharField(max_length=100)
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    units = forms.CharField(max_length=2_000, required=False)
    until = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.fields["name"].label = t("What is it for?", "用途")
        self.fields["scopes"].label = t("What may it do?", "权限")
        self.fields["scopes"].choices = list(zip(SCOPES, _scope_words(), strict=True))
        self.fields["units"].label = t(
            "Only these units (separated by commas; empty: all I see)", "仅限部门（逗号分隔；留空为我可见的全部）"
        )
        self.fields["until"].label = t("Until (at most a year)", "有效期至（最长一年）")
        self.fields["until"].initial = (today() + dt.timedelta(days=DAYS)).isoformat()

    def clean_units(self) -> list[str]:
        """The units, each once."""
        parts = self.cleaned_data["units"].replace("，", ",").replace("、", ",").split(",")
        units = list(dict.fromkeys(filter(None, (part.strip() for part in parts))))
        if len(units) > MOST_UNITS:
            raise forms.ValidationError(t("At most 20 units.", "最多 20 个部门。"))
        return units

    def clean_until(self) -> dt.date:
        """A day to come, within a year."""
        until: dt.date = self.cleaned_data["until"]
        if not today() <= until <= today() + LONGEST:
            raise forms.ValidationError(t("Choose a day from today on, within a year.", "请选择今天起一年内的日期。"))
        return until


def _scope_words() -> tuple[str, str, str]:
    return (
        t("read: what I can see", "read：读取我可查看的内容"),
        t("write: profiles and evidence", "write：提交档案与证据"),
        t("decide: decisions in my name", "decide：以我的名义作出决定"),
    )


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """My tokens, and a form for a new one, whose secret this one answer shows."""
    form, secret = TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        if _mine_live(request) >= MOST:
            form.add_error(None, t("You have 50 tokens; revoke one first.", "您已有 50 个令牌，请先撤销。"))
        else:
            secret = _make(request, form.cleaned_data)
            form = TokenForm()
    all_of_them = request.user.is_role(ADMINISTRATOR)
    found = ApiToken.objects.select_related("owner")
    rows = found if all_of_them else found.filter(owner=request.user)
    known = {
        "rows": rows[:SHOWN],
        "all": all_of_them,
        "form": form,
        "secret": secret,
        "now": timezone.now(),
        "section": "tokens",
    }
    response = render(request, "api/tokens.html", known, status=422 if form.errors else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _mine_live(request: HttpRequest) -> int:
    count: int = ApiToken.objects.filter(owner=request.user, revoked=None, expires__gt=timezone.now()).count()
    return count


def _make(request: HttpRequest, data: dict[str, Any]) -> str:
    zone = timezone.get_default_timezone()
    end = dt.datetime.combine(data["until"] + dt.timedelta(days=1), dt.time(), tzinfo=zone)
    with store.change() as face:
        token, secret = ApiToken.make(request.user, data["name"], data["scopes"], data["units"], end)
        _log(face, token, request.user.person, "made")
    return str(secret)


@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Ends a token now."""
    token = get_object_or_404(ApiToken.objects.select_related("owner"), pk=number)
    if token.owner_id != request.user.pk and not request.user.is_role(ADMINISTRATOR):
        return redirect("/tokens")  # somebody else's token does not exist for them
    if token.revoked is None:
        with store.change() as face:
            token.revoked = timezone.now()
            token.save(update_fields=["revoked"])
            _log(face, token, request.user.person, "revoked")
    return redirect("/tokens")


def _log(face: Connection, token: ApiToken, by: str, state: str) -> None:
    body = {
        "state": state,
        "owner": token.owner.person,
        "by": by,
        "scopes": list(token.scopes),
        "until": token.expires.isoformat(),
    }
    ledger.append(face, record.record("token", ts=utc_now(), actor=by, object=f"token:{token.pk}", body=body))
