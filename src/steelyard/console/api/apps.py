"""The Django application of this room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Named so that labels are short."""

    name = "steelyard.console.api"
    label = "api"
