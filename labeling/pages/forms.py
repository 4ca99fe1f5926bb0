"""Forms of the server-rendered pages. They parse; the rules live in the services."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from labeling.models import Project, Role
from models_zoo import list_acquisitions, list_interactive

ROLE_HELP = [
    (Role.VIEWER, _("Viewer: looks")),
    (Role.ANNOTATOR, _("Annotator: marks and decides")),
    (Role.REVIEWER, _("Reviewer: also checks others' masks")),
    (Role.OWNER, _("Owner: also trains, exports and sets up")),
]


class NewProject(forms.Form):
    """What a new project starts with; classes and images come after."""

    name = forms.CharField(max_length=120, label=_("Name"), widget=forms.TextInput(attrs={"autofocus": True}))
    description = forms.CharField(
        max_length=2_000,
        required=False,
        label=_("Description"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One or two sentences on what is labeled here and why."),
    )


class ProjectText(forms.Form):
    """Name and description of a project."""

    name = forms.CharField(max_length=120, label=_("Name"))
    description = forms.CharField(
        max_length=2_000, required=False, label=_("Description"), widget=forms.Textarea(attrs={"rows": 3})
    )


class ProjectRules(forms.Form):
    """The project's settings; names equal the fields of `ProjectSettings`."""

    review_required = forms.BooleanField(
        required=False,
        label=_("A second person checks every accepted mask"),
        help_text=_("Accepted masks wait on the Review page until somebody other than their author approves them."),
    )
    auto_activate = forms.BooleanField(
        required=False,
        label=_("A model that is at least as good takes over by itself"),
        help_text=_("Otherwise an owner activates each new version on the Models page."),
    )
    retrain_after = forms.IntegerField(
        min_value=1,
        max_value=100_000,
        label=_("Offer the next training after so many newly accepted masks"),
    )
    random_share = forms.FloatField(
        min_value=0,
        max_value=1,
        label=_("Share of images drawn at random"),
        help_text=_("0 to 1. A few random images keep the validation honest; the others follow the rule below."),
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    acquisition = forms.ChoiceField(label=_("Order of the other images"))
    interactive_method = forms.ChoiceField(label=_("Proposals while drawing"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        acquisition, interactive = self.fields["acquisition"], self.fields["interactive_method"]
        assert isinstance(acquisition, forms.ChoiceField) and isinstance(interactive, forms.ChoiceField)
        acquisition.choices = [(info.name, _(info.title)) for info in list_acquisitions()]
        orders = ((_(info.title), _(info.summary)) for info in list_acquisitions())
        acquisition.help_text = format_html(
            '{}<details class="more"><summary>{}</summary><dl>{}</dl></details>',
            _("Another order holds from the next proposals of a model on."),
            _("What the orders mean"),
            format_html_join("", "<dt>{}</dt><dd>{}</dd>", orders),
        )
        interactive.choices = [(info.name, _(info.title)) for info in list_interactive()]

    def offer_only(self, names: Collection[str]) -> None:
        """Leave the interactive methods that the project can use."""
        field = self.fields["interactive_method"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(info.name, _(info.title)) for info in list_interactive() if info.name in names]

    @classmethod
    def of(cls, project: Project) -> ProjectRules:
        return cls(initial=project.options.to_json())


class Guidelines(forms.Form):
    """The guidelines as Markdown."""

    guidelines = forms.CharField(
        max_length=50_000,
        required=False,
        label=_("Text (Markdown)"),
        widget=forms.Textarea(attrs={"class": "tall", "spellcheck": "true"}),
        strip=False,
    )


class ClassFields(forms.Form):
    """One label class: the row of an existing one, or the form for a new one."""

    name = forms.CharField(max_length=80, label=_("Name"))
    color = forms.RegexField(r"\A#[0-9a-fA-F]{6}\Z", required=False, widget=forms.TextInput(attrs={"type": "color"}))
    is_background = forms.BooleanField(required=False, label=_("Background"))


class NewMember(forms.Form):
    """Whom to let in, and as what."""

    username = forms.CharField(
        max_length=150, label=_("User name"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLE_HELP, initial=Role.ANNOTATOR)


class FirstAdmin(BaseUserCreationForm):  # type: ignore[type-arg]
    """User name and password, twice, checked by Django's validators."""

    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": _("User name")}
        help_texts = {"username": _("Letters, digits and @ . + - _")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = _("Password")
        self.fields["password1"].help_text = _("At least 8 characters; not only digits, no common word, not the name.")
        self.fields["password2"].label = _("Password again")
        self.fields["password2"].help_text = ""


class NewAccount(FirstAdmin):
    """An account that a site admin makes for somebody else."""

    is_admin = forms.BooleanField(
        required=False,
        label=_("Site admin"),
        help_text=_("Sees every project and this page, and may do everything."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The form stands at the end of a page: it must not pull the page down to itself.
        self.fields["username"].widget.attrs.pop("autofocus", None)


class NewPassword(PasswordChangeForm):
    """The old password and the new one, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Password now")
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password1"].help_text = _(
            "At least 8 characters; not only digits, no common word, not your name."
        )
        self.fields["new_password2"].label = _("New password again")
