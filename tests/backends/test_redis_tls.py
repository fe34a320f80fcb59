"""Redis behind TLS, `rediss://`: the server is a private one, with a certificate made for it."""

import shutil
import subprocess

import pytest
import redis

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.redis import RedisBackend
from flowrra_django.brokers.redis import LeasingBroker, RedisBroker
from flowrra_django.config import BackendConfig, BrokerConfig
from flowrra_django.engine.stores import Stores
from flowrra_django.results import TaskStatus
from tests import servers
from tests.contracts.acts import IO, enlist, enqueue, success
from tests.support import until

CHANNELS = 2  # that a listener subscribes to: the news, and its own end


class TlsRedis(servers.Redis):
    """Has no door but the one behind TLS."""

    @property
    def certificate(self):
        return self.folder / "certificate.pem"

    @property
    def url(self):
        return f"{self.unchecked_url}?ssl_ca_certs={self.certificate}"

    @property
    def unchecked_url(self):
        return f"rediss://127.0.0.1:{self.port}/0"

    def prepare(self):
        openssl = shutil.which("openssl")
        if openssl is None:
            raise servers.NoServerError("no openssl to make a certificate with")
        request = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
        key = self.folder / "key.pem"
        files = ["-keyout", str(key), "-out", str(self.certificate)]
        name = ["-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([openssl, *request.split(), *name, *files], check=True, capture_output=True)
        servers.give_away(key)

    def command(self):
        behind_tls = f"--port 0 --tls-port {self.port} --tls-auth-clients no"
        files = ["--tls-cert-file", self.certificate, "--tls-key-file", self.folder / "key.pem"]
        return [*super().command(), *behind_tls.split(), *map(str, files)]


@pytest.fixture(scope="module")
def server():
    try:
        server = TlsRedis()
        server.start()
    except servers.NoServerError as error:
        pytest.skip(f"no Redis with TLS: {error}")
    yield server
    server.remove()


@pytest.fixture(params=["ledger", "index"])
def stores(request, server, ledger_database):
    if request.param == "ledger":
        ledger = RedisBackend(BackendConfig(server.url))
        stores = Stores(ledger, RedisBroker(ledger))
    else:
        ledger = DatabaseBackend("default")
        stores = Stores(ledger, LeasingBroker(BrokerConfig(server.url), ledger))
    enlist(ledger, "w")
    yield stores
    stores.close()


def test_a_job_goes_in_and_comes_out_over_tls_and_who_listens_hears_of_it(stores):
    heard = []
    listener = stores.broker.listen(lambda _: heard.append("news"))
    until(lambda: len(heard) == CHANNELS)  # it begins to listen
    task_id = enqueue(stores)
    until(lambda: len(heard) > CHANNELS)
    (job,) = stores.take("w", [IO], 10).jobs
    stores.settle("w", [success(job)])
    assert job.task_id == task_id
    assert stores.result(task_id).status is TaskStatus.SUCCESS
    listener.close()


def test_a_server_that_nobody_vouches_for_is_told_nothing(server):
    backend = RedisBackend(BackendConfig(server.unchecked_url))
    with pytest.raises(redis.ConnectionError, match="certificate verify failed") as refusal:
        enlist(backend, "w")
    assert backend.is_outage(refusal.value)
