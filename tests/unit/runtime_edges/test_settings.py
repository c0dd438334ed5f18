"""Settings from the environment, and what is wrong with them in words."""

from __future__ import annotations

import pytest
from headwater import ConfigurationError
from headwater.operations.settings import (
    LogFormat,
    Settings,
    load_settings,
    misspelled_settings,
)
from headwater.transports.rabbitmq.options import ExchangeType, RabbitmqOptions, RoutingKey


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HEADWATER_{name.upper()}", raising=False)


def test_without_anything_it_is_loopback_and_memory() -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.database) == ("127.0.0.1", 8000, "memory://")
    assert settings.max_body == 1024 * 1024


def test_the_environment_sets_what_no_option_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PORT", "9001")
    monkeypatch.setenv("HEADWATER_LOG_FORMAT", "json")
    monkeypatch.setenv("HEADWATER_ALLOWED_HOSTS", "users.example.com, other.example.com,")

    settings = load_settings(port=None, host="::1")

    assert settings.port == 9001
    assert settings.host == "::1"
    assert settings.log_format is LogFormat.JSON
    assert settings.allowed_hosts == ("users.example.com", "other.example.com")


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PORT", "9001")

    assert load_settings(port=9002).port == 9002


def test_all_wrong_values_are_named_at_once_as_they_were_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADWATER_STOP_TIMEOUT", "soon")

    with pytest.raises(ConfigurationError) as caught:
        load_settings(port=65536)

    ports, timeouts = caught.value.problems
    assert ports.startswith("--port: ")
    assert timeouts.startswith("HEADWATER_STOP_TIMEOUT: ")
    assert "soon" not in str(caught.value)


def test_a_misspelled_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PROT", "9001")
    monkeypatch.setenv("HEADWATER_SOMETHING_ELSE", "is not ours to judge")

    assert misspelled_settings() == {"HEADWATER_PROT": "HEADWATER_PORT"}


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_settings_of_the_broker_are_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKER", "amqp://ada:secret@localhost")
    monkeypatch.setenv("HEADWATER_BROKER_PREFIX", "acme")
    monkeypatch.setenv("HEADWATER_BROKER_EXCHANGE_TYPE", "direct")
    monkeypatch.setenv("HEADWATER_BROKER_ROUTING", "stream")
    monkeypatch.setenv("HEADWATER_BROKER_DELIVERY_LIMIT", "20")

    settings = load_settings()

    assert settings.broker_options == RabbitmqOptions(
        prefix="acme",
        exchange=ExchangeType.DIRECT,
        routing_key=RoutingKey.STREAM,
        delivery_limit=20,
    )
    assert "secret" not in repr(settings)


def test_what_does_not_go_together_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKER_EXCHANGE_TYPE", "direct")
    monkeypatch.setenv("HEADWATER_BROKER_PREFETCH", "0")

    with pytest.raises(ConfigurationError) as caught:
        load_settings().broker_options  # noqa: B018

    kinds, prefetches = caught.value.problems
    assert "direct exchange" in kinds
    assert "prefetch 0" in prefetches
