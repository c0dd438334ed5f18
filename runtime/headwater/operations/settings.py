"""What differs between machines: environment variables that start with `HEADWATER_`.

The options of `headwater run` set the same and go before the environment.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any

from headwater.errors import ConfigurationError
from headwater.transports.rabbitmq.options import ExchangeType, RabbitmqOptions, RoutingKey
from headwater.transports.tokens import Tokens
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .keys import KEEP_KEYS, SHORTEST_KEEP

__all__ = ["LogFormat", "LogLevel", "Settings", "load_settings", "misspelled_settings"]

PREFIX = "HEADWATER_"
NO_TOKENS = Tokens()
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


class LogFormat(Enum):
    """How log lines look."""

    AUTO = "auto"
    """For people when stderr is a terminal, JSON elsewhere."""

    HUMAN = "human"
    """For people."""

    JSON = "json"
    """One JSON object a line."""


class LogLevel(Enum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @classmethod
    def _missing_(cls, value: object) -> LogLevel | None:
        """Upper case is as good: many write it so."""
        lower = value.lower() if isinstance(value, str) else value
        return next((one for one in cls if one.value == lower), None)


class Settings(BaseSettings):
    """The settings of one process, read from the environment when it is made."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database: str = Field(
        "memory://",
        description="Where events are kept: memory://, sqlite:///file.db or "
        "postgresql://user:password@host:port/database.",
    )
    broker: str = Field(
        "",
        repr=False,
        description="Where published streams go and remote ones come from: "
        "amqp://user:password@host:port/virtual-host, or amqps://.",
    )
    broker_prefix: str = Field(
        "headwater", description="What names of exchanges and queues begin with."
    )
    broker_exchange_type: ExchangeType = Field(
        ExchangeType.TOPIC, description="Kind of the exchanges: topic, fanout or direct."
    )
    broker_routing: RoutingKey = Field(
        RoutingKey.EVENT,
        description="What the routing key is, for queues that others bind: event (its name), "
        "workflow (its id) or stream (its name; a direct exchange needs that).",
    )
    broker_dead_letter_exchange: str = Field(
        "",
        description="Exchange over which what is set aside goes to its queue; without, the "
        "prefix and .dead-letters.",
    )
    broker_prefetch: int = Field(
        200, description="Messages of a queue that are handed out before the first is settled."
    )
    broker_delivery_limit: int | None = Field(
        None,
        description="How often the broker hands out a message that comes back, before it is a "
        "dead letter; lost connections count too. Without, as often as it takes.",
    )
    broker_confirm_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds to wait for the broker to confirm a message."
    )
    broker_connect_timeout: float = Field(
        5.0, gt=0, le=3600, description="Seconds that one attempt to connect may take."
    )
    broker_longest_pause: float = Field(
        5.0, gt=0, le=3600, description="Seconds that are waited at most between two attempts."
    )
    broker_heartbeat: int = Field(
        10,
        ge=1,
        le=3600,
        description="Seconds between two signs of life on a connection where nothing happens.",
    )
    consumer: str = Field(
        "",
        max_length=255,
        description="Name under which this process reads broadcasts; without, the service's name, "
        "and its processes share each event.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Address to serve on. One that other machines can reach needs a token.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to serve on; 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names that requests may be for besides this machine's own, separated "
        "by commas; a proxy in front may need one.",
    )
    tokens: Annotated[Tokens, NoDecode] = Field(
        NO_TOKENS,
        repr=False,
        description="What `headwater token` prints for each token that holds, separated by "
        "commas. Requests then need one of them; two at once let the old one go later.",
    )
    command_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds a command may take; a request can ask for less."
    )
    max_body: int = Field(
        MEBIBYTE, ge=1, le=64 * MEBIBYTE, description="Bytes that a request's body may have."
    )
    max_headers: int = Field(
        8 * KIBIBYTE,
        ge=512,
        le=64 * KIBIBYTE,
        description="Bytes that a request's headers may have together.",
    )
    max_path: int = Field(
        2 * KIBIBYTE,
        ge=128,
        le=64 * KIBIBYTE,
        description="Bytes that a request's path may have, its query included.",
    )
    head_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds within which a request's headers have to arrive."
    )
    body_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds within which a request's body has to arrive."
    )
    validate_events: bool = Field(
        default=False,
        description="Whether each event is checked once more, as its bytes, before it is recorded.",
    )
    retention_interval: float = Field(
        60.0,
        ge=0,
        le=86400,
        description="Seconds between two looks for events that exceed their stream's retention and "
        "for old idempotency keys; 0 leaves that to `headwater streams retention` and `keys`.",
    )
    keep_keys: float = Field(
        KEEP_KEYS,
        ge=0,
        description="How long idempotency keys are kept at least, in seconds or such as 7d: an "
        "hour or more, or 0 for good.",
    )
    stop_timeout: float = Field(
        10.0, ge=0, le=3600, description="Seconds to finish what runs when asked to stop."
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="The least that is logged: debug, info, warning, error."
    )
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="human, json, or auto: human on a terminal, json elsewhere."
    )

    @property
    def broker_options(self) -> RabbitmqOptions:
        """What is set of the broker.

        Raises:
            ConfigurationError: Something cannot be, or does not go together.
        """
        return RabbitmqOptions(
            prefix=self.broker_prefix,
            exchange=self.broker_exchange_type,
            routing_key=self.broker_routing,
            dead_letter_exchange=self.broker_dead_letter_exchange or None,
            prefetch=self.broker_prefetch,
            delivery_limit=self.broker_delivery_limit,
            confirm_timeout=self.broker_confirm_timeout,
            connect_timeout=self.broker_connect_timeout,
            longest_pause=self.broker_longest_pause,
            heartbeat=self.broker_heartbeat,
        )

    @field_validator("keep_keys", mode="before")
    @classmethod
    def _read_duration(cls, value: object) -> object:
        return _seconds(value) if isinstance(value, str) else value

    @field_validator("keep_keys")
    @classmethod
    def _long_enough(cls, value: float) -> float:
        if 0 < value < SHORTEST_KEEP:
            raise ValueError(f"it is {SHORTEST_KEEP:g} seconds at least, or 0")
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("tokens", mode="before")
    @classmethod
    def _split_tokens(cls, value: object) -> object:
        return Tokens(_parts(value)) if isinstance(value, str) else value


def _seconds(text: str) -> str:
    """A duration such as `7d` in seconds; what is none is left for pydantic to refuse."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text.strip())
    return text if found is None else str(int(found[1]) * SECONDS[found[2]])


def load_settings(**options: Any) -> Settings:
    """The settings in force: each option that is not `None`, else the environment, else default.

    Raises:
        ConfigurationError: A value is not one that the setting takes; all are named at once.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigurationError(
            *(
                f"{_called(str(problem['loc'][0]), given)}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
        ) from None


def misspelled_settings() -> dict[str, str]:
    """Environment variables that look like a setting but are none, each with the likely one."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return {
        name: near[0]
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
        if (near := get_close_matches(name, known, n=1, cutoff=0.8))
    }


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _called(name: str, options: dict[str, Any]) -> str:
    return f"--{name.replace('_', '-')}" if name in options else PREFIX + name.upper()
