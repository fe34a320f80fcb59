"""Model instances as references."""

from __future__ import annotations

import pickle

import pytest
from django.contrib.auth.models import Group, User

from flowrra_django.instances import InstanceCodec
from flowrra_django.models import TaskRecord
from flowrra_django.serialization import JsonCodec, Reference
from tests.testapp import tasks

pytestmark = pytest.mark.django_db

codec = InstanceCodec()


def test_an_instance_becomes_its_model_key_and_database_and_is_loaded_anew():
    group = Group.objects.create(name="before")
    reference = codec.to_reference(group)
    assert reference == Reference("auth.group", group.pk, "default")
    Group.objects.update(name="after")
    loaded = codec.from_reference(reference)
    assert (loaded, loaded.name) == (group, "after")


def test_what_is_no_instance_has_no_reference():
    assert codec.to_reference("auth.group:1") is None
    assert codec.to_reference(Group) is None


def test_instances_travel_inside_other_values():
    group = Group.objects.create(name="g")
    json = JsonCodec(codec)
    assert json.decode(json.encode({"all": [(group, 1)]})) == {"all": [(group, 1)]}


def test_the_codec_goes_to_child_processes():
    assert isinstance(pickle.loads(pickle.dumps(codec)), InstanceCodec)


@pytest.mark.parametrize("made", [lambda: Group(name="new"), lambda: Group(pk=7, name="new")])
def test_an_instance_without_a_row_is_refused_by_its_place(made):
    with pytest.raises(ValueError, match=r"args\[0\]: This auth.Group has no row .* Save it first"):
        tasks.double.enqueue(made())
    assert not TaskRecord.objects.exists()


def test_an_instance_that_was_deleted_is_refused():
    group = Group.objects.create(name="g")
    group.delete()
    with pytest.raises(ValueError, match="has no row"):
        codec.to_reference(group)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (Reference("auth.group", 12345, "default"), "it is gone: Group matching"),
        (Reference("auth.group", "x", "default"), "it names no row"),
        (Reference("auth.group", 1, "elsewhere"), "it is gone"),
        (Reference("auth.nothing", 1, "default"), "nothing"),
        (Reference("no dot", 1, "default"), "it names no row"),
        (Reference("gone_app.thing", 1, "default"), "gone_app"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reference, said):
    with pytest.raises(LookupError, match=said):
        codec.from_reference(reference)


def test_rows_that_a_manager_hides_are_found_as_well(monkeypatch):
    user = User.objects.create(username="u", is_active=False)
    monkeypatch.setattr(User.objects, "get_queryset", User._base_manager.none)
    assert codec.from_reference(codec.to_reference(user)) == user
