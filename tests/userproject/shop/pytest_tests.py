"""Tests in pytest's style."""

import pytest
from django.conf import settings
from django.core import mail

from shop.models import Order
from shop.tasks import send_receipt, tell_carrier, write_invoice

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def order(db):
    return Order.objects.create(email="ada@example.com")


def test_paying_enqueues_the_invoice(client, order, flowrra_jobs):
    client.get(f"/orders/{order.pk}/pay/")
    flowrra_jobs.assert_enqueued(write_invoice, args=(order.pk, "A-1"), count=1)


def test_the_invoice_leads_to_the_receipt(client, order, flowrra_jobs):
    client.get(f"/orders/{order.pk}/pay/")
    invoice, receipt = flowrra_jobs.run()
    assert invoice.is_success
    assert receipt.task_name == send_receipt.name
    assert flowrra_jobs.enqueued() == []
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("turn", [1, 2])
def test_nothing_is_left_by_the_turn_before(order, flowrra_jobs, turn):
    assert flowrra_jobs.enqueued() == []
    send_receipt.enqueue(order)
    assert len(flowrra_jobs.enqueued()) == 1


def test_at_once(client, order, flowrra_jobs):
    with flowrra_jobs.immediate():
        client.get(f"/orders/{order.pk}/pay/")
    assert len(mail.outbox) == 1


def test_at_commit(client, order, flowrra_jobs, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks(using=settings.JOBS_FOLLOW, execute=True)
    with flowrra_jobs.immediate(at="commit"), capture:
        client.get(f"/orders/{order.pk}/pay/")
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_with_real_commits(client, order, flowrra_jobs):
    with flowrra_jobs.immediate(at="commit", raise_errors=True):
        client.get(f"/orders/{order.pk}/pay/")
    assert len(mail.outbox) == 1


def test_the_carrier_hears_of_it_later(client, order, flowrra_jobs):
    client.get(f"/orders/{order.pk}/ship/")
    flowrra_jobs.run()
    flowrra_jobs.assert_enqueued(tell_carrier)
    flowrra_jobs.run(scheduled=True)
    assert Order.objects.get().status == "shipped"
