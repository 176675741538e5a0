"""Forms of people: the first administrator, a new account, an appointment."""

from django import forms
from django.contrib.auth.password_validation import validate_password

from steelyard.console.people.models import User
from steelyard.console.web.templatetags.words import said, t
from steelyard.gates.people import MAX_NAME, ROLES


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
        self.fields["role"].choices = [(name, said(text)) for name, text in ROLES.items()]
        self.fields["role"].label = t("Role", "角色")
        self.fields["unit"].label = t("Unit (empty: everywhere)", "部门（空为全部）")
        self.fields["until"].label = t("Until (empty: no end)", "截止（空为无期限）")
