"""Where intake lives."""

from django.urls import path

from steelyard.console.intake import views

urlpatterns = [
    path("intake/new", views.begin),
    path("intake/<slug:system>/", views.screen),
    path("intake/<slug:system>/result", views.result),
    path("intake/<slug:system>/submit", views.submit),
]
