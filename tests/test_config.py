import math
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from itertools import permutations

import pytest
from hypothesis import given, settings, strategies as st

from flowrra_django.config import (
    SCHEMES,
    BackendConfig,
    BrokerConfig,
    Config,
    ExecutorConfig,
)
from flowrra_django.exceptions import ConfigurationError, FlowrraError

WEEK = 604_800
CENTURY = 3_155_760_000

INTEGERS = {
    (ExecutorConfig, "io_workers"): (1, 10_000),
    (ExecutorConfig, "thread_workers"): (1, 10_000),
    (ExecutorConfig, "cpu_workers"): (1, 10_000),
    (ExecutorConfig, "max_queue_size"): (1, 10**9),
    (ExecutorConfig, "max_jobs_per_child"): (1, 10**9),
    (ExecutorConfig, "max_retries"): (0, 10**6),
    (BrokerConfig, "max_connections"): (1, 10_000),
    (BackendConfig, "max_connections"): (1, 10_000),
    (BackendConfig, "max_payload_bytes"): (1, 2**29),
}
SECONDS = {
    (ExecutorConfig, "retry_delay"): (0, CENTURY),
    (ExecutorConfig, "timeout"): (0.001, CENTURY),
    (ExecutorConfig, "ageing"): (0.001, CENTURY),
    (ExecutorConfig, "rescue_interval"): (0.001, WEEK),
    (ExecutorConfig, "stop_timeout"): (0.001, WEEK),
    (ExecutorConfig, "stall_timeout"): (0.001, WEEK),
    (BrokerConfig, "socket_timeout"): (0.001, WEEK),
    (BackendConfig, "socket_timeout"): (0.001, WEEK),
    (BackendConfig, "ttl"): (0.001, CENTURY),
}
RANGES = [(*field, *limits) for field, limits in (INTEGERS | SECONDS).items()]
ODD_VALUES = [True, False, "5", [], {}, object, math.nan, math.inf, -math.inf]

SECRET = "s3cr3t"
# What a password may hold, and what it should not but people type all the same.
passwords = st.text("aZ0:/@?#[]%&= '\"\\é", max_size=6).map(lambda text: f"{SECRET}{text}{SECRET}")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


def make(kind, **options):
    return kind(**options) if kind is ExecutorConfig else kind(url="memory://", **options)


