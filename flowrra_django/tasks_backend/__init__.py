"""The production backend for Django's own tasks.

`FlowrraBackend` is for `django.tasks`, and on Django 5.2 for the package `django-tasks`.
`PackageBackend` is for that package on any Django: a site may have both, under two aliases.
"""

from typing import Any

import django

if django.VERSION >= (6, 0):
    from .native import FlowrraBackend
else:
    from .package import PackageBackend as FlowrraBackend  # type: ignore[assignment]

__all__ = ["FlowrraBackend", "PackageBackend"]


def __getattr__(name: str) -> Any:
    if name != "PackageBackend":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .package import PackageBackend  # noqa: PLC0415 - the package may not be installed

    return PackageBackend
