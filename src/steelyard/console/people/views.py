"""People: the first administrator, accounts, appointments. Rules stand in `gates.people`; here is only the asking."""

import datetime as dt
import hmac
import os

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from steelyard.base.errors import InputError, SteelyardError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.console.people import permissions
from steelyard.console.people.forms import AccountForm, AppointForm, SetupForm
from steelyard.console.people.models import User
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang, t
from steelyard.gates import people
from steelyard.gates.people import local_date
from steelyard.ledger.personal import utc_now

CODE_VARIABLE = "STEELYARD_SETUP_CODE"


@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Makes the first administrator, once, for whoever has the code from the terminal."""
    if get_user_model().objects.exists():
        return redirect("/")
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        code = os.environ.get(CODE_VARIABLE, "")
        if not code or not hmac.compare_digest(code.encode(), form.cleaned_data["code"].strip().encode()):
            form.add_error("code", t("This is not the code on the terminal.", "与终端上的代码不符。"))
        else:
            with store.change() as face:
                if connection.vendor == "postgresql":
                    face.execute("LOCK TABLE people_user IN EXCLUSIVE MODE")
                if get_user_model().objects.exists():
                    return redirect("/")
                user = _account(form, face)
            os.environ.pop(CODE_VARIABLE, None)  # one time
            login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
            return redirect("/")
    return render(request, "people/setup.html", {"form": form})


def _account(form: AccountForm, face: Connection) -> User:
    data = form.cleaned_data
    person = people.enrol(store.home(), face, data["display_name"])
    user = User(username=data["username"], display_name=data["display_name"], person=person.id)
    user.set_password(data["password"])
    user.save()
    return user


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Everybody with their roles; an administrator makes accounts here."""
    form = AccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with store.change() as face:
                user = _account(form, face)
            messages.success(request, t("{name} can sign in now.", "{name} 现在可以登录。", name=user.display_name))
            return redirect("/people/")
        except SteelyardError as error:
            form.add_error(None, error.message.get(lang()))
        except IntegrityError:  # somebody made it a moment ago
            form.add_error("username", t("This user name is taken.", "该用户名已被使用。"))
    now, face = utc_now(), store.link()
    rows = [(user, people.roles_of(face, user.person, now)) for user in User.objects.all()[:500]]
    makes = permissions.may(request.user, "make_account")
    known = {"rows": rows, "form": form if makes else None, "section": "people"}
    return render(request, "people/index.html", known, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, person_id: str) -> HttpResponse:
    """One person: roles; an administrator appoints, ends appointments, closes and opens the account."""
    found = get_object_or_404(User, person=person_id)
    asked = request.POST.get("do", "appoint")
    form = AppointForm(request.POST if request.method == "POST" and asked == "appoint" else None)
    if request.method == "POST":
        try:
            if asked == "end":
                _appoint(request, found, request.POST.get("role", ""), request.POST.get("unit", ""), _yesterday())
                messages.success(request, t("Ended.", "已终止。"))
                return redirect(f"/people/{found.person}/")
            if asked in ("close", "open"):
                return _open(request, found, asked == "open")
            if form.is_valid():
                data = form.cleaned_data
                until = data["until"].isoformat() if data["until"] else None
                _appoint(request, found, data["role"], data["unit"], until)
                messages.success(request, t("Appointed.", "已任命。"))
                return redirect(f"/people/{found.person}/")
        except SteelyardError as error:
            form.add_error(None, error.message.get(lang())) if form.is_bound else messages.error(
                request, error.message.get(lang())
            )
    face = store.link()
    standing = [(item.role, item.unit) for item in permissions.held(people.roles_of(face, found.person, utc_now()))]
    appoints = permissions.may(request.user, "appoint")
    known = {
        "found": found,
        "appointments": [
            (item, (item.role, item.unit) in standing) for item in _newest(people.appointments_of(face, found.person))
        ],
        "form": form if appoints else None,
        "self": found.pk == request.user.pk,
        "section": "people",
    }
    return render(request, "people/person.html", known, status=422 if form.errors else 200)


def _newest(items: list[people.Appointment]) -> list[people.Appointment]:
    """The newest appointment for each role and unit: the one that counts."""
    return list({(item.role, item.unit): item for item in items}.values())


def _yesterday() -> str:
    return (local_date(utc_now()) - dt.timedelta(days=1)).isoformat()


def _appoint(request: HttpRequest, found: User, role: str, unit: str, until: str | None) -> None:
    """Appoints, signed by the console for the administrator who asks. Raises SteelyardError."""
    home = store.home()
    with store.change() as face:
        if role == people.ADMINISTRATOR and until is not None and found.pk == request.user.pk:
            raise InputError(
                "own_administration",
                Text("nobody ends their own administration", "不得终止本人的管理员角色"),
                remedy=Text("let another administrator do it", "请由另一位管理员操作"),
            )
        people.appoint(
            home,
            face,
            people.find(home, face, found.person),
            role,
            by=people.find(home, face, request.user.person),
            passphrase=None,
            unit=unit,
            until=until,
            key=store.own(face),
        )


def _open(request: HttpRequest, found: User, opened: bool) -> HttpResponse:
    """Closes or opens an account: who has none that is open cannot sign in, and is signed out at once."""
    if found.pk == request.user.pk:
        messages.error(request, t("Nobody closes their own account.", "不得关闭本人的账户。"))
    else:
        User.objects.filter(pk=found.pk).update(is_active=opened)
        messages.success(request, t("Opened.", "已启用。") if opened else t("Closed.", "已停用。"))
    return redirect(f"/people/{found.person}/")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remembers the language a person chose."""
    target = request.POST.get("next", "/")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = "/"
    response = HttpResponseRedirect(target)  # an address, never the name of a view
    chosen = "zh" if request.POST.get("lang") == "zh" else "en"
    response.set_cookie("lang", chosen, max_age=365 * 86_400, samesite="Lax", httponly=True, secure=request.is_secure())
    return response
