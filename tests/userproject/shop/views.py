from datetime import timedelta

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from shop.models import Order
from shop.tasks import render_label, tell_carrier, write_invoice


@transaction.atomic
def pay(request, pk):
    order = get_object_or_404(Order, pk=pk)
    order.status = "paid"
    order.save()
    write_invoice.enqueue(order.pk, request.GET.get("number", "A-1"))
    return HttpResponse(order.status)


async def ship(request, pk):
    await render_label.aenqueue(pk)
    await tell_carrier.using(run_after=timedelta(hours=1)).aenqueue(pk)
    return HttpResponse("soon")
