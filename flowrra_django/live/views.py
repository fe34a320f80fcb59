"""Pages for those who have a job's address, and no more rights than that."""

from __future__ import annotations

from django.core.signing import BadSignature
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import signing
from .progress import LANGUAGE, look_now, spoken, state_of


@require_safe
@never_cache
def job_state(request: HttpRequest, token: str) -> JsonResponse:
    """Tell how a job stands; 403 for an address that is not (or no longer) good, 404 for no job.

    `?language=de` has it in that language, else it is that of the request.
    """
    try:
        task_id = signing.read(token).task_id
    except BadSignature:
        return JsonResponse({"error": "This address is wrong, or has expired."}, status=403)
    brief = look_now(task_id)
    with spoken(request.GET.get(LANGUAGE)):
        return JsonResponse(state_of(brief), status=200 if brief else 404)
