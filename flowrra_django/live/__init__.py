"""Jobs as they change, told to browsers: `websocket_urlpatterns` in `routing`, pages in `urls`."""
