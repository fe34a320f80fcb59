"""A site with ATOMIC_REQUESTS, served by threads, beside a worker on the same SQLite file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler

import pytest
from django.contrib.auth.models import Group
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.http import HttpResponse
from django.urls import path

from flowrra_django.models import TaskRecord
from tests.support import until
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 120
THREADS = 4
BACKLOG = 5000


def enqueue(request):
    group = Group.objects.create(name=request.GET["name"])
    handle = tasks.add.enqueue(group.pk, 0)
    if request.GET.get("fails"):
        raise ValueError("after all")
    return HttpResponse(handle.task_id)


urlpatterns = [path("enqueue", enqueue)]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site(settings, monkeypatch):
    """Serve this module's view, each request on a thread of its own and in a transaction."""
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/enqueue"
    server.shutdown()
    thread.join()
    server.server_close()


def test_views_enqueue_without_an_error_while_a_worker_drains(start_worker, site):
    backlog = tasks.noop.enqueue_many([()] * BACKLOG)
    start_worker()
    until(TaskRecord.objects.filter(status="success").exists)

    def request(number: int) -> tuple[int, str]:
        with urlopen(f"{site}?name=group-{number}", timeout=30) as response:
            return response.status, response.read().decode()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(request, range(REQUESTS)))
    assert {status for status, _ in answers} == {200}
    until(lambda: TaskRecord.objects.filter(status="success").count() == BACKLOG + REQUESTS)
    assert Group.objects.count() == REQUESTS
    assert set(TaskRecord.objects.values_list("attempts", "crashes")) == {(1, 0)}
    asked_for = {task_id for _, task_id in answers}
    assert len(asked_for | {handle.task_id for handle in backlog}) == BACKLOG + REQUESTS


def test_the_job_of_a_view_that_fails_never_was(site, client):
    client.raise_request_exception = False
    assert client.get("/enqueue?name=g&fails=1").status_code == 500
    assert client.get("/enqueue?name=h").status_code == 200
    assert list(Group.objects.values_list("name", flat=True)) == ["h"]
    assert TaskRecord.objects.count() == 1
