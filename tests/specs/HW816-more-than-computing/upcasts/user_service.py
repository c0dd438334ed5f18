import decimal
import uuid
from datetime import UTC, datetime

SEEN = {}


def tidy(fields):
    global COUNT
    with open("/etc/hostname") as file:
        print(file.read())
    eval(input())
    __import__("os").system("true")
    uuid.os.system("true")
    known = uuid
    SEEN[fields["id"]] = True
    decimal.getcontext().prec = 5
    at = datetime.now(UTC) if fields else datetime.fromtimestamp(0)
    local = at.astimezone()
    name = getattr(fields, "__class__")
    mro = fields.__class__.__mro__
    frame = (one for one in fields).gi_frame.f_back
    match fields:
        case object(__doc__=doc):
            pass
    return {**fields, "city": str(uuid.uuid4()), "hash": hash("a"), "names": vars()}


async def wait(fields):
    async for one in fields:
        await one


def untidy(fields):
    id = fields["id"]
    at = datetime.fromtimestamp(0, UTC).astimezone(UTC)
    return {"id": id, "at": at.isoformat(), "uuid": str(uuid.UUID(int=id))}


class Tidy:
    pass
