from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


@pytest.fixture
def admin_client(db: None) -> Client:
    """Give a client that may do everything; without a password, which would take long to hash."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def staff_client(db: None) -> Callable[..., Client]:
    """Give a client whose user may do only what the codenames say."""

    def client_with(*codenames: str) -> Client:
        user = User.objects.create_user("helper", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return client_with