def error_of(call, *args, **kwargs):
    with pytest.raises(ConfigurationError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


# Values


def test_everything_has_a_default():
    assert Config() == Config(broker=None, backend=None, executor=ExecutorConfig())
    assert BrokerConfig("memory://") == BrokerConfig(
        url="memory://",
        namespace="flowrra",
        max_connections=50,
        socket_timeout=5.0,
        class_=None,
    )
    assert BackendConfig("memory://").ttl == 7 * 24 * 3600
    assert BackendConfig("memory://").max_payload_bytes == 1024 * 1024
    assert ExecutorConfig().cpu_workers >= 1


def test_the_lifetime_of_results_may_follow_the_url():
    assert BackendConfig("memory://", 60).ttl == 60


def test_values_cannot_be_changed_but_replaced():
    config = Config(broker=BrokerConfig("memory://"))
    with pytest.raises(FrozenInstanceError):
        config.broker.url = "redis://localhost"
    assert not hasattr(config.broker, "__dict__")
    assert replace(config.executor, io_workers=7).io_workers == 7


def test_replacing_a_value_checks_it_again():
    assert "io_workers" in error_of(replace, ExecutorConfig(), io_workers=0)


def test_a_config_survives_pickling_and_serves_as_a_key():
    config = Config(BrokerConfig("redis://h/0"), BackendConfig("django://default", None))
    assert {config: 1}[pickle.loads(pickle.dumps(config))] == 1


def test_the_settings_are_read_without_django():
    code = "import sys, flowrra_django.config; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# One field


def test_an_error_names_the_field_what_it_takes_and_what_it_got():
    message = error_of(ExecutorConfig, io_workers=0)
    assert message == "io_workers must be an integer from 1 to 10000, got 0."


def test_a_configuration_error_is_a_value_error_of_this_package():
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(ConfigurationError, FlowrraError)


def test_all_wrong_fields_are_told_at_once():
    message = error_of(ExecutorConfig, io_workers=0, stop_timeout="soon", max_retries=3)
    assert [line.split()[0] for line in message.splitlines()] == ["io_workers", "stop_timeout"]


def test_every_number_has_a_range_in_these_tests():
    in_pairs = {"heartbeat_interval", "heartbeat_timeout"}
    in_words = {"url", "namespace", "class_"}
    for kind in (ExecutorConfig, BrokerConfig, BackendConfig):
        named = {name for owner, name, *_ in RANGES if owner is kind}
        assert {f.name for f in fields(kind)} - in_pairs - in_words == named


@pytest.mark.parametrize(("kind", "name", "low", "high"), RANGES)
def test_the_ends_of_a_range_belong_to_it(kind, name, low, high):
    assert getattr(make(kind, **{name: low}), name) == low
    assert getattr(make(kind, **{name: high}), name) == high


@pytest.mark.parametrize(("kind", "name", "low", "high"), RANGES)
def test_what_lies_outside_a_range_is_refused(kind, name, low, high):
    for value in (low - 1, high + 1):
        message = error_of(make, kind, **{name: value})
        assert message.startswith(f"{name} must be ")
        assert f"from {low} to {high}" in message
        assert f"got {value}." in message


@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
@pytest.mark.parametrize(("kind", "name", "low", "high"), RANGES)
def test_what_is_no_number_is_refused(kind, name, low, high, value):
    assert error_of(make, kind, **{name: value}).startswith(f"{name} must be a")


@pytest.mark.parametrize(("kind", "name"), INTEGERS)
def test_an_integer_is_not_a_float(kind, name):
    assert "an integer" in error_of(make, kind, **{name: 5.0})


@pytest.mark.parametrize(("kind", "name"), SECONDS)
def test_seconds_may_be_whole_or_not(kind, name):
    for value in (2, 2.5):
        assert getattr(make(kind, **{name: value}), name) == value


@pytest.mark.parametrize(("kind", "name"), INTEGERS | SECONDS)
def test_only_what_may_be_without_limit_may_be_none(kind, name):
    if name in {"ttl", "timeout", "ageing", "max_jobs_per_child"}:
        assert getattr(make(kind, **{name: None}), name) is None
    else:
        assert "got None" in error_of(make, kind, **{name: None})


@pytest.mark.parametrize(("interval", "timeout"), [(5, 10), (5.0, 9.9), (15, 30.0)])
def test_a_heartbeat_must_fit_more_than_twice_into_its_timeout(interval, timeout):
    message = error_of(ExecutorConfig, heartbeat_interval=interval, heartbeat_timeout=timeout)
    assert "heartbeat_timeout must be more than twice heartbeat_interval" in message
    assert f"got {timeout} and {interval}." in message


def test_a_heartbeat_that_fits_is_taken():
    executor = ExecutorConfig(heartbeat_interval=5, heartbeat_timeout=10.1)
    assert executor.heartbeat_timeout == 10.1


@pytest.mark.parametrize("name", ["", "a b", "{a}", "a:b", "a\n", "x" * 51, 5, None])
def test_a_namespace_is_a_plain_word(name):
    assert "namespace must be 1 to 50 letters" in error_of(
        BrokerConfig, "memory://", namespace=name
    )


@pytest.mark.parametrize("path", ["Store", "shop.", ".Store", "shop:Store", "a b.c", "1.2", ""])
def test_a_class_is_a_dotted_path(path):
    message = error_of(BrokerConfig, "memory://", class_=path)
    assert "class_ must be a dotted path such as 'shop.MyStore' or None" in message
    assert repr(path) in message


def test_the_class_itself_is_no_dotted_path():
    assert "class_ must be a dotted path" in error_of(BrokerConfig, "memory://", class_=Config)


@pytest.mark.parametrize("part", ["broker", "backend", "executor"])
@pytest.mark.parametrize("value", ["redis://:s3cr3t@h", {"URL": "redis://:s3cr3t@h"}, 5, Config()])
def test_a_part_of_another_type_is_refused_with_what_to_write(part, value):
    message = error_of(Config, **{part: value})
    assert f"{part} must be {part.capitalize()}Config(…)" in message
    assert "from_mapping()" in message
    assert SECRET not in message


def test_a_backend_is_no_broker():
    assert "broker must be BrokerConfig(…)" in error_of(Config, BackendConfig("memory://"))


# URLs


@pytest.mark.parametrize(
    ("url", "scheme", "family", "name"),
    [
        ("memory://", "memory", "memory", ""),
        ("memory://shared", "memory", "memory", "shared"),
        ("django://", "django", "database", "default"),
        ("django://Other_db-2", "django", "database", "Other_db-2"),
    ],
)
def test_a_url_without_a_server_names_its_store(url, scheme, family, name):
    store = BrokerConfig(url)
    assert (store.scheme, store.family, store.name) == (scheme, family, name)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://",
        "redis:///3",
        "redis://redis_1.example.org:6379/0?health_check_interval=5",
        "redis://:p%40ss@h:65535/0",
        "redis://user:a@b:c@h:1/",
        "redis://[::1]:6379/0",
        "rediss://user@h/15",
        "unix:///run/redis.sock",
        "unix://user:pass@/run/redis.sock?db=2",
    ],
)
def test_redis_is_found_by_host_or_socket(url):
    assert BackendConfig(url).family == "redis"


