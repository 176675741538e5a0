"""Drafts: answers on their way. What is submitted becomes a signed assessment; a draft is nobody's truth."""

from typing import Any

from django.conf import settings
from django.db import models

from steelyard.intake.interview import State
from steelyard.profile.document import Profile
from steelyard.profile.facts import FactError, Value, Vocabulary


class Draft(models.Model):
    """The answers of an owner about one system, resumable. `version` counts saves: a stale form is told."""

    system = models.SlugField(max_length=80, unique=True, allow_unicode=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts")
    name = models.CharField(max_length=200, blank=True)
    purpose = models.TextField(max_length=20_000, blank=True)
    unit = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)
    asked = models.JSONField(default=list)
    ticked = models.JSONField(default=list)
    checklist_done = models.BooleanField(default=False)
    steps = models.JSONField(default=list)
    submitted = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-changed",)

    def __str__(self) -> str:
        return self.name or self.system

    def state(self, words: Vocabulary) -> State:
        """Where the interview stands; a value that the vocabulary no longer has is dropped and asked again."""
        facts: dict[str, Value] = {}
        for name, raw in self.facts.items():
            if name in words:
                try:
                    facts[name] = words[name].parse(raw)
                except FactError:  # the vocabulary moved on: asked again
                    continue
        return State(facts, frozenset(self.asked), self.checklist_done, frozenset(self.ticked))

    def keep(self, state: State, words: Vocabulary) -> None:
        """Takes over a state, after remembering the one before, so that a person can go back."""
        before = {"facts": self.facts, "asked": self.asked, "ticked": self.ticked, "done": self.checklist_done}
        self.steps = [*self.steps, before][-40:]
        self.facts = {name: words[name].plain(value) for name, value in state.facts.items()}
        self.asked, self.ticked = sorted(state.asked), sorted(state.ticked)
        self.checklist_done = state.checklist_done

    def back(self) -> None:
        """Goes one step back."""
        if self.steps:
            before: dict[str, Any] = self.steps.pop()
            self.facts, self.asked = before["facts"], before["asked"]
            self.ticked, self.checklist_done = before["ticked"], before["done"]

    def profile(self, words: Vocabulary) -> Profile:
        """The profile these answers make; its owner stands there under a pseudonym."""
        state = self.state(words)
        return Profile(
            id=self.system,
            facts=state.facts,
            name=self.name,
            purpose=self.purpose,
            unit=self.unit,
            owner=self.owner.person,
            asked=tuple(self.asked),
        )
