"""Commands over HTTP, answered in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from headwater import App, Metadata, OnUnknown
from headwater.commands.execution import Outcome
from headwater.errors import Fault, HeadwaterError
from headwater.http import Limits, router
from headwater.stores.contract import Append, NewEvent, Unit
from headwater.transports.http import application
from headwater.transports.problems import MEDIA_TYPE, SCHEMA, STATUSES
from jsonschema import Draft202012Validator

from tests.support import parcels
from tests.support.crossing import MakeSale, ShopHandlers, shop_at
from tests.support.errors import SAMPLES
from tests.support.parcels.handlers import SECRET
from tests.support.waiting import eventually

JSON = {"Content-Type": "application/json"}
PARCEL = {"parcel_id": "p-1", "to": {"street": "Main Street 1", "country": "NL"}}
NO_PARCEL = "00000000-0000-4000-8000-000000000000"


@asynccontextmanager
async def client_of(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8123") as client:
        yield client


@pytest.fixture
async def app() -> AsyncIterator[App[Any]]:
    async with App(parcels.service, handlers=parcels.handlers, lifespan=parcels.lifespan) as app:
        yield app


@pytest.fixture
async def client(app: App[Any]) -> AsyncIterator[httpx.AsyncClient]:
    limits = Limits(max_body=1000, body_timeout=0.2, command_timeout=0.3)
    async with client_of(application(app, limits=limits, allowed_hosts=["Parcels.Test"])) as client:
        yield client


async def send(
    client: httpx.AsyncClient, command: str, body: object, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await client.post(
        f"/api/commands/{command}", content=content, headers={**JSON, **headers}
    )
    assert response.headers["X-Request-Id"]
    if response.status_code != 200:
        assert response.headers["Content-Type"] == MEDIA_TYPE
        problem = response.json()
        Draft202012Validator(SCHEMA).validate(problem)
        assert problem["status"] == response.status_code
        assert problem["request_id"] == response.headers["X-Request-Id"]
    return response


def kind(response: httpx.Response) -> str:
    return str(response.json()["type"]).removeprefix("urn:headwater:problem:")


async def test_a_command_is_executed_and_its_result_answered(client: httpx.AsyncClient) -> None:
    response = await send(client, "send-parcel", {**PARCEL, "class": "first"})

    assert (response.status_code, response.json()) == (200, {"result": "p-1"})
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Workflow-Id"] == "p-1"


async def test_a_result_is_written_as_its_type_says(client: httpx.AsyncClient) -> None:
    weight = await send(client, "weigh-parcel", {"parcel_id": NO_PARCEL})
    await send(client, "send-parcel", PARCEL)
    nothing = await send(client, "deliver-parcel", {"parcel_id": "p-1"})

    assert weight.json() == {"result": "1.50"}
    assert nothing.json() == {"result": None}


async def test_a_new_workflow_s_id_is_told(client: httpx.AsyncClient) -> None:
    response = await send(client, "open-desk", {})

    assert response.headers["X-Workflow-Id"] == response.json()["result"]


async def test_an_id_that_no_header_can_hold_is_percent_encoded(
    client: httpx.AsyncClient,
) -> None:
    response = await send(client, "send-parcel", {**PARCEL, "parcel_id": "p\r\né"})

    assert response.headers["X-Workflow-Id"] == "p%0D%0A%C3%A9"


async def test_every_field_type_arrives(client: httpx.AsyncClient) -> None:
    body = {
        "count": 2,
        "since": "2026-01-01T00:00:00Z",
        "source": "https://example.com/",
        "took": "PT5S",
        "seal": "+/8=",
        "price": "1.50",
        "factors": {"a": 1.5},
    }

    assert (await send(client, "import-parcels", body)).json() == {"result": {"imported": 2}}


@pytest.mark.parametrize(
    ("count", "status"),
    [("2.0", 200), ("2e0", 200), ("2.5", 422), ("true", 422), ('"2"', 422), ("-1.0", 422)],
)
async def test_a_whole_number_may_be_written_as_json_schema_lets_it_be(
    client: httpx.AsyncClient, count: str, status: int
) -> None:
    """To JSON Schema 2.0 is an integer, and a client may have been made from it."""
    body = (
        f'{{"count": {count}, "since": "2026-01-01T00:00:00Z", "source": "https://example.com/",'
        ' "took": "PT5S", "seal": "+/8=", "price": "1.50", "factors": {"a": 1.5}}'
    )

    response = await client.post(
        "/api/commands/import-parcels",
        content=body,
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code == status


async def test_what_a_caller_gives_as_request_id_comes_back_and_is_recorded(
    client: httpx.AsyncClient, app: App[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="tests.support.parcels.handlers")

    response = await send(client, "send-parcel", PARCEL, **{"X-Request-Id": "r-1"})
    await app.wait_until_idle()

    assert response.headers["X-Request-Id"] == "r-1"
    [arrived] = [record for record in caplog.records if record.message == "arrived"]
    assert arrived.__dict__["request_id"] == "r-1"


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "x" * 129, "<script>"])
async def test_a_request_id_that_could_do_harm_in_a_log_is_replaced(
    client: httpx.AsyncClient, given: str
) -> None:
    response = await send(client, "open-desk", {}, **{"X-Request-Id": given})

    assert response.status_code == 200
    assert len(response.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("command", "body", "status", "expected"),
    [
        (
            "send-parcel",
            {**PARCEL, "to": {"street": "x", "country": "ZZ"}},
            422,
            "command-rejected",
        ),
        ("send-parcel", {}, 422, "invalid-command"),
        ("send-parcel", [], 422, "invalid-command"),
        ("send-parcel", b"", 400, "malformed-json"),
        ("send-parcel", b'{"parcel_id": "1"', 400, "malformed-json"),
        ("send-parcel", b"\xff\xfe{}", 400, "malformed-json"),
        ("send-parcel", b"[" * 900, 400, "malformed-json"),
        ("send-parcel", b'{"parcel_id": "\\ud800"}', 400, "malformed-json"),
        ("deliver-parcel", {"parcel_id": "none"}, 404, "workflow-not-found"),
        ("fly-parcel", {}, 404, "not-found"),
        ("weigh-parcel", {"parcel_id": NO_PARCEL, "how": "badly"}, 500, "service-failed"),
        ("weigh-parcel", {"parcel_id": NO_PARCEL, "how": "wrongly"}, 500, "service-failed"),
        ("weigh-parcel", {"parcel_id": NO_PARCEL, "how": "slowly"}, 504, "deadline-exceeded"),
    ],
)
async def test_a_refusal_is_a_problem(
    client: httpx.AsyncClient, command: str, body: object, status: int, expected: str
) -> None:
    response = await send(client, command, body)

    assert (response.status_code, kind(response)) == (status, expected)
    assert SECRET not in response.text
    assert "Traceback" not in response.text


async def test_a_workflow_is_started_once_and_not_continued_after_its_end(
    client: httpx.AsyncClient,
) -> None:
    await send(client, "send-parcel", PARCEL)
    again = await send(client, "send-parcel", PARCEL)
    await send(client, "deliver-parcel", {"parcel_id": "p-1"})
    ended = await send(client, "deliver-parcel", {"parcel_id": "p-1"})

    assert (again.status_code, kind(again)) == (409, "workflow-exists")
    assert (ended.status_code, kind(ended)) == (409, "workflow-ended")


async def test_what_is_wrong_with_a_command_is_told_field_by_field(
    client: httpx.AsyncClient,
) -> None:
    response = await send(
        client,
        "send-parcel",
        {"parcel_id": "", "to": {"street": SECRET, "country": SECRET}, "more": SECRET},
    )

    assert response.json()["errors"] == [
        {"path": "/parcel_id", "message": "String should have at least 1 character"},
        {"path": "/to/country", "message": "String should have at most 2 characters"},
        {"path": "/more", "message": "Extra inputs are not permitted"},
    ]
    assert SECRET not in response.text


async def test_what_failed_inside_is_in_the_log_under_the_request_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"parcel_id": NO_PARCEL, "how": "badly"}

    await send(client, "weigh-parcel", body, **{"X-Request-Id": "r-1"})

    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["request_id"] == "r-1"
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/vnd.parcels+json", 200),
        ("", 415),
        ("text/plain", 415),
        ("application/jsonp", 415),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
async def test_only_json_is_read(client: httpx.AsyncClient, media_type: str, status: int) -> None:
    """A page of another origin can post the others without being asked."""
    response = await send(client, "open-desk", {}, **{"Content-Type": media_type})

    assert response.status_code == status


async def test_a_compressed_body_is_not_read(client: httpx.AsyncClient) -> None:
    response = await send(client, "open-desk", {}, **{"Content-Encoding": "gzip"})

    assert response.status_code == 415


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_body_may_be_as_large_as_the_limit_and_no_larger(
    client: httpx.AsyncClient, size: int, status: int
) -> None:
    response = await send(client, "open-desk", b"{}".ljust(size))

    assert response.status_code == status
    assert (response.headers.get("Connection") == "close") == (status == 413)


async def test_a_body_that_is_announced_as_too_large_is_not_read(
    client: httpx.AsyncClient,
) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("read it")
        yield b""

    response = await client.post(
        "/api/commands/open-desk", content=never(), headers={**JSON, "Content-Length": "1001"}
    )

    assert response.status_code == 413


async def test_a_body_of_unannounced_length_is_read_up_to_the_limit(
    client: httpx.AsyncClient,
) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            assert given < 100
            yield b" " * 100

    response = await client.post("/api/commands/open-desk", content=endless(), headers=JSON)

    assert response.status_code == 413
    assert given <= 11


async def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.AsyncClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with asyncio.timeout(3):
        response = await client.post("/api/commands/open-desk", content=slow(), headers=JSON)

    assert response.status_code == 408


async def test_a_caller_can_wait_for_less_but_not_for_more(client: httpx.AsyncClient) -> None:
    slow = {"parcel_id": NO_PARCEL, "how": "slowly"}
    less = await send(client, "weigh-parcel", slow, **{"X-Timeout": "0.05"})
    more = await send(client, "weigh-parcel", slow, **{"X-Timeout": "60"})

    # What is left of the time when the command begins.
    assert re.match(r"Not done within 0\.0[1-5]\d* s; nothing was", less.json()["detail"])
    assert re.match(r"Not done within 0\.[123]\d* s; nothing was", more.json()["detail"])


@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan", "1e3", "0.0", ""])
async def test_a_timeout_that_is_none_is_refused(client: httpx.AsyncClient, given: str) -> None:
    response = await send(client, "open-desk", {}, **{"X-Timeout": given})

    assert (response.status_code, kind(response)) == (400, "bad-request")


async def test_a_request_that_comes_again_under_its_key_is_told_what_the_first_was(
    client: httpx.AsyncClient, app: App[Any]
) -> None:
    key = {"Idempotency-Key": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}
    first = await send(client, "open-desk", {}, **key)
    quoted = {"Idempotency-Key": '"3fa85f64-5717-4562-b3fc-2c963f66afa6"'}
    again = await send(client, "open-desk", {}, **quoted)
    other = await send(client, "open-desk", {})

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["X-Workflow-Id"] == first.headers["X-Workflow-Id"]
    assert other.json() != first.json()


async def test_another_request_under_the_key_is_refused_and_does_nothing(
    client: httpx.AsyncClient, app: App[Any]
) -> None:
    key = {"Idempotency-Key": "k-1"}
    await send(client, "send-parcel", PARCEL, **key)
    other_body = await send(client, "send-parcel", {**PARCEL, "parcel_id": "p-2"}, **key)
    other_command = await send(client, "open-desk", {}, **key)

    for refused in (other_body, other_command):
        assert (refused.status_code, kind(refused)) == (409, "idempotency-conflict")
    assert (await app.statistics("parcels")).head == 1


async def test_the_key_of_a_refused_request_is_as_new(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    refused = await send(client, "deliver-parcel", {"parcel_id": "p-1"}, **key)
    sent = await send(client, "send-parcel", PARCEL, **key)

    assert (refused.status_code, sent.status_code) == (404, 200)


@pytest.mark.parametrize(
    "given", ["", '""', "a b", "x" * 256, '"x', "sent:1/1", '"sent:1/1"', "caf\u00e9"]
)
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, given: str) -> None:
    """Keys that begin with `sent:` are the runtime's, for commands that handlers send."""
    response = await client.post(
        "/api/commands/open-desk",
        content=b"{}",
        headers=[("Content-Type", "application/json"), ("Idempotency-Key", given.encode())],
    )

    assert (response.status_code, kind(response)) == (400, "bad-request")


