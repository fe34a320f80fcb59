import pytest
from django.core import signing as django_signing

from flowrra_django.live import signing


def test_an_address_stands_for_its_job_until_it_expires():
    granted = signing.read(signing.sign("abc", max_age=60))
    assert granted.task_id == "abc"
    assert 59 < granted.seconds_left <= 60


@pytest.mark.parametrize("task_id", ["a/b?c#d", "ünï ☃", " ", "x" * 64])
def test_an_address_has_only_characters_that_a_path_may_have(task_id):
    token = signing.sign(task_id)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:")
    assert signing.read(token).task_id == task_id


@pytest.mark.parametrize("broken", ["", "a", "a:b:c", "…", "W10:1:2"])
def test_what_is_no_address_is_refused(broken):
    with pytest.raises(django_signing.BadSignature):
        signing.read(broken)


def test_what_was_signed_for_something_else_is_refused():
    for value in (django_signing.dumps(["abc", 9**12]), django_signing.dumps("abc", salt="other")):
        with pytest.raises(django_signing.BadSignature):
            signing.read(value)


def test_an_expired_address_is_refused():
    with pytest.raises(django_signing.SignatureExpired):
        signing.read(signing.sign("abc", max_age=0))


def test_another_secret_key_makes_addresses_worthless(settings):
    token = signing.sign("abc")
    settings.SECRET_KEY = "another"
    with pytest.raises(django_signing.BadSignature):
        signing.read(token)
