from django.core.mail import send_mail
from django.db import transaction

from flowrra_django import flowrra_task
from shop.models import Order


@flowrra_task(queue="mail", max_retries=2)
def send_receipt(order):
    send_mail("Your receipt", f"{order.invoice}: thank you.", "shop@example.com", [order.email])


@flowrra_task(max_retries=0)
def write_invoice(order_id, number):
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        order.invoice = number
        order.save()
        transaction.on_commit(lambda: send_receipt.enqueue(order))


@flowrra_task
async def tell_carrier(order_id):
    order = await Order.objects.aget(pk=order_id)
    order.status = "shipped"
    await order.asave()


@flowrra_task(cpu_bound=True)
def render_label(order_id):
    return f"Label {order_id}"
