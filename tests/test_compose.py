"""The file that brings PostgreSQL and RabbitMQ: what it says to connect with is what it sets up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from headwater.operations.settings import load_settings

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
TOLD = dict(re.findall(r"^#\s+(HEADWATER_\w+)=(\S+)$", TEXT, re.MULTILINE))


def test_every_server_keeps_its_data_says_when_it_is_up_and_listens_on_loopback_only() -> None:
    assert [*SERVICES] == ["postgres", "rabbitmq"]
    volumes = yaml.safe_load(TEXT)["volumes"]
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-management)?", service["image"])
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert service["healthcheck"]["retries"] > 0
        assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", one) for one in service["ports"])
        [(volume, _)] = [one.split(":") for one in service["volumes"]]
        assert volume in volumes


@pytest.mark.parametrize(
    ("setting", "service", "user", "password", "database"),
    [
        (
            "HEADWATER_DATABASE",
            "postgres",
            "POSTGRES_USER",
            "POSTGRES_PASSWORD",
            "POSTGRES_DB",
        ),
        ("HEADWATER_BROKER", "rabbitmq", "RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS", None),
    ],
)
def test_the_address_it_names_is_the_server_s(
    setting: str,
    service: str,
    user: str,
    password: str,
    database: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = SERVICES[service]["environment"]
    url = urlsplit(TOLD[setting])
    assert (url.username, url.password) == (given[user], given[password])
    assert url.path == (f"/{given[database]}" if database else "/")
    assert f"{url.hostname}:{url.port}:{url.port}" in SERVICES[service]["ports"]
    monkeypatch.setenv(setting, TOLD[setting])
    assert TOLD[setting] in (load_settings().database, load_settings().broker)


def test_the_demo_and_the_docs_name_the_broker_as_it_is() -> None:
    demo = (ROOT / "demo" / "across_services.py").read_text(encoding="utf-8")
    docs = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert TOLD["HEADWATER_BROKER"] in demo
    assert TOLD["HEADWATER_BROKER"] in docs
    assert "docker compose up -d --wait rabbitmq" in demo
