"""What one job may have otherwise than its task: the options that its record can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from .job import NO_META
from .registry import OPTIONS_OF_A_JOB, Options

OF_THE_TASK = {field.name for field in fields(Options)}
OF_THE_CALL = {"max_crashes", "on_duplicate", "expires_in"}  # the record has a place for each


def check_portable(options: Mapping[str, Any]) -> None:
    """Raise TypeError for options of a task that the record of a job cannot carry."""
    refused = {
        name
        for name in options.keys() & OF_THE_TASK - OF_THE_CALL
        if name not in OPTIONS_OF_A_JOB or not _is_json(options[name])
    }
    if refused:
        names = ", ".join(sorted(refused))
        raise TypeError(f"{names} cannot be different for one job. Give it to the decorator.")


def meta_of(options: Mapping[str, Any]) -> str:
    """Return the `meta` of jobs with these options; those that are not kept there are left out."""
    kept = {name: options[name] for name in OPTIONS_OF_A_JOB if name in options}
    return orjson.dumps({"options": kept}).decode() if kept else NO_META


def _is_json(value: Any) -> bool:
    """Whether a value comes back from JSON as it was, or as a list instead of a tuple."""
    given = list(value) if isinstance(value, tuple) else value
    try:
        return bool(orjson.loads(orjson.dumps(given)) == given)
    except TypeError:
        return False
