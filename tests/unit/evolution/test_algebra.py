"""What ops promise, held against random events and random lists of ops."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from . import properties, random_events
from .properties import read

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@SETTINGS
@given(random_events.events(), st.data())
def test_going_up_makes_a_newer_event(event: Any, data: st.DataObject) -> None:
    versions = read(random_events.spec_of(*event))

    properties.comes_up(versions, data.draw(random_events.values(versions.older)))


@SETTINGS
@given(random_events.events(), st.data())
def test_going_down_makes_an_older_event(event: Any, data: st.DataObject) -> None:
    versions = read(random_events.spec_of(*event))
    assume(versions.hop.down is not None)

    properties.goes_down(versions, data.draw(random_events.values(versions.newer)))


@SETTINGS
@given(random_events.events(), st.data())
def test_what_went_up_comes_back_as_it_was_or_a_loss_was_told(
    event: Any, data: st.DataObject
) -> None:
    versions = read(random_events.spec_of(*event))
    assume(versions.hop.down is not None)

    properties.comes_back_down(versions, data.draw(random_events.values(versions.older)))


@SETTINGS
@given(random_events.events(), st.data())
def test_what_went_down_comes_back_as_it_was_or_a_loss_was_told(
    event: Any, data: st.DataObject
) -> None:
    versions = read(random_events.spec_of(*event))
    assume(versions.hop.down is not None)

    properties.comes_back_up(versions, data.draw(random_events.values(versions.newer)))


def test_values_that_become_one_do_not_come_back_where_nothing_says_which_it_was() -> None:
    hop = read(
        """
headwater: 1
service: user-service
types:
  Old: {enum: [user, admin, guest]}
  New: {enum: [member, guest]}
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      Changed:
        fields: {role: New}
        upcast: [map_enum: {field: role, values: {user: member, admin: member}}]
        history: {1: {fields: {role: Old}}}
"""
    ).hop

    assert not hop.is_up_safe
    assert [loss.what for one in hop.effects for loss in one.up_losses] == [
        "user does not come back",
        "admin does not come back",
    ]
