"""Django's tasks as this Python has them; what imports this is skipped where it has none."""

from importlib import import_module

import pytest

from flowrra_django.interop import TASKS_MODULE
from tests.settings import HAS_PACKAGE, HAS_TASKS

if not (HAS_TASKS or HAS_PACKAGE):
    pytest.skip("Before Django 6, needs the package django-tasks.", allow_module_level=True)

api = import_module(TASKS_MODULE)
exceptions = import_module(f"{TASKS_MODULE}.exceptions")
signals = import_module(f"{TASKS_MODULE}.signals")
InvalidTask = getattr(exceptions, "InvalidTask", None) or exceptions.InvalidTaskError
InvalidTaskBackend = (
    getattr(exceptions, "InvalidTaskBackend", None) or exceptions.InvalidTaskBackendError
)
DoesNotExist = exceptions.TaskResultDoesNotExist
Mismatch = exceptions.TaskResultMismatch
task = api.task
task_backends = api.task_backends
Status = api.TaskResultStatus
