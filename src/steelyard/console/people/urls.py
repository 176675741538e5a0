"""Where people live."""

from django.urls import path

from steelyard.console.people import views

urlpatterns = [
    path("setup", views.setup),
    path("lang", views.choose_language),
    path("people/", views.index),
    path("people/<slug:person_id>/", views.person),
]
