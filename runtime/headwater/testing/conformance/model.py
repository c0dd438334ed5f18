"""A plain model of a store: lists, searched from the front each time."""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile

from headwater.stores.contract import Answer, Exactly, Expect, Expectation, FeedKey, Order

__all__ = ["Item", "Model", "ModelFeed", "NewUnit", "Refused", "Session"]

ACK_TIMEOUT = 10.0
IN_FLIGHT = 3
RUN = 2  # of the feeds that take several events of one lane at once


@dataclass
class Item:
    """An event that a feed still owes somebody."""

    offset: int
    workflow: str
    failures: int = 0
    holder: str | None = None
    token: int = 0  # the store's, of the claim
    until: float = 0.0  # end of the claim, or of the wait for a retry
    is_held: bool = False  # waits for a service that knows it
    is_behind: bool = False  # of a dead letter: whether it was set aside because of another


@dataclass
class ModelFeed:
    """What a feed owes, oldest first."""

    stream: str
    wanted: set[str]
    order: Order
    seen: int
    run: int
    waits: bool = False  # for dead letters
    items: list[Item] = field(default_factory=list)
    skipped: int = 0

    def claim(self, holder: str, limit: int, now: float, dead: list[Item]) -> list[Item]:
        """The items that are handed out; `dead` are the feed's dead letters."""
        for item in self.items:
            if item.holder is not None and item.until <= now:
                self.fail(item)
        taken: list[Item] = []
        shut = {self.lane(item) for item in self.items if item.holder is not None}
        for item in self.items:
            if self.is_blocked(item, dead):
                continue
            lane = self.lane(item)
            held = sum(one.holder == holder for one in self.items)
            run = sum(self.lane(one) == lane for one in taken)
            is_free = item.until <= now and held < IN_FLIGHT and len(taken) < limit
            if lane not in shut and is_free and run < self.run:
                item.holder, item.until = holder, now + ACK_TIMEOUT
                taken.append(item)
            else:
                shut.add(lane)
        return taken

    def is_blocked(self, item: Item, dead: list[Item]) -> bool:
        """Whether it has to wait for a dead letter of its workflow."""
        earlier = (one for one in dead if one.offset < item.offset)
        is_free = item.holder is None
        return self.waits and is_free and any(one.workflow == item.workflow for one in earlier)

    def held(self, offset: int, token: int) -> Item | None:
        """The item, if that claim of it can still be settled."""
        for item in self.items:
            if item.offset == offset and item.holder is not None and item.token == token:
                return item
        return None

    def take_from(self, holder: str) -> None:
        """Void the holder's claims."""
        for item in self.items:
            if item.holder == holder:
                self.fail(item)

    def fail(self, item: Item) -> None:
        """Void the claim of one."""
        item.holder, item.until, item.failures = None, 0.0, item.failures + 1

    def lane(self, item: Item) -> str:
        """What it waits in."""
        return "" if self.order is Order.STREAM else item.workflow

    def position(self) -> int:
        """Offset before the first item."""
        return self.items[0].offset - 1 if self.items else self.seen


@dataclass
class NewUnit:
    """A unit with one append and perhaps a key."""

    stream: str
    workflow: str
    expect: Expectation
    names: list[str]
    ends: bool
    key: str | None = None
    answer: Answer | None = None


class Refused(Enum):
    """Why a unit is not written."""

    FOR_ITS_KEY = "another unit has it"
    FOR_ITS_WORKFLOW = "it is not as expected"


@dataclass
class Session:
    """A consumer's connection."""

    feed: FeedKey
    consumer: str
    until: float