async def test_two_keys_are_refused_and_a_long_one_is_not(client: httpx.AsyncClient) -> None:
    json_type = ("Content-Type", "application/json")
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    two = await client.post("/api/commands/open-desk", content=b"{}", headers=[json_type, *keys])
    long = await send(client, "open-desk", {}, **{"Idempotency-Key": "x" * 255})

    assert (two.status_code, long.status_code) == (400, 200)


@pytest.mark.parametrize(("size", "status"), [(200, 404), (201, 414)])
async def test_a_path_may_be_as_long_as_the_limit_and_no_longer(
    app: App[Any], size: int, status: int
) -> None:
    async with client_of(application(app, limits=Limits(max_path=200))) as client:
        path = await client.get("/".ljust(size, "x"))
        query = await client.get("/x?".ljust(size, "y"))

    assert (path.status_code, query.status_code) == (status, status)
    assert path.headers["Content-Type"] == MEDIA_TYPE
    assert kind(path) == ("uri-too-long" if status == 414 else "not-found")


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
async def test_headers_may_be_as_large_as_the_limit_and_no_larger(
    app: App[Any], more: int, status: int
) -> None:
    async with client_of(application(app, limits=Limits(max_headers=1000))) as client:
        request = client.build_request("GET", "/health/live", headers={"X-Filling": ""})
        size = sum(len(name) + len(value) for name, value in request.headers.raw)
        request.headers["X-Filling"] = "x" * (1000 - size + more)
        response = await client.send(request)

    assert response.status_code == status
    assert (response.headers.get("Connection") == "close") == (status == 431)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
