"""One line for each job that ends, or is to be tried again."""

import logging

import pytest

from flowrra_django.engine.job_log import log_settled
from flowrra_django.engine.outbox import Parcel
from flowrra_django.job import ErrorInfo, Failed, GivenBack, Job, Kind, Succeeded
from tests.contracts.acts import written

JOB = Job(task_id="x1", task_name="shop.pay", kind=Kind.IO, args=[], kwargs={})
NO_WORDS = ErrorInfo("", "builtins.KeyError")
OWN = ErrorInfo("no luck", "shop.errors.PaymentError")


@pytest.mark.parametrize(
    ("outcome", "retries", "seconds", "level", "words"),
    [
        (Succeeded(1), 0, 0.0123, "INFO", "shop.pay x1 succeeded in 12.3 ms"),
        (Succeeded(1), 0, 75.5, "INFO", "shop.pay x1 succeeded in 75.50 s"),
        (
            Failed(OWN),
            0,
            0.5,
            "ERROR",
            "shop.pay x1 failed in 500.0 ms: shop.errors.PaymentError: no luck",
        ),
        (Failed(NO_WORDS), 0, 1.0, "ERROR", "shop.pay x1 failed in 1.00 s: KeyError"),
        (
            Failed(NO_WORDS),
            1,
            1.0,
            "WARNING",
            "shop.pay x1 failed in 1.00 s, runs again in 2.5 s: KeyError",
        ),
        (GivenBack("Why."), 0, 1.0, "DEBUG", "shop.pay x1 is given back, to run at once: Why."),
    ],
)
def test_what_became_of_a_job_is_told(caplog, outcome, retries, seconds, level, words):
    caplog.set_level(logging.DEBUG, "flowrra_django.jobs")
    item = written(JOB, outcome, retries=retries, delay=2.5)
    log_settled(Parcel("w", item, seconds), is_accepted=True)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (level, words)
    assert (record.task_name, record.task_id) == ("shop.pay", "x1")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Succeeded(1), "was given to another worker; what it produced here is dropped"),
        (Failed(OWN), "was given to another worker; what it produced here is dropped"),
        (GivenBack("…"), "is not given back: it waits already, or another worker has it"),
    ],
)
def test_what_no_longer_counts_is_a_warning(caplog, outcome, words):
    log_settled(Parcel("w", written(JOB, outcome), 1.0), is_accepted=False)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"shop.pay x1 {words}"


def test_what_nobody_wants_to_read_is_not_put_into_words(caplog):
    caplog.set_level(logging.WARNING, "flowrra_django.jobs")
    log_settled(Parcel("w", written(JOB, Succeeded(1)), 1.0), is_accepted=True)
    assert caplog.records == []
