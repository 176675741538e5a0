"""Where the API, its tokens and the public logs live."""

from django.urls import path, re_path

from steelyard.console.api import door, log, pages
from steelyard.console.api.app import api

urlpatterns = [
    path("api/", api.urls),
    re_path("^api/", door.nothing_here),
    path("tokens", pages.index),
    path("tokens/<int:number>/revoke", pages.revoke),
    path("log/<int:number>/checkpoint", log.checkpoint),
    path("log/<int:number>/vkey", log.vkey),
    path("log/<int:number>/<path:path>", log.tile),
]
