"""The settings as frozen values, checked when they are made."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from .masking import SENSITIVE_KEYS
from .rules import (
    Label,
    Part,
    Rule,
    checked,
    key_of,
    names,
    nearest,
    number,
    part,
    read,
    rules_of,
    shown,
    text,
    unknown,
)

WEEK = 7 * 86_400
CENTURY = 36_525 * 86_400

_integer = partial(number, "an integer", int)
_seconds = partial(number, "a number of seconds", int, float)
_path = text("a dotted path such as 'shop.MyStore'", r"[^\W\d]\w*(\.[^\W\d]\w*)+", or_none=True)

Workers = Annotated[int, _integer(low=1, high=10_000)]
Limit = Annotated[int | None, _integer(low=1, high=10**9, or_none=True)]
QueueSize = Annotated[int, _integer(low=1, high=10**9)]
Retries = Annotated[int, _integer(low=0, high=10**6)]
Bytes = Annotated[int, _integer(low=1, high=2**29)]  # what Redis can hold; the databases hold more
Timer = Annotated[float, _seconds(low=0.001, high=WEEK)]  # a socket can wait 24 days at most
Delay = Annotated[float, _seconds(low=0, high=CENTURY)]
Lifetime = Annotated[float | None, _seconds(low=0.001, high=CENTURY, or_none=True)]
Url = Annotated[str, Rule("a URL such as 'redis://localhost:6379/0'", (str,))]
Name = Annotated[str, text("1 to 50 letters, digits, '.', '_' or '-'", r"[\w.-]{1,50}")]
DottedPath = Annotated[str | None, _path]
Names = Annotated[Sequence[str], names("a list of names such as ['password', 'token']")]


Store = TypeVar("Store", bound="StoreConfig")


class Scheme(NamedTuple):
    """The kind of store that URLs of a scheme lead to, and how they look."""

    family: str
    example: str
    pattern: str  # of what follows the ://


_NAME = r"[^/?#:@\s]*"
_USER = r"([^/?#\[\]\s]*@)?"
_PORT = r"(?!0)([0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_SERVER = rf"{_USER}([\w.-]*|\[[0-9a-fA-F:.]+\])(:{_PORT})?(/[0-9]*)?(\?[^#\s]*)?"
_SHAPE = "user:password@host:6379/0 (special characters of the password as %XX)"

SCHEMES = {
    "memory": Scheme("memory", "memory:// or memory://name", _NAME),
    "django": Scheme("database", "django://alias", _NAME),
    "redis": Scheme("redis", f"redis://{_SHAPE}", _SERVER),
    "rediss": Scheme("redis", f"rediss://{_SHAPE}", _SERVER),
    "unix": Scheme("redis", "unix:///path/to/socket?db=0", rf"{_USER}/[^?#]+(\?[^#\s]*)?"),
}
PAIRS = {
    ("memory", "memory"): "memory with memory of the same name",
    ("database", "database"): "a database with the same database",
    ("redis", "redis"): "Redis with the same Redis and NAMESPACE",
    ("redis", "database"): "a Redis broker with a database backend",
}


@dataclass(frozen=True, slots=True, repr=False)
class StoreConfig(Part):
    """Where a store is. `class_` is the dotted path of a store of one's own; its URL is free."""

    written_as: ClassVar[str] = "a URL or a dict"

    url: Url
    _: KW_ONLY
    namespace: Name = "flowrra"
    max_connections: Workers = 50
    socket_timeout: Timer = 5.0
    class_: DottedPath = None

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def name(self) -> str:
        """The name in `memory://name` ("": private to its executor), or the database alias."""
        name = self.url.partition("://")[2]
        return name or ("default" if self.scheme == "django" else "")

    @property
    def family(self) -> str:
        """What kind of store it is: memory, database, redis; custom where `class_` says it."""
        return "custom" if self.class_ else SCHEMES[self.scheme].family

    def as_config_of(self, kind: type[Store]) -> Store:
        """Return the config of the same store in another role."""
        shared = {f.name: getattr(self, f.name) for f in fields(StoreConfig)}
        return kind(**shared)

    @classmethod
    def conflicts(cls, values: Mapping[str, Any], label: Label) -> Iterator[str]:
        if values["class_"] is not None:
            return
        url = values["url"]
        name, _, rest = url.partition(":")
        scheme = SCHEMES.get(name)
        if scheme is None:
            starts = ", ".join(f"{known}://" for known in SCHEMES)
            yield (
                f"{label('url')} must start with one of {starts}, got {shown(url)}."
                f"{nearest(name, SCHEMES)} For a store of your own, set {label('class_')}."
            )
        elif not re.fullmatch(f"//{scheme.pattern}", rest):
            yield f"{label('url')} must look like {scheme.example}, got {shown(url)}."

    @classmethod
    def unfolded(cls, given: Any) -> Any:
        return {"URL": given} if isinstance(given, str) else given

    def __repr__(self) -> str:
        options = (f"{f.name}={shown(getattr(self, f.name))}" for f in fields(self))
        return f"{type(self).__name__}({', '.join(options)})"


