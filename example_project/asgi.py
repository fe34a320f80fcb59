"""The site as an ASGI application: its pages, and the sockets through which they are told."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

pages = get_asgi_application()  # sets Django up, which the sockets need

from flowrra_django.live.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter(websocket_urlpatterns)},
)
