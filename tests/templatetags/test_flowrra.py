"""`{% flowrra_progress %}` and `{% flowrra_live %}`, as a site's template has them."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.template import Context, Template
from django.test import AsyncRequestFactory, RequestFactory

from flowrra_django.handle import JobHandle
from flowrra_django.live import routing, signing
from tests.admin.support import make_pending, make_record, make_running

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.live.site_urls")]

assert routing  # a process that has imported it serves sockets


def bar_of(job, arguments="", request=None):
    template = Template("{% load flowrra %}{% flowrra_progress job " + arguments + " %}")
    return template.render(Context({"job": job, "request": request}))


def attributes_of(html):
    return {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', html)}


@pytest.mark.parametrize(
    ("make", "status", "percent", "words"),
    [
        (make_pending, "pending", "0", "Waiting"),
        (make_running, "running", None, "Running"),
        (make_record, "success", "100", "Done"),
        (lambda: make_record(status="failed"), "failed", "0", "Failed"),
        (lambda: make_record(status="cancelled"), "cancelled", "0", "Cancelled"),
    ],
    ids=["pending", "running", "success", "failed", "cancelled"],
)
def test_a_bar_says_how_its_job_stands_before_any_script_runs(make, status, percent, words):
    html = bar_of(make())
    attributes = attributes_of(html)
    assert attributes["data-status"] == status
    assert attributes.get("aria-valuenow") == percent
    assert attributes["aria-valuetext"] == words
    assert (" data-final" in html) == (status in {"success", "failed", "cancelled"})


def test_nothing_in_it_needs_a_policy_to_be_loosened():
    html = bar_of(make_running())
    assert "style=" not in html
    assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]
    assert not re.search(r"\son\w+=", html)


def test_a_job_is_given_as_its_handle_its_result_its_record_or_its_id():
    record = make_running()
    handle = JobHandle(record.task_id)
    for job in (record, handle, handle.get(), record.task_id):
        token = attributes_of(bar_of(job))["data-poll"].split("/")[-2]
        assert signing.read(token).task_id == record.task_id


@pytest.mark.parametrize("job", [None, "", 7, object()])
def test_what_is_no_job_is_refused_by_name(job):
    with pytest.raises(TypeError, match="Give a job, its result or its id, not "):
        bar_of(job)


def test_the_address_expires_when_the_template_says():
    token = attributes_of(bar_of(make_running(), "max_age=60"))["data-poll"].split("/")[-2]
    assert 55 < signing.read(token).seconds_left <= 60


def test_a_label_is_text():
    html = bar_of(make_running(), "label=job.queue")
    assert attributes_of(html)["aria-label"] == "default"
    html = bar_of(make_running(queue="<b>'Files'\""), "label=job.queue")
    assert "<b>" not in html
    assert attributes_of(html)["aria-label"] == "<b>'Files'\""


def test_the_address_works(client):
    attributes = attributes_of(bar_of(make_running()))
    assert client.get(attributes["data-poll"]).json()["status"] == "running"


def test_there_is_a_socket_only_where_one_is_served():
    by_wsgi = bar_of(make_running(), request=RequestFactory().get("/"))
    assert attributes_of(by_wsgi)["data-socket"] == ""
    request = AsyncRequestFactory().get("/")
    assert isinstance(request, ASGIRequest)
    by_asgi = attributes_of(bar_of(make_running(), request=request))
    assert by_asgi["data-socket"].startswith("/flowrra/live/jobs/")


@pytest.mark.urls("tests.urls")
def test_a_site_without_the_addresses_is_told_what_to_add():
    with pytest.raises(ImproperlyConfigured, match=r'include\("flowrra_django.live.urls"\)'):
        bar_of(make_running())


def test_pages_of_the_admin_know_their_socket_where_there_is_one():
    template = Template("{% load flowrra %}{% flowrra_live %}")
    for factory, path in ((RequestFactory, ""), (AsyncRequestFactory, "/flowrra/live/")):
        html = template.render(Context({"request": factory().get("/")}))
        assert f'data-flowrra-live="{path}"' in html
        assert 'type="module"' in html
