from django.db import models


class Order(models.Model):
    email = models.EmailField()
    status = models.CharField(max_length=20, default="new")
    invoice = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001 - not yet

    def __str__(self):
        return self.email