@pytest.mark.parametrize(
    ("url", "example"),
    [
        ("memory", "memory:// or memory://name"),
        ("memory:name", "memory:// or memory://name"),
        ("memory://a/b", "memory:// or memory://name"),
        ("django://user@default", "django://alias"),
        ("django://default/", "django://alias"),
        ("django://default\n", "django://alias"),
        ("redis://h:port", "host:6379/0"),
        ("redis://h:0", "host:6379/0"),
        ("redis://h:65536", "host:6379/0"),
        ("redis://h/first", "host:6379/0"),
        ("redis://h/0#x", "host:6379/0"),
        ("redis://:a/b@h/0", "special characters of the password as %XX"),
        ("unix://run/redis.sock", "unix:///path/to/socket"),
        ("unix://", "unix:///path/to/socket"),
    ],
)
def test_a_malformed_url_is_refused_with_an_example(url, example):
    message = error_of(BrokerConfig, url)
    assert message.startswith("url must look like ")
    assert example in message


@pytest.mark.parametrize(
    ("url", "meant"),
    [("reddis://h", "redis"), ("REDIS://h", "redis"), ("djanog://default", "django")],
)
def test_an_unknown_scheme_is_refused_with_the_nearest_and_all_others(url, meant):
    message = error_of(BrokerConfig, url)
    assert f"Did you mean {meant!r}?" in message
    assert repr(url) in message
    assert all(f"{scheme}://" in message for scheme in SCHEMES)


@pytest.mark.parametrize("url", ["", "localhost:6379", "kafka://h", "://", "default"])
def test_a_scheme_like_no_other_is_refused_without_a_guess(url):
    message = error_of(BrokerConfig, url)
    assert "url must start with one of memory://, django://" in message
    assert "Did you mean" not in message


@pytest.mark.parametrize("url", [None, 5, b"memory://", ["memory://"]])
def test_a_url_is_text(url):
    assert "url must be a URL such as 'redis://" in error_of(BrokerConfig, url)


def test_a_store_of_ones_own_has_any_url():
    store = BrokerConfig("kafka://h", class_="shop.stores.Kafka")
    assert (store.scheme, store.family) == ("kafka", "custom")


