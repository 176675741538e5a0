"""Forms of people: the first administrator, a new account, an appointment."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from steelyard.console.people.models import User
from steelyard.console.people.permissions import AUDITOR
from steelyard.console.web.templatetags.words import said, t
from steelyard.console.web.uploads import one_line
from steelyard.gates.people import ADMINISTRATOR, MAX_NAME, ROLES


class AccountForm(forms.Form):
    """A name, a user name and a first password."""

    display_name = forms.CharField(max_length=MAX_NAME)
    username = forms.RegexField(r"^[\w.@+-]{2,60}$")
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), max_length=200)

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.fields["display_name"].label = t("Name", "姓名")
        self.fields["username"].label = t("User name", "用户名")
        self.fields["password"].label = t("Password (10 characters or more)", "密码（至少 10 位）")

    def clean_username(self) -> str:
        """A user name that nobody has."""
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(t("This user name is taken.", "该用户名已被使用。"))
        return name

    def clean_password(self) -> str:
        """A password that is not weak."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(username=self.data.get("username", "")))
        return password


class SetupForm(AccountForm):
    """The first administrator, who has the code from the terminal."""

    code = forms.CharField(max_length=40)

    field_order = ("code", "display_name", "username", "password")

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.fields["code"].label = t("Code shown on the terminal", "终端上显示的代码")


class AppointForm(forms.Form):
    """A role for a person, until a day."""

    role = forms.ChoiceField()
    unit = forms.CharField(max_length=200, required=False)
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.fields["role"].choices = [("", t("choose one", "请选择"))] + [
            (name, said(text)) for name, text in ROLES.items()
        ]
        self.fields["role"].label = t("Role", "角色")
        self.fields["unit"].label = t("Unit (empty: everywhere)", "部门（空为全部）")
        self.fields["until"].label = t(
            "Until (empty: no end; an auditor needs one)", "截止（空为无期限；审计角色必填）"
        )

    def clean(self) -> dict[str, Any]:
        """An auditor's appointment has an end; administration is for everywhere."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("role") == AUDITOR and not data.get("until"):
            self.add_error("until", t("An auditor is appointed until a day.", "审计角色须有截止日期。"))
        if data.get("role") == ADMINISTRATOR and data.get("unit"):
            self.add_error("unit", t("Administration is held everywhere.", "管理员角色不限部门。"))
        return data

    def clean_unit(self) -> str:
        """A unit on one line."""
        return one_line(self.cleaned_data["unit"])
