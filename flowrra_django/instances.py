"""Model instances in arguments and results: they travel as references, and are loaded anew."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.utils.connection import ConnectionDoesNotExist

from .serialization import Reference


class InstanceCodec:
    """Names an instance by model, primary key and database, and loads it by that name."""

    def to_reference(self, value: Any) -> Reference | None:
        if not isinstance(value, models.Model):
            return None
        if value.pk is None or value._state.adding:
            raise ValueError(
                f"This {value._meta.label} has no row in a database yet. Save it first."
            )
        return Reference(value._meta.label_lower, value.pk, value._state.db or DEFAULT_DB_ALIAS)

    def from_reference(self, reference: Reference) -> Any:
        try:
            model = apps.get_model(reference.model)
            return model._base_manager.using(reference.alias).get(pk=reference.pk)
        except (ObjectDoesNotExist, ConnectionDoesNotExist) as error:
            raise LookupError(f"it is gone: {error}") from error
        except (TypeError, ValueError, ValidationError) as error:
            raise LookupError(f"it names no row: {error}") from error