@settings(max_examples=200, deadline=None)
@given(
    passwords,
    st.sampled_from(["redis", "rediss", "reddis", "unix", "memory", "django", "RE DIS", ""]),
    st.sampled_from(["://", ":/", ":"]),
    st.sampled_from(["", "user"]),
)
def test_a_password_is_never_shown(password, scheme, separator, user):
    url = f"{scheme}{separator}{user}:{password}@host/0"
    custom = BrokerConfig(url, class_="shop.Store")
    shown = [repr(custom), repr(Config(broker=custom)), *Config.problems({"BROKER": url})]
    shown += Config.problems(url) + Config.problems({"EXECUTOR": url, url: url})
    try:
        BrokerConfig(url)
    except ConfigurationError as error:
        shown.append(str(error))
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cr3t@host/0", "redis://:***@host/0"),
        ("redis://user:s3cr3t@host:6379/0?x=1", "redis://user:***@host:6379/0?x=1"),
        ("redis://host/0?password=s3cr3t&x=1", "redis://host/0?password=***&x=1"),
        ("unix:///run/redis.sock?PASSWORD=s3cr3t", "unix:///run/redis.sock?PASSWORD=***"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("redis://host:6379/0?x=1", "redis://host:6379/0?x=1"),
    ],
)
def test_only_the_password_of_a_url_is_hidden(url, shown):
    assert f"url='{shown}'" in repr(BrokerConfig(url))


@pytest.mark.parametrize("url", ["redis://:s3cr3t", "redis://user:s3cr3t/0", "redis:/x:s3cr3t"])
def test_a_password_is_hidden_where_the_host_was_forgotten(url):
    assert SECRET not in error_of(BrokerConfig, url)


# Pairs

REDIS = ["redis://localhost:6379/0", "redis://localhost:6379/1", "rediss://h", "unix:///s"]


@pytest.mark.parametrize(
    ("broker", "backend"),
    [
        ("memory://", "memory://"),
        ("memory://a", "memory://a"),
        ("django://", "django://default"),
        ("django://jobs", "django://jobs"),
        *((broker, backend) for broker in REDIS for backend in [broker, "django://jobs"]),
    ],
)
def test_these_go_together(broker, backend):
    config = Config(BrokerConfig(broker), BackendConfig(backend))
    assert (config.broker.url, config.backend.url) == (broker, backend)


@pytest.mark.parametrize(
    ("broker", "backend"),
    [
        ("memory://", "memory://a"),
        ("memory://a", "memory://b"),
        ("memory://default", "django://"),
        ("memory://", "redis://h"),
        ("django://a", "django://b"),
        ("django://", "memory://"),
        ("django://", "redis://:s3cr3t@h"),
        ("redis://:s3cr3t@h", "memory://"),
        *permutations(REDIS, 2),
    ],
)
def test_any_others_are_refused_with_those_that_are_allowed(broker, backend):
    message = error_of(Config, BrokerConfig(broker), BackendConfig(backend))
    assert "do not go together" in message
    assert message.startswith("broker 'redis" if "redis" in broker else f"broker {broker!r}")
    for words in ("memory of the same name", "the same database", "the same Redis"):
        assert words in message
    assert SECRET not in message


def test_two_namespaces_of_a_redis_do_not_go_together():
    broker = BrokerConfig("redis://h", namespace="a")
    assert "do not go together" in error_of(Config, broker, BackendConfig("redis://h"))
    assert Config(broker, BackendConfig("redis://h", namespace="a")).broker is broker


@pytest.mark.parametrize("url", ["memory://", "django://", *REDIS])
def test_a_broker_or_a_backend_may_stand_alone(url):
    assert Config(broker=BrokerConfig(url)).backend is None
    assert Config(backend=BackendConfig(url)).broker is None


