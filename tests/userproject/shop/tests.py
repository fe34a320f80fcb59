# ruff: noqa: PT009 - unittest's own assertions, as most Django projects have them
"""Tests in Django's own style: run by `manage.py test`, and by pytest."""

from unittest import mock

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.test import TestCase, TransactionTestCase

from flowrra_django.testing import (
    assert_enqueued,
    clear_jobs,
    enqueued_jobs,
    immediate_jobs,
    run_jobs,
)
from shop.models import Order
from shop.tasks import render_label, send_receipt, tell_carrier, write_invoice


class PayTests(TestCase):
    databases = "__all__"

    @classmethod
    def setUpTestData(cls):
        cls.order = Order.objects.create(email="ada@example.com")

    def setUp(self):
        self.addCleanup(clear_jobs)  # for a ledger in memory, which no transaction rolls back

    def test_paying_enqueues_the_invoice(self):
        self.client.get(f"/orders/{self.order.pk}/pay/")
        assert_enqueued(write_invoice, args=(self.order.pk, "A-1"), count=1)
        self.assertEqual(mail.outbox, [])

    def test_the_invoice_leads_to_the_receipt(self):
        self.client.get(f"/orders/{self.order.pk}/pay/")
        invoice, receipt = run_jobs()
        self.assertTrue(invoice.is_success)
        self.assertEqual(receipt.args, (self.order,))
        self.assertEqual(mail.outbox[0].to, ["ada@example.com"])

    def test_a_number_that_is_taken_fails_the_job_and_nothing_else(self):
        Order.objects.create(email="bob@example.com", invoice="A-1")
        job = write_invoice.enqueue(self.order.pk, "A-1")
        run_jobs()
        self.assertEqual(job.get().error_type, "django.db.utils.IntegrityError")
        self.assertEqual(Order.objects.filter(invoice="A-1").count(), 1)
        self.assertEqual(enqueued_jobs(send_receipt), [])

    def test_a_mail_that_fails_is_tried_three_times(self):
        job = send_receipt.enqueue(self.order)
        with mock.patch("shop.tasks.send_mail", side_effect=OSError("no server")):
            run_jobs("mail")
        self.assertEqual((job.get().status, job.get().attempts), ("failed", 3))

    @immediate_jobs()
    def test_at_once(self):
        self.client.get(f"/orders/{self.order.pk}/pay/")
        self.assertEqual(len(mail.outbox), 1)

    def test_at_commit(self):
        with immediate_jobs(at="commit"):
            with self.captureOnCommitCallbacks(using=settings.JOBS_FOLLOW, execute=True):
                self.client.get(f"/orders/{self.order.pk}/pay/")
                self.assertEqual(mail.outbox, [])
            self.assertEqual(len(mail.outbox), 1)

    async def test_from_an_async_view(self):
        with immediate_jobs():
            await self.async_client.get(f"/orders/{self.order.pk}/ship/")
        (waiting,) = await sync_to_async(enqueued_jobs)()
        self.assertEqual(waiting.task_name, tell_carrier.name)


class ShipTests(TransactionTestCase):
    databases = "__all__"

    def setUp(self):
        self.addCleanup(clear_jobs)
        self.order = Order.objects.create(email="ada@example.com")

    def test_the_carrier_hears_of_it_later(self):
        self.client.get(f"/orders/{self.order.pk}/ship/")
        (label,) = run_jobs(raise_errors=True)
        self.assertEqual(
            (label.task_name, label.result), (render_label.name, f"Label {label.args[0]}")
        )
        assert_enqueued(tell_carrier, args=(self.order.pk,))
        run_jobs(scheduled=True, raise_errors=True)
        self.order.refresh_from_db()
        self.assertEqual(self.order.status, "shipped")

    @immediate_jobs(at="commit")
    def test_jobs_run_once_the_transaction_is_committed(self):
        with transaction.atomic(using=settings.JOBS_FOLLOW):
            job = write_invoice.enqueue(self.order.pk, "A-1")
            self.assertEqual(mail.outbox, [])
        self.assertTrue(job.get().is_success)
        self.assertEqual(len(mail.outbox), 1)