class Model:
    """What the store is to hold."""

    def __init__(self) -> None:
        self.streams: dict[str, list[tuple[str, str, int]]] = {"log": [], "queue": []}
        self.workflows: dict[str, tuple[int, bool]] = defaultdict(lambda: (0, False))
        self.answers: dict[str, Answer] = {}
        self.feeds: dict[FeedKey, ModelFeed] = {}
        self.dead: list[tuple[FeedKey, Item]] = []
        self.requeued: set[int] = set()  # of the queue: no longer in it, for the one feed only
        self.paused: set[str] = set()
        self.sessions: dict[str, Session] = {}
        self.consumers: dict[tuple[str, str], tuple[float, float | None]] = {}  # seen, expires

    def commit(self, unit: NewUnit) -> tuple[int, ...] | Answer | Refused:
        """Its offsets, or the answer that was kept."""
        if unit.key is not None and (known := self.answers.get(unit.key)) is not None:
            assert unit.answer is not None
            is_the_same = known.fingerprint == unit.answer.fingerprint
            return known if is_the_same else Refused.FOR_ITS_KEY
        version, ended = self.workflows[unit.workflow]
        holds = {Expect.ANY: True, Expect.NEW: version == 0, Expect.EXISTS: version > 0}
        if ended or not (
            unit.expect.version == version
            if isinstance(unit.expect, Exactly)
            else holds[unit.expect]
        ):
            return Refused.FOR_ITS_WORKFLOW
        if unit.key is not None and unit.answer is not None:
            self.answers[unit.key] = unit.answer
        offsets = [self.append(unit.stream, unit.workflow, name) for name in unit.names]
        self.workflows[unit.workflow] = (version + len(unit.names), unit.ends)
        return tuple(offsets)

    def append(self, stream: str, workflow: str, name: str) -> int:
        """Record an event; its offset."""
        log = self.streams[stream]
        version = sum(one == workflow for one, _, _ in log) + 1
        log.append((workflow, name, version))
        for feed in self.feeds.values():
            if feed.stream == stream:
                feed.seen = len(log)
                if name in feed.wanted:
                    feed.items.append(Item(len(log), workflow))
        return len(log)

    def register(
        self, key: FeedKey, stream: str, wanted: set[str], order: Order, run: int, *, waits: bool
    ) -> None:
        """Have a feed, from the beginning of the log or the end of the queue."""
        if key in self.feeds:
            return
        seen = len(self.streams[stream])
        feed = self.feeds[key] = ModelFeed(stream, wanted, order, seen, run, waits)
        if stream == "log":
            feed.items = [
                Item(offset, workflow)
                for offset, (workflow, name, _) in enumerate(self.streams["log"], 1)
                if name in wanted
            ]

    def claim(self, key: FeedKey, holder: str, limit: int, now: float) -> list[Item]:
        """What is handed out."""
        if key.subscription in self.paused:
            return []
        return self.feeds[key].claim(holder, limit, now, self.dead_of(key))

    def dead_of(self, key: FeedKey) -> list[Item]:
        """The feed's dead letters."""
        return [item for of, item in self.dead if of == key]

    def is_set_aside(self, key: FeedKey, offset: int) -> None:
        """Take note that the store has set an event aside, and see that it had to wait."""
        feed = self.feeds[key]
        [item] = [one for one in feed.items if one.offset == offset]
        assert feed.is_blocked(item, self.dead_of(key))
        feed.items.remove(item)
        item.is_behind = True
        self.dead.append((key, item))

    def coming_back(self, key: FeedKey, chosen: Item) -> list[Item]:
        """What is handed out again with a dead letter."""
        theirs = [item for item in self.dead_of(key) if item.workflow == chosen.workflow]
        theirs.sort(key=lambda item: item.offset)
        place = next(number for number, item in enumerate(theirs) if item is chosen)
        if place > 0:  # an earlier one stays
            return [] if chosen.is_behind else [chosen]
        return [chosen, *takewhile(lambda item: item.is_behind, theirs[1:])]

    def requeue(self, key: FeedKey, back: list[Item]) -> None:
        """Have dead letters handed out again, as new."""
        feed = self.feeds[key]
        for item in back:
            self.forget_dead(item)
            if all(one.offset != item.offset for one in feed.items):
                feed.items.append(Item(item.offset, item.workflow))
            if feed.stream == "queue":
                self.requeued.add(item.offset)
        feed.items.sort(key=lambda one: one.offset)

    def forget_dead(self, item: Item) -> None:
        """It is no dead letter any more."""
        self.dead = [entry for entry in self.dead if entry[1] is not item]

    def hear_of(self, session: str, lifetime: float, now: float) -> None:
        """It lives on."""
        found = self.sessions[session]
        found.until = now + lifetime
        self._see(found, now)

    def disconnect(self, session: str, now: float) -> None:
        """It is gone; its claims end as any others do."""
        if (found := self.sessions.pop(session, None)) is not None:
            self._see(found, now)

    def remove_stale(self, now: float) -> tuple[set[str], set[tuple[str, str]]]:
        """Sessions and consumers that are gone."""
        silent = {one for one, session in self.sessions.items() if session.until <= now}
        for session in silent:
            self._end(session)
        connected = {(one.feed.subscription, one.consumer) for one in self.sessions.values()}
        expired = {
            consumer
            for consumer, (seen, expires) in self.consumers.items()
            if consumer not in connected and expires is not None and seen + expires <= now
        }
        for consumer in expired:
            del self.consumers[consumer]
            self.feeds.pop(FeedKey(*consumer), None)
        return silent, expired

    def remove_consumer(self, subscription: str, name: str) -> None:
        """With its sessions and the feed of its own."""
        for session, found in tuple(self.sessions.items()):
            if (found.feed.subscription, found.consumer) == (subscription, name):
                self._end(session)
        self.consumers.pop((subscription, name), None)
        self.feeds.pop(FeedKey(subscription, name), None)

    def _end(self, session: str) -> None:
        found = self.sessions.pop(session)
        if (feed := self.feeds.get(found.feed)) is not None:
            feed.take_from(session)

    def _see(self, session: Session, now: float) -> None:
        key = (session.feed.subscription, session.consumer)
        self.consumers[key] = (now, self.consumers[key][1])
