"""What differs between machines: environment variables that start with `HEADWATER_`.

The options of `headwater run` set the same and go before the environment.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any

from headwater.errors import ConfigurationError
from headwater.transports.tokens import Tokens
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["LogFormat", "LogLevel", "Settings", "load_settings", "misspelled_settings"]

PREFIX = "HEADWATER_"
NO_TOKENS = Tokens()
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
    stop_timeout: float = Field(
        10.0, ge=0, le=3600, description="Seconds to finish what runs when asked to stop."
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="The least that is logged: debug, info, warning, error."
    )
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="human, json, or auto: human on a terminal, json elsewhere."
    )

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("tokens", mode="before")
    @classmethod
    def _split_tokens(cls, value: object) -> object:
        return Tokens(_parts(value)) if isinstance(value, str) else value


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
