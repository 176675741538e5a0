"""Where reviews live."""

from django.urls import path

from steelyard.console.reviews import views

urlpatterns = [
    path("reviews/", views.index),
    path("standing", views.standing),
    path("reviews/<slug:system>/", views.desk),
    path("reviews/<slug:system>/say", views.say),
    path("reviews/<slug:system>/decide", views.take),
]
