from typing import Any


def taking_two(fields, envelope):
    return fields


def yielding(fields):
    yield from fields


async def awaited(fields):
    return fields


a_lambda = lambda fields: fields


def a_stub(fields: dict[str, Any]) -> dict[str, Any]: return {"a": fields["a"], "b": ...}


def twice(fields):
    return fields


def twice(fields):
    return {}


def taking_any(*fields):
    return {}


class a_class:
    pass


@staticmethod
def decorated(fields):
    return fields


def fine(fields: dict[str, tuple[int, ...]], /) -> dict[str, tuple[int, ...]]:
    def pairs():
        yield from fields.items()

    return dict(pairs())
