"""The WSGI application, for `steelyard serve` and for any other server."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "steelyard.console.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
