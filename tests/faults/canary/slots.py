"""A rich spec in which every string is a slot that a payload can take."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

__all__ = ["BENIGN", "RICH", "paths", "with_text"]

Path = tuple[str | int, ...]

RICH: dict[str, Any] = {
    "headwater": 1,
    "service": "rich-service",
    "description": "A service with everything in it.",
    "types": {
        "Grade": {"description": "How good.", "enum": ["low", "very-high"]},
        "Place": {
            "description": "Where.",
            "fields": {
                "street": {"type": "string", "description": "The street.", "default": "Main"},
                "code": {"type": "string", "pattern": "^[a-z]+$"},
            },
        },
        "ByMail": {"fields": {"address": "email"}},
        "ByPhone": {"fields": {"number": "string"}},
        "Contact": {"description": "One way.", "one_of": ["ByMail", "ByPhone"], "tag": "kind"},
    },
    "streams": {
        "orders": {"description": "All orders.", "type": "persistent", "delivery": "at-least-once"},
        "pings": {"description": "Pings.", "type": "ephemeral"},
    },
    "workflows": {
        "Order": {
            "description": "An order's life.",
            "stream": "orders",
            "events": {
                "OrderPlaced": {
                    "description": "It was placed.",
                    "fields": {
                        "order_id": {"type": "string", "description": "Its number."},
                        "grade": {"type": "Grade", "default": "low"},
                        "labels": {"type": "list<string>", "default": ["a"]},
                        "extra": {"type": "map<string>", "default": {"k": "v"}},
                        "note": {"type": "json", "default": {"a": ["b"]}},
                        "place": "Place",
                        "contact": {"type": "Contact | null", "personal": True},
                    },
                },
                "OrderClosed": {"terminal": True, "fields": {"order_id": "string"}},
            },
        },
        "Ping": {"stream": "pings", "events": {"Pinged": {"fields": {"text": "string"}}}},
    },
    "commands": {
        "PlaceOrder": {
            "description": "Place it.",
            "starts": "Order",
            "id": "order_id",
            "validate": True,
            "fields": {
                "order_id": {"type": "string", "description": "Its number.", "maxLength": 9},
                "place": "Place",
            },
            "result": "string",
            "emits": ["OrderPlaced"],
        },
        "CloseOrder": {
            "continues": "Order",
            "by": "order_id",
            "fields": {"order_id": "string"},
            "emits": ["OrderClosed"],
        },
        "ImportPings": {"stream": "pings", "fields": {"texts": "list<string>"}},
    },
    "subscriptions": {
        "order-desk": {
            "description": "Looks at orders.",
            "stream": "orders",
            "mode": "exclusive",
            "events": ["OrderPlaced"],
            "delivery": "at-least-once",
            "start": {"timestamp": "2026-01-01T00:00:00Z"},
            "retry": {"attempts": 3, "backoff": {"initial": "1s", "max": "5s"}},
            "ack_timeout": "30s",
            "metadata": {"team": "growth"},
        },
        "wall": {"stream": "pings", "mode": "broadcast", "handler": False},
    },
}
"""The spec; every string in it, key or value, is a slot."""

BENIGN = "benign"


def paths(node: Any = RICH, here: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Yield the place of every string: its path, and whether it is a key."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*here, key), True
            yield from paths(value, (*here, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from paths(value, (*here, index))
    elif isinstance(node, str):
        yield here, False


def with_text(path: Path, text: str, *, key: bool) -> dict[str, Any]:
    """Return the rich spec with that text in that place."""
    spec = copy.deepcopy(RICH)
    *parents, last = path
    node: Any = spec
    for step in parents:
        node = node[step]
    if key:
        renamed = {text if name == last else name: value for name, value in node.items()}
        node.clear()
        node.update(renamed)
    else:
        node[last] = text
    return spec
