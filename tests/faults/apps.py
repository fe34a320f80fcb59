"""The app of the fault suite, which is installed in its workers and web processes only."""

import os

from django.apps import AppConfig

WORKER_PID = "FLOWRRA_TEST_WORKER_PID"


class FaultsConfig(AppConfig):
    name = "tests.faults"

    def ready(self) -> None:
        from . import mishaps, switches  # noqa: PLC0415 - they need Django's apps to be there

        os.environ.setdefault(WORKER_PID, str(os.getpid()))  # CPU children find their worker's
        mishaps.bring_about(os.environ.get("FLOWRRA_TEST_MISHAP", ""))
        switches.turn_off(os.environ.get("FLOWRRA_TEST_SWITCH_OFF", ""))
