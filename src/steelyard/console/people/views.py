"""People: the first administrator, accounts, appointments. Rules stand in `gates.people`; here is only the asking."""

import hmac
import os

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from steelyard.base.errors import SteelyardError
from steelyard.base.sql import Connection
from steelyard.console.people.forms import AccountForm, AppointForm, SetupForm
from steelyard.console.people.models import User
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang, t
from steelyard.gates import people
from steelyard.ledger.personal import utc_now

CODE_VARIABLE = "STEELYARD_SETUP_CODE"


@require_http_methods(["GET", "POST"])
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


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Everybody with their roles; an administrator makes accounts here."""
    may = request.user.is_role(people.ADMINISTRATOR)
    form = AccountForm(request.POST or None)
    if request.method == "POST":
        if not may:
            return HttpResponseForbidden(t("Only an administrator makes accounts.", "只有管理员可创建账户。"))
        if form.is_valid():
            try:
                with store.change() as face:
                    user = _account(form, face)
                messages.success(request, t("{name} can sign in now.", "{name} 现在可以登录。", name=user.display_name))
                return redirect("/people/")
            except SteelyardError as error:
                form.add_error(None, error.message.get(lang()))
    now, face = utc_now(), store.link()
    rows = [(user, people.roles_of(face, user.person, now)) for user in User.objects.all()[:500]]
    known = {"rows": rows, "form": form if may else None, "section": "people"}
    return render(request, "people/index.html", known, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, person_id: str) -> HttpResponse:
    """One person: roles, and appointing by an administrator."""
    found = get_object_or_404(User, person=person_id)
    may = request.user.is_role(people.ADMINISTRATOR)
    form = AppointForm(request.POST or None)
    if request.method == "POST":
        if not may:
            return HttpResponseForbidden(t("Only an administrator appoints.", "只有管理员可任命。"))
        if form.is_valid():
            data = form.cleaned_data
            try:
                with store.change() as face:
                    home = store.home()
                    people.appoint(
                        home,
                        face,
                        people.find(home, face, found.person),
                        data["role"],
                        by=people.find(home, face, request.user.person),
                        passphrase=None,
                        unit=data["unit"],
                        until=data["until"].isoformat() if data["until"] else None,
                        key=store.own(face),
                    )
                messages.success(request, t("Appointed.", "已任命。"))
                return redirect(f"/people/{found.person}/")
            except SteelyardError as error:
                form.add_error(None, error.message.get(lang()))
    appointments = people.appointments_of(store.link(), found.person)
    known = {"found": found, "appointments": appointments, "form": form if may else None, "section": "people"}
    return render(request, "people/person.html", known, status=422 if form.errors else 200)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remembers the language a person chose."""
    target = request.POST.get("next", "/")
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        target = "/"
    response = redirect(target)
    chosen = "zh" if request.POST.get("lang") == "zh" else "en"
    response.set_cookie("lang", chosen, max_age=365 * 86_400, samesite="Lax", httponly=True, secure=request.is_secure())
    return response
