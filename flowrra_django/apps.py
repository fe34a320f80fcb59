"""The Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from . import runtime
from .checks import register_checks
from .live.publishing import LiveAudience


class FlowrraConfig(AppConfig):
    name = "flowrra_django"
    verbose_name = "Background jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register_checks()
        runtime.audiences.append(LiveAudience())
        autodiscover_modules("tasks")
