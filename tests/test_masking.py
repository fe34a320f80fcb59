from __future__ import annotations

import logging
from enum import StrEnum

import orjson
import pytest
from django.utils.safestring import SafeString

from flowrra_django import Config, TaskRegistry, TaskResult, TaskStatus
from flowrra_django.job import Job, Kind
from flowrra_django.masking import MASK, SENSITIVE_KEYS, Masker
from flowrra_django.serialization import JsonCodec

masker = Masker()


class Field(StrEnum):
    PASSWORD = "password"


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "passwords", "new-password", "newPassword",
        "token", "csrf_token", "accessToken", "Authorization", "HTTP_AUTHORIZATION",
        "api_key", "apiKey", "X-API-Key", "api key", "client_secret", "Set-Cookie", "credentials",
        "private_key", "PRIVATE KEY",
    ],
)  # fmt: skip
def test_names_that_hold_a_key_are_sensitive_however_they_are_written(name):
    assert masker.is_sensitive(name)


@pytest.mark.parametrize(
    "name", ["", "user", "key", "author", "passage", "api", 7, None, ("token",)]
)
def test_other_names_are_not(name):
    assert not masker.is_sensitive(name)


def test_values_are_masked_by_the_keys_of_mappings_however_deep():
    value = {"a": [{"token": {"b": 1}}, ("x", {"user": "u", "Password": None})], "n": 1}
    assert masker.value(value) == {
        "a": [{"token": MASK}, ("x", {"user": "u", "Password": MASK})],
        "n": 1,
    }


def test_the_second_of_a_pair_is_masked_by_the_first():
    assert masker.value([["Authorization", "Bearer x"], ("Accept", "*")]) == [
        ["Authorization", MASK],
        ("Accept", "*"),
    ]


def test_nothing_is_changed_that_is_not_sensitive():
    value = {"a": [1, (2, "b"), {3}, frozenset({4})], 5: None, "token_": ""}
    assert masker.value(value) == {**value, "token_": MASK}
    assert value["token_"] == ""


@pytest.mark.parametrize(
    "secret",
    [
        {"password": "s3cr3t"}, {"password": "s3cr3t", 7: 1}, {"password": "s3cr3t", "!": 1},
        ({"token": {"deep": ["s3cr3t"]}},), [("token", "s3cr3t")],
        {frozenset({("token", "s3cr3t")})}, {Field.PASSWORD: "s3cr3t"},
        {SafeString("password"): "s3cr3t"},
    ],
)  # fmt: skip
def test_the_text_of_the_codec_is_masked_as_the_value_is(secret):
    text = JsonCodec().encode(secret)
    assert "s3cr3t" in text
    assert "s3cr3t" not in str(masker.value(orjson.loads(text)))
    assert "s3cr3t" not in str(masker.value(secret))


def login(user, password, *codes, api_token=None):
    """Take what others are not to see."""


def with_job(job, password):
    """Take the job in front."""


def of_tokens(*tokens):
    """Take nothing else."""


@pytest.mark.parametrize(
    ("func", "args", "expected"),
    [
        (login, ["ada", "s3cr3t", 1, 2], ["ada", MASK, 1, 2]),
        (login, ["ada", "s3cr3t"], ["ada", MASK]),
        (login, ["ada"], ["ada"]),
        (login, [], []),
        (with_job, ["s3cr3t"], [MASK]),
        (with_job, ["s3cr3t", "too", "many"], [MASK, "too", "many"]),
        (of_tokens, ["a", "b", "c"], [MASK, MASK, MASK]),
    ],
)
def test_positional_arguments_have_the_names_that_the_function_gives_them(func, args, expected):
    registry = TaskRegistry()
    registry.task("t", takes_job=func is with_job)(func)
    assert Masker(names_of=registry.argument_names).arguments("t", args) == expected


def test_arguments_of_an_unknown_task_are_masked_within_alone():
    known = Masker(names_of=TaskRegistry().argument_names)
    assert known.arguments("gone", ["token", {"token": 1}]) == ["token", {"token": MASK}]


def test_a_job_is_masked_whole():
    job = TaskResult(
        "1", TaskStatus.SUCCESS, "t", result={"token": 1}, args=({"secret": 1},),
        kwargs={"password": 1, "to": 2}, meta={"headers": {"cookie": 1}},
    )  # fmt: skip
    seen = masker.result(job)
    assert (seen.args, seen.kwargs) == (({"secret": MASK},), {"password": MASK, "to": 2})
    assert (seen.result, seen.meta) == ({"token": MASK}, {"headers": {"cookie": MASK}})


def test_a_site_names_its_own_keys():
    config = Config.from_mapping({"SENSITIVE_KEYS": [*SENSITIVE_KEYS, "iban"]})
    assert Masker(config.sensitive_keys).value({"IBAN": 1, "token": 2}) == {
        "IBAN": MASK,
        "token": MASK,
    }
    assert Masker(()).value({"token": 2}) == {"token": 2}


def test_what_is_logged_of_a_job_holds_no_arguments(caplog):
    job = Job(
        task_id="1", task_name="t", kind=Kind.IO, args='["s3cr3t"]', kwargs='{"a":"s3cr3t"}',
        meta='{"token":"s3cr3t"}',
    )  # fmt: skip
    result = TaskResult(
        "1", TaskStatus.PENDING, args=("s3cr3t",), kwargs={"a": "s3cr3t"}, meta={"t": "s3cr3t"}
    )
    with caplog.at_level(logging.INFO):
        logging.getLogger("shop").info("%s %r", job, result)
    assert "task_id='1'" in caplog.text
    assert "s3cr3t" not in caplog.text
