"""A Content-Security-Policy under which nothing inline runs, and nothing from elsewhere."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = "default-src 'none'; " + "; ".join(
    f"{kind} 'self'"
    for kind in ("script-src", "style-src", "img-src", "connect-src", "form-action", "base-uri")
)


def strict(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return respond
