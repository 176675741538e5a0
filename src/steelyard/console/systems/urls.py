"""Where systems live."""

from django.urls import path

from steelyard.console.systems import views

urlpatterns = [
    path("systems/", views.index),
    path("systems/<slug:system>/", views.page),
    path("systems/<slug:system>/what-if", views.what_if),
    path("systems/<slug:system>/evidence", views.add_evidence),
    path("systems/<slug:system>/edit", views.edit),
]
