"""How a ledger keeps values: as they are in memory, as JSON text everywhere else.

What JSON has itself is written as it is. Anything else is an object of two keys: "!" names a form
and "v" holds the value in it, which may hold tagged values in turn:

    {"!": "Decimal", "v": "1.50"}            {"!": "tuple", "v": [1, 2]}
    {"!": "datetime", "v": "2026-01-31T12:00:00+00:00"}
    {"!": "datetime", "v": ["2026-10-25T02:30:00", 1, {"!": "ZoneInfo", "v": "Europe/Berlin"}]}
    {"!": "dict", "v": [[1, "one"], ["!", "keys that are no text, or look like a tag"]]}
    {"!": "enum", "v": ["shop.models:Order.Status", "paid"]}
    {"!": "model", "v": ["shop.order", 7, "default"]}

The meaning of a form never changes; a new meaning takes a new name. The text is for a text column:
jsonb rewrites numbers and the order of keys.

A value comes back equal and of the same type, or `encode` raises: TypeError for what cannot be
carried, ValueError for what nests too deeply. Instances of subclasses (named tuples, OrderedDict)
cannot be, but for enum members and Django's SafeString. Decoding unpickles, evaluates and imports
nothing (but for zoneinfo, which may look into tzdata). Whatever the text, it raises only
ValueError, or LookupError for a model instance that is not to be had, or what the database raises
while that is loaded.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import orjson

from .forms import Reference, restored
from .tagging import CAREFUL, QUICK, Tagger, too_deep

__all__ = [
    "Codec",
    "JsonCodec",
    "ModelCodec",
    "ObjectCodec",
    "Reference",
    "encode_call",
    "has_references",
]


class Codec(Protocol):
    """The form in which one ledger keeps values."""

    def encode(self, value: Any, place: str = "result") -> Any:
        """Return the value as the ledger keeps it.

        Raises TypeError or ValueError that names the place if the ledger cannot keep it.
        """

    def decode(self, raw: Any, *, strict: bool = True) -> Any:
        """Return the value that was encoded.

        Raises ValueError for what is malformed, LookupError for a model instance that is not to
        be had. If not `strict`, its `Reference` stands in for it.
        """


class ModelCodec(Protocol):
    """How model instances become references and come back. To be picklable."""

    def to_reference(self, value: Any) -> Reference | None:
        """Return the reference, or None if the value is no model instance.

        Asked twice for some values. Raises ValueError for an instance that has no row.
        """

    def from_reference(self, reference: Reference) -> Any:
        """Load the instance. Raises LookupError if there is none, however odd the reference."""


class ObjectCodec:
    """Passes values as they are, within one process."""

    def encode(self, value: Any, place: str = "result") -> Any:
        return value

    def decode(self, raw: Any, *, strict: bool = True) -> Any:
        return raw


class NoModels:
    """The model codec of those who have no models."""

    def to_reference(self, value: Any) -> None:
        return None

    def from_reference(self, reference: Reference) -> Any:
        raise LookupError("this process loads no model instances.")


class JsonCodec:
    """Turns values into JSON text and back. Picklable; safe to share between threads."""

    def __init__(self, models: ModelCodec | None = None) -> None:
        self._models = NoModels() if models is None else models
        self._tag_quickly = Tagger(QUICK, self._models.to_reference)
        self._tag_carefully = Tagger(CAREFUL, self._models.to_reference)

    def encode(self, value: Any, place: str = "result") -> str:
        root = (None, place, 0)
        try:
            text = _written(self._tag_quickly(value, root))
            if text is not None:
                return text
            return orjson.dumps(self._tag_carefully(value, root)).decode()
        except RecursionError as error:
            raise too_deep(root) from error

    def decode(self, raw: Any, *, strict: bool = True) -> Any:
        if not isinstance(raw, str):
            raise ValueError(f"JSON text is a str, got {type(raw).__name__}.")  # noqa: TRY004
        try:
            value = orjson.loads(raw)
            if '"!"' not in raw:
                return value
            return restored(value, self._load if strict else self._load_if_there)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"This is not JSON: {error}") from error
        except RecursionError as error:
            raise ValueError("This JSON is nested too deeply.") from error

    def _load(self, reference: Reference) -> Any:
        try:
            return self._models.from_reference(reference)
        except LookupError as error:
            raise LookupError(f"{reference} cannot be loaded: {error}") from error

    def _load_if_there(self, reference: Reference) -> Any:
        try:
            return self._models.from_reference(reference)
        except LookupError:
            return reference


def encode_call(codec: Codec, args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the raw forms of a list and a dict. Errors name `args[0]`, `kwargs['when'][2]`."""
    return codec.encode([*args], "args"), codec.encode({**kwargs}, "kwargs")


def has_references(raw: Any) -> bool:
    """Say whether decoding may have to load a model instance. Cheap; in doubt, True."""
    return isinstance(raw, str) and '"!"' in raw and ('"model"' in raw or "\\u" in raw)


def _written(tagged: Any) -> str | None:
    """Return the JSON text, or None if the value has to be tagged carefully."""
    try:
        text = orjson.dumps(tagged).decode()
    except TypeError:  # an integer over 64 bits, a lone surrogate, a key that is no text
        return None
    return None if "\\u0000" in text else text