@dataclass(frozen=True, slots=True, repr=False)
class BrokerConfig(StoreConfig):
    """Where the index of waiting jobs is."""


@dataclass(frozen=True, slots=True, repr=False)
class BackendConfig(StoreConfig):
    """Where the ledger is. Final results are kept for `ttl` seconds; None keeps them for ever."""

    ttl: Lifetime = WEEK
    _: KW_ONLY
    max_payload_bytes: Bytes = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig(Part):
    """How jobs run; times in seconds. Retries and timeout are those of tasks that do not say.

    A CPU child is replaced after `max_jobs_per_child` jobs; None keeps it for as long as it lives.
    """

    io_workers: Workers = 100
    thread_workers: Workers = 8
    cpu_workers: Workers = os.cpu_count() or 1
    max_jobs_per_child: Limit = None
    max_queue_size: QueueSize = 100_000
    max_retries: Retries = 3
    retry_delay: Delay = 1.0
    timeout: Lifetime = None
    ageing: Lifetime = 300.0
    heartbeat_interval: Timer = 5.0
    heartbeat_timeout: Timer = 30.0
    rescue_interval: Timer = 5.0
    stop_timeout: Timer = 30.0
    stall_timeout: Timer = 300.0

    @classmethod
    def conflicts(cls, values: Mapping[str, Any], label: Label) -> Iterator[str]:
        interval, timeout = values["heartbeat_interval"], values["heartbeat_timeout"]
        if timeout <= 2 * interval:
            yield (
                f"{label('heartbeat_timeout')} must be more than twice "
                f"{label('heartbeat_interval')}, got {timeout} and {interval}."
            )


@dataclass(frozen=True, slots=True)
class Config(Part):
    """All settings. With neither broker nor backend, an executor keeps everything in memory.

    What has a name that holds one of `sensitive_keys` is masked for those who look at jobs.
    """

    broker: Annotated[BrokerConfig | None, part(BrokerConfig, or_none=True)] = None
    backend: Annotated[BackendConfig | None, part(BackendConfig, or_none=True)] = None
    executor: Annotated[ExecutorConfig, part(ExecutorConfig)] = ExecutorConfig()
    sensitive_keys: Names = SENSITIVE_KEYS

    @classmethod
    def conflicts(cls, values: Mapping[str, Any], label: Label) -> Iterator[str]:
        broker, backend = values["broker"], values["backend"]
        if broker and backend and not _go_together(broker, backend):
            yield (
                f"{label('broker')} {shown(broker.url)} and {label('backend')} "
                f"{shown(backend.url)} do not go together. Allowed: {', '.join(PAIRS.values())}."
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Read what `settings.FLOWRRA` holds, or raise ConfigurationError with all its problems."""
        return checked(*read(cls, mapping, _in_settings))

    @classmethod
    def problems(cls, mapping: Mapping[str, Any]) -> list[str]:
        """Return all that is wrong with what `settings.FLOWRRA` holds, one text for each."""
        return read(cls, mapping, _in_settings)[1]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the variables `FLOWRRA_*`, or raise ConfigurationError with all their problems.

        The word None stands for None. A variable that is set but empty does not count as unset.
        """
        mapping, strangers = _sorted_out(environ)
        config, problems = read(cls, mapping, _in_environ)
        return checked(config, strangers + problems)


def _go_together(broker: StoreConfig, backend: StoreConfig) -> bool:
    families = broker.family, backend.family
    if "custom" in families:  # only its author can know
        return True
    if families == ("redis", "redis"):
        return (broker.url, broker.namespace) == (backend.url, backend.namespace)
    return families in PAIRS and ("redis" in families or broker.name == backend.name)


def _in_settings(*keys: object) -> str:
    return "FLOWRRA" + "".join(f"[{shown(key)}]" for key in keys)


def _in_environ(*keys: str) -> str:
    return "_".join(("FLOWRRA", *keys))


def _sorted_out(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Split variables into a mapping like `settings.FLOWRRA` and complaints about the others."""
    known = {_in_environ(*keys): (keys, rule) for keys, rule in _leaves()}
    ours = [n for n in environ if n.startswith("FLOWRRA_") and not n.startswith("FLOWRRA_TEST_")]
    mapping: dict[str, Any] = {}
    for variable in filter(known.__contains__, ours):
        (*outer, key), rule = known[variable]
        within = mapping.setdefault(outer[0], {}) if outer else mapping
        within[key] = rule.parse(environ[variable])
    return mapping, [unknown(v, v, known) for v in ours if v not in known]


def _leaves() -> Iterator[tuple[tuple[str, ...], Rule]]:
    """Yield the keys that lead to each setting that holds no others."""
    for outer, holder in rules_of(Config).items():
        kind = holder.types[0]
        if issubclass(kind, Part):
            for name, rule in rules_of(kind).items():
                yield (key_of(outer), key_of(name)), rule
        else:
            yield (key_of(outer),), holder