def test_a_store_of_ones_own_goes_with_any():
    own = BrokerConfig("any", class_="shop.Store")
    assert Config(own, BackendConfig("memory://")).broker is own


# settings.FLOWRRA


def test_settings_map_one_to_one():
    assert Config.from_mapping(
        {
            "BROKER": {"URL": "redis://h/0", "NAMESPACE": "shop", "CLASS": "shop.Broker"},
            "BACKEND": {"URL": "django://jobs", "TTL": None, "MAX_PAYLOAD_BYTES": 5},
            "EXECUTOR": {"IO_WORKERS": 7, "STOP_TIMEOUT": 2.5},
        }
    ) == Config(
        BrokerConfig("redis://h/0", namespace="shop", class_="shop.Broker"),
        BackendConfig("django://jobs", None, max_payload_bytes=5),
        ExecutorConfig(io_workers=7, stop_timeout=2.5),
    )


def test_a_url_alone_stands_for_a_broker_or_a_backend():
    assert Config.from_mapping({"BROKER": "redis://h", "BACKEND": "django://"}) == Config(
        BrokerConfig("redis://h"), BackendConfig("django://")
    )


@pytest.mark.parametrize("mapping", [{}, {"EXECUTOR": {}}, {"BROKER": None, "BACKEND": None}])
def test_settings_that_say_nothing_are_the_defaults(mapping):
    assert Config.from_mapping(mapping) == Config()
    assert Config.problems(mapping) == []


@pytest.mark.parametrize(
    ("mapping", "path", "meant"),
    [
        ({"BROKR": "redis://h"}, "FLOWRRA['BROKR']", "BROKER"),
        ({"executor": {}}, "FLOWRRA['executor']", "EXECUTOR"),
        ({"EXECUTOR": {"IO_WORKRES": 5}}, "FLOWRRA['EXECUTOR']['IO_WORKRES']", "IO_WORKERS"),
        ({"BACKEND": {"URL": "memory://", "TTTL": 5}}, "FLOWRRA['BACKEND']['TTTL']", "TTL"),
        ({"BROKER": {"URL": "memory://", "CLASS_": "a.b"}}, "FLOWRRA['BROKER']['CLASS_']", "CLASS"),
    ],
)
def test_a_mistyped_key_is_refused_with_its_path_and_the_nearest(mapping, path, meant):
    assert Config.problems(mapping) == [f"{path} is not a setting. Did you mean {meant!r}?"]


@pytest.mark.parametrize("key", ["ZZZ", 5, None])
def test_a_key_like_no_other_is_refused_with_all_there_are(key):
    [problem] = Config.problems({key: 1})
    assert "Known are BROKER, BACKEND, EXECUTOR, SENSITIVE_KEYS." in problem
    assert f"FLOWRRA[{key!r}]" in problem


