"""A site's own words for how a job stands, in the language of the page."""

import pytest
from asgiref.sync import sync_to_async
from django.template import Context, Template
from django.test import AsyncRequestFactory
from django.utils import timezone
from django.utils.translation import override

from flowrra_django.live import routing, signing
from flowrra_django.live.progress import WORDS
from tests.admin.support import make_record, make_running
from tests.live.catalog import GERMAN, write_catalog
from tests.live.watching import Socket, job_path
from tests.templatetags.test_flowrra import attributes_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.live.site_urls")]

assert routing  # a process that has imported it serves sockets


@pytest.fixture(autouse=True)
def _german(settings, tmp_path):
    write_catalog(tmp_path, "de", GERMAN)
    settings.LOCALE_PATHS = [tmp_path]


def bar(job):
    request = AsyncRequestFactory().get("/")
    template = Template("{% load flowrra %}{% flowrra_progress job %}")
    return attributes_of(template.render(Context({"job": job, "request": request})))


@pytest.mark.parametrize("status", sorted(WORDS))
def test_every_word_of_a_status_can_be_translated(status):
    english = str(WORDS[status])
    with override("de"):
        assert str(WORDS[status]) == GERMAN[english] != english


def test_a_bar_speaks_the_language_of_its_page_and_goes_on_to(client):
    moment = timezone.now().isoformat()
    job = make_running(progress={"done": 1, "total": 4, "message": "", "at": moment})
    with override("de"):
        told = bar(job)
    assert (told["aria-label"], told["aria-valuetext"]) == ("Fortschritt", "Läuft, 1 von 4")
    state = client.get(told["data-poll"]).json()
    assert (state["words"], state["detail"]) == ("Läuft", "1 von 4")
    assert bar(job)["aria-valuetext"] == "Running, 1 of 4"


async def test_a_socket_speaks_the_language_of_its_page():
    job = await sync_to_async(make_record)()
    path = job_path(signing.sign(job.task_id))
    for query, word in {"?language=de": "Fertig", "?language=en": "Done", "": "Done"}.items():
        async with Socket(path + query) as socket:
            assert (await socket.hear())["words"] == word


@pytest.mark.parametrize(
    "query",
    ["?language=xx", "?language=../../etc", "?language=" + "d" * 5000, "?language", "?%ff=%fe"],
    ids=["unknown", "a path", "long", "empty", "no text"],
)
async def test_a_language_that_the_site_does_not_speak_changes_nothing(query, async_client):
    job = await sync_to_async(make_record)()
    token = signing.sign(job.task_id)
    async with Socket(job_path(token) + query) as socket:
        assert (await socket.hear())["words"] == "Done"
    answer = await async_client.get(f"/flowrra/jobs/{token}/{query}")
    assert answer.json()["words"] == "Done"
