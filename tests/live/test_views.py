"""The JSON page of one job."""

import pytest

from flowrra_django.live import signing
from tests.admin.support import make_running

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.live.site_urls")]


def page(task_id, **options):
    return f"/flowrra/jobs/{signing.sign(task_id, **options)}/"


def test_who_has_its_address_sees_how_a_job_stands_and_nothing_else(client):
    job = make_running(args='["a-secret"]', error="a-secret", traceback="a-secret")
    answer = client.get(page(job.task_id))
    assert answer.json() == {
        "status": "running",
        "final": False,
        "done": None,
        "total": None,
        "message": "",
        "percent": None,
        "words": "Running",
        "detail": "",
    }
    assert "no-store" in answer["Cache-Control"]


def test_an_address_that_is_wrong_or_has_expired_is_refused(client):
    job = make_running()
    for path in (page(job.task_id, max_age=-1), page(job.task_id)[:-2] + "/", "/flowrra/jobs/x/"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert "status" not in answer.json()


def test_a_job_that_is_not_there_is_unknown(client):
    answer = client.get(page("f" * 32))
    assert (answer.status_code, answer.json()["status"]) == (404, "unknown")


def test_nothing_is_changed_by_asking(client):
    assert client.post(page("f" * 32)).status_code == 405