@pytest.mark.parametrize(
    ("mapping", "start", "words"),
    [
        ("redis://h", "FLOWRRA", "must be a dict, got 'redis://h'"),
        ({"EXECUTOR": 5}, "FLOWRRA['EXECUTOR']", "must be a dict, got 5"),
        ({"EXECUTOR": None}, "FLOWRRA['EXECUTOR']", "must be a dict, got None"),
        ({"EXECUTOR": "redis://h"}, "FLOWRRA['EXECUTOR']", "must be a dict"),
        ({"BROKER": []}, "FLOWRRA['BROKER']", "must be a URL or a dict, got a value of type list"),
        ({"BROKER": {}}, "FLOWRRA['BROKER']['URL']", "is missing"),
        ({"BROKER": "reddis://h"}, "FLOWRRA['BROKER']['URL']", "Did you mean 'redis'?"),
        ({"BROKER": "x"}, "FLOWRRA['BROKER']['URL']", "set FLOWRRA['BROKER']['CLASS']"),
        (
            {"BACKEND": {"URL": "django://", "TTL": "1h"}},
            "FLOWRRA['BACKEND']['TTL']",
            "must be a number of seconds from 0.001 to 3155760000 or None, got '1h'",
        ),
        (
            {"EXECUTOR": {"HEARTBEAT_TIMEOUT": 8}},
            "FLOWRRA['EXECUTOR']['HEARTBEAT_TIMEOUT']",
            "more than twice FLOWRRA['EXECUTOR']['HEARTBEAT_INTERVAL'], got 8 and 5.0.",
        ),
        (
            {"BROKER": "django://", "BACKEND": "redis://h"},
            "FLOWRRA['BROKER'] 'django://' and FLOWRRA['BACKEND'] 'redis://h'",
            "do not go together",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(mapping, start, words):
    [problem] = Config.problems(mapping)
    assert problem.startswith(start)
    assert words in problem
    assert error_of(Config.from_mapping, mapping) == problem


def test_all_problems_are_found_at_once():
    mapping = {
        "BROKER": {"ULR": "redis://h"},
        "BACKEND": {"URL": "redis:h", "TTL": 5},
        "EXECUTOR": {"IO_WORKERS": 0, "CPU_WORKERS": "all", "THREADS": 5},
        "EXTRA": 1,
    }
    problems = Config.problems(mapping)
    assert [problem.split()[0] for problem in problems] == [
        "FLOWRRA['EXTRA']",
        "FLOWRRA['BROKER']['ULR']",
        "FLOWRRA['BROKER']['URL']",
        "FLOWRRA['BACKEND']['URL']",
        "FLOWRRA['EXECUTOR']['THREADS']",
        "FLOWRRA['EXECUTOR']['IO_WORKERS']",
        "FLOWRRA['EXECUTOR']['CPU_WORKERS']",
    ]
    assert error_of(Config.from_mapping, mapping) == "\n".join(problems)


keys = st.sampled_from(["BROKER", "BACKEND", "EXECUTOR", "URL", "TTL", "IO_WORKERS"])


@settings(max_examples=150, deadline=None)
@given(anything | st.dictionaries(keys, anything | st.dictionaries(keys, anything)))
def test_settings_are_either_taken_or_refused_with_problems(mapping):
    problems = Config.problems(mapping)
    if problems:
        assert error_of(Config.from_mapping, mapping) == "\n".join(problems)
        assert all(problem.startswith("FLOWRRA") for problem in problems)
    else:
        assert isinstance(Config.from_mapping(mapping), Config)


# The environment


def test_an_empty_environment_is_the_defaults():
    assert Config.from_env({}) == Config()


def test_the_environment_of_the_process_is_read_by_default(monkeypatch):
    monkeypatch.setenv("FLOWRRA_EXECUTOR_IO_WORKERS", "7")
    assert Config.from_env().executor.io_workers == 7


def test_variables_map_one_to_one():
    environ = {
        "FLOWRRA_BROKER_URL": "redis://h/0",
        "FLOWRRA_BROKER_CLASS": "none",
        "FLOWRRA_BACKEND_URL": "django://jobs",
        "FLOWRRA_BACKEND_TTL": "None",
        "FLOWRRA_BACKEND_CLASS": "shop.Backend",
        "FLOWRRA_EXECUTOR_IO_WORKERS": "7",
        "FLOWRRA_EXECUTOR_STOP_TIMEOUT": "2.5",
        "FLOWRRA_EXECUTOR_STALL_TIMEOUT": "60",
    }
    assert Config.from_env(environ) == Config(
        BrokerConfig("redis://h/0"),
        BackendConfig("django://jobs", None, class_="shop.Backend"),
        ExecutorConfig(io_workers=7, stop_timeout=2.5, stall_timeout=60),
    )


def test_a_list_of_names_has_commas_in_the_environment():
    config = Config.from_env({"FLOWRRA_SENSITIVE_KEYS": "password, iban,"})
    assert config.sensitive_keys == ["password", "iban"]


@pytest.mark.parametrize("value", ["password", 5, None, [""], ["--"], [5], {"a"}])
def test_what_is_no_list_of_names_is_refused(value):
    assert Config.problems({"SENSITIVE_KEYS": value})[0].startswith(
        "FLOWRRA['SENSITIVE_KEYS'] must be a list of names such as ['password', 'token'], got "
    )


def test_other_variables_are_ignored():
    environ = {"PATH": "/bin", "FLOWRRA": "x", "FLOWRRA_TEST_FOLDER": "x", "MY_FLOWRRA_X": "x"}
    assert Config.from_env(environ) == Config()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FLOWRRA_EXECUTOR_IO_WORKRES", "FLOWRRA_EXECUTOR_IO_WORKERS"),
        ("FLOWRRA_BROKER", "FLOWRRA_BROKER_URL"),
        ("FLOWRRA_IO_WORKERS", "FLOWRRA_EXECUTOR_IO_WORKERS"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest(name, meant):
    message = error_of(Config.from_env, {name: "5"})
    assert message == f"{name} is not a setting. Did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("EXECUTOR_IO_WORKERS", "many", "an integer from 1 to 10000, got 'many'"),
        ("EXECUTOR_IO_WORKERS", "5.0", "an integer from 1 to 10000, got '5.0'"),
        ("EXECUTOR_IO_WORKERS", "0", "an integer from 1 to 10000, got 0"),
        ("EXECUTOR_IO_WORKERS", "none", "an integer from 1 to 10000, got 'none'"),
        ("EXECUTOR_IO_WORKERS", "", "an integer from 1 to 10000, got ''"),
        ("EXECUTOR_STOP_TIMEOUT", "soon", "a number of seconds from 0.001 to 604800, got 'soon'"),
        ("EXECUTOR_STOP_TIMEOUT", "nan", "a number of seconds from 0.001 to 604800, got nan"),
        ("BROKER_URL", "", "start with one of memory://"),
        ("BROKER_URL", "redis://h:x", "look like redis://"),
    ],
)
def test_a_text_that_stands_for_no_value_is_refused_with_its_variable(name, text, words):
    message = error_of(Config.from_env, {f"FLOWRRA_{name}": text})
    assert message.startswith(f"FLOWRRA_{name} must {'be ' if 'EXEC' in name else ''}{words}")


def test_a_variable_without_the_url_it_needs_is_refused():
    message = error_of(Config.from_env, {"FLOWRRA_BACKEND_TTL": "60"})
    assert message == "FLOWRRA_BACKEND_URL is missing."


def test_all_problems_of_the_environment_are_told_at_once():
    environ = {"FLOWRRA_BROKER_ULR": "x", "FLOWRRA_EXECUTOR_IO_WORKERS": "x", "FLOWRRA_Q": "x"}
    starts = [line.split()[0] for line in error_of(Config.from_env, environ).splitlines()]
    assert starts == ["FLOWRRA_BROKER_ULR", "FLOWRRA_Q", "FLOWRRA_EXECUTOR_IO_WORKERS"]


def test_a_pair_from_the_environment_must_go_together():
    environ = {"FLOWRRA_BROKER_URL": "memory://", "FLOWRRA_BACKEND_URL": "django://"}
    message = error_of(Config.from_env, environ)
    assert "FLOWRRA_BROKER 'memory://' and FLOWRRA_BACKEND 'django://' do not go" in message


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "IO_WORKERS": st.integers(1, 10_000),
            "MAX_RETRIES": st.integers(0, 10**6),
            "RETRY_DELAY": st.floats(0, CENTURY) | st.integers(0, CENTURY),
            "STALL_TIMEOUT": st.floats(0.001, WEEK),
        },
    )
)
def test_settings_and_environment_say_the_same(options):
    environ = {f"FLOWRRA_EXECUTOR_{key}": str(value) for key, value in options.items()}
    assert Config.from_env(environ) == Config.from_mapping({"EXECUTOR": options})