async def test_every_error_has_its_status(error: HeadwaterError) -> None:
    """Whatever comes out of the app, no error is left to the server."""

    class Failing:
        service = parcels.service
        cautions = ()

        async def is_ready(self) -> bool:
            return True

        async def held(self, *, deadline: float) -> dict[str, int]:
            raise error

        async def submit(self, command: object, **options: object) -> Outcome[Any]:
            raise error

    async with client_of(application(Failing())) as client:
        response = await send(client, "open-desk", {})
        ready = await client.get("/health/ready")

    assert (ready.status_code, ready.json()) == (503, {"status": "down"})
    kind = STATUSES[type(error)]
    assert response.status_code == kind.status
    assert (response.json()["type"], response.json()["title"]) == (kind.type, kind.title)
    if error.fault is Fault.SERVICE:
        assert str(error) not in response.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_a_command_is_posted(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(
        method, "/api/commands/open-desk", headers={"X-HTTP-Method-Override": "POST"}
    )

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "127.0.0.1", "127.1.2.3:1", "[::1]:8000", "parcels.test:80"],
)
async def test_a_request_for_this_machine_is_answered(client: httpx.AsyncClient, host: str) -> None:
    response = await client.get("/health/live", headers={"Host": host})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "", "10.0.0.1"],
)
async def test_a_request_for_another_name_is_not(client: httpx.AsyncClient, host: str) -> None:
    """A page whose name was pointed at this machine would otherwise read and write here."""
    response = await client.get("/health/live", headers={"Host": host})

    assert response.status_code == 421
    assert response.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("https://parcels.test", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_a_page_of_another_origin_may_not_send_commands(
    client: httpx.AsyncClient, origin: str, status: int
) -> None:
    response = await send(client, "open-desk", {}, Origin=origin)

    assert response.status_code == status


async def test_health_says_up_while_commands_are_taken() -> None:
    app = App(parcels.service, handlers=parcels.handlers)
    async with client_of(application(app)) as client:
        before = await client.get("/health/ready")
        async with app:
            during = await client.get("/health/ready")
        after = await client.get("/health/ready")
        live = await client.get("/health/live")
        refused = await send(client, "open-desk", {})

    assert [one.status_code for one in (before, during, after, live)] == [503, 200, 503, 200]
    assert [one.json() for one in (during, after)] == [{"status": "up"}, {"status": "down"}]
    assert (refused.status_code, kind(refused)) == (503, "not-running")
    assert refused.headers["Retry-After"] == "1"


async def test_it_is_not_ready_while_its_store_cannot_be_reached(tmp_path: Path) -> None:
    file = tmp_path / "parcels.db"
    app = App(parcels.service, handlers=parcels.handlers, database=f"sqlite:///{file}")
    async with app, client_of(application(app)) as client:
        before = await client.get("/health/ready")
        for part in (file, Path(f"{file}-wal")):
            part.write_bytes(b"no database any more" * 1000)
        after = await client.get("/health/ready")
        live = await client.get("/health/live")

    assert [one.status_code for one in (before, after, live)] == [200, 503, 200]
    assert after.json() == {"status": "down"}


async def test_events_that_are_held_are_told_in_its_health_which_stays_up() -> None:
    """They wait for a release that knows them."""
    [reader] = parcels.service.subscriptions
    holding = replace(reader, on_unknown=OnUnknown.HOLD)
    service = replace(parcels.service, subscriptions=(holding,))
    newer = NewEvent(uuid4(), "ParcelSent", 2, b"{}", terminal=False, metadata=Metadata())
    append = Append(stream="parcels", workflow_id="1", events=(newer,))
    app = App(service, handlers=parcels.handlers)
    async with app, client_of(application(app)) as client:
        before = await client.get("/health/ready")
        await app._store.commit([Unit(appends=(append,))])
        await eventually(app.held)
        after = await client.get("/health/ready")

    assert (before.status_code, before.json()) == (200, {"status": "up"})
    assert (after.status_code, after.json()) == (200, {"status": "up", "held": {"parcel-log": 1}})


async def test_a_broker_that_is_away_is_told_in_its_health_which_stays_up() -> None:
    options: dict[str, Any] = {"handlers": ShopHandlers(), "broker": "amqp://:secret@127.0.0.1:1"}
    async with App(shop_at(), **options) as app, client_of(application(app)) as client:
        await app.execute(MakeSale(customer="ada", number=1))
        ready = await client.get("/health/ready")
    assert ready.status_code == 200
    border = ready.json()["broker"]
    assert border["state"] == "lost"
    assert border["published"]["sales"]["backlog"] == 1
    assert "secret" not in ready.text


async def test_unsafe_settings_of_the_server_are_told_in_its_health(own_postgres_url: str) -> None:
    """The server of the tests has `fsync` off."""
    app = App(parcels.service, handlers=parcels.handlers, database=own_postgres_url)
    async with app, client_of(application(app)) as client:
        ready = await client.get("/health/ready")

    assert ready.status_code == 200
    assert ready.json()["status"] == "up"
    assert [one.partition(":")[0] for one in ready.json()["cautions"]] == ["fsync is off"]


async def test_the_api_is_described_with_the_spec_s_words(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    assert document["info"]["title"] == "parcels"
    assert document["info"]["description"] == "Parcels <on> their way."
    operation = document["paths"]["/api/commands/send-parcel"]["post"]
    assert operation["description"].startswith("Send a parcel on its way.")
    assert operation["tags"] == ["Parcel"]
    schemas = document["components"]["schemas"]
    assert operation["requestBody"]["required"] is True
    assert operation["requestBody"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/SendParcel"}}
    }
    assert schemas["SendParcel"]["properties"]["parcel_id"]["description"] == "An id of your own."
    assert schemas["SendParcel"]["properties"]["class"]["description"] == "Where it travels."
    assert schemas["SendParcelResult"]["properties"]["result"]["type"] == "string"


async def test_every_answer_that_a_client_can_meet_is_described(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()

    for path, expected in {
        "send-parcel": set(),
        "deliver-parcel": {"404"},
        "weigh-parcel": set(),
        "import-parcels": set(),
    }.items():
        responses = document["paths"][f"/api/commands/{path}"]["post"]["responses"]
        always = {"200", "400", "408", "409", "413", "415", "422", "500", "503", "504"}
        assert set(responses) == always | expected
        for status, response in responses.items():
            if status != "200":
                assert response["content"] == {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
    assert "HTTPValidationError" not in document["components"]["schemas"]


def references(document: object) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if isinstance(document.get("$ref"), str) else set()
        return own.union(*(references(value) for value in document.values()))
    if isinstance(document, list):
        return set().union(*(references(value) for value in document))
    return set()


async def test_the_description_has_no_loose_ends(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


async def test_the_docs_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs")

    assert response.status_code == 200
    assert "http://127.0.0.1:8123/api/commands/send-parcel" in response.text
    assert "Parcels &lt;on&gt; their way." in response.text
    assert "<script" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_each_request_in_the_docs_is_one_that_the_command_accepts(
    client: httpx.AsyncClient,
) -> None:
    from headwater.transports.pages import _request

    for definition in parcels.service.commands:
        text = _request(definition.command, "/x").partition("-d '")[2].removesuffix("'")
        body = json.loads(text)
        if definition.name == "SendParcel":
            body["to"]["country"] = "NL"  # a reader sees to constraints
        definition.command.model_validate_json(json.dumps(body))


async def test_the_routes_mount_in_a_team_s_own_application(app: App[Any]) -> None:
    api = FastAPI()
    api.include_router(router(app), prefix="/parcels")

    async with client_of(api) as client:
        response = await client.post("/parcels/api/commands/open-desk", json={})
        refused = await client.post("/parcels/api/commands/open-desk", json={"x": 1})
        ready = await client.get("/parcels/health/ready")
        document = (await client.get("/openapi.json")).json()

    assert response.status_code == 200
    assert response.headers["X-Request-Id"]
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, MEDIA_TYPE)
    assert ready.json() == {"status": "up"}
    responses = document["paths"]["/parcels/api/commands/open-desk"]["post"]["responses"]
    assert set(responses["422"]["content"]) == {MEDIA_TYPE}
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
