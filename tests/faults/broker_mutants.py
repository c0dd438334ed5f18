"""Bugs planted in what carries events between services, and the tests that go red for each."""

from __future__ import annotations

from tests.faults.mutants import Mutant

__all__ = ["BROKER_MUTANTS"]

FAULTS = "tests/faults/"
KILLED = f"{FAULTS}test_killed_carriers.py"

BROKER_MUTANTS = (
    Mutant(
        "what nobody can tell of is done with",
        "relaying/relay.py",
        (
            (
                "            case Receipt.CONFIRMED:\n",
                "            case Receipt.CONFIRMED | Receipt.UNKNOWN:\n",
            ),
        ),
        (f"{FAULTS}test_restarted_broker.py",),
    ),
    Mutant(
        "what the broker refuses is done with",
        "relaying/relay.py",
        (
            (
                "            case Receipt.CONFIRMED:\n",
                "            case Receipt.CONFIRMED | Receipt.REFUSED:\n",
            ),
        ),
        (f"{FAULTS}test_unkept_messages.py",),
    ),
    Mutant(
        "what no queue takes is done with",
        "relaying/relay.py",
        (
            (
                "            case Receipt.CONFIRMED:\n",
                "            case Receipt.CONFIRMED | Receipt.RETURNED:\n",
            ),
        ),
        (f"{FAULTS}test_deleted_queues.py",),
    ),
    Mutant(
        "an event is done with before it is sent",
        "relaying/relay.py",
        (
            (
                "        messages = [to_message(self._topic, event) for _, event in sendable]\n",
                (
                    "        messages = [to_message(self._topic, event) for _, event in sendable]\n"
                    "        await self._settle([Acknowledge(claim) for claim, _ in sendable])\n"
                ),
            ),
        ),
        (KILLED,),
    ),
    Mutant(
        "a message is acknowledged before its event is committed",
        "relaying/ingest.py",
        (
            (
                "        units = [_unit(self._stream, event) for _, event in events]\n",
                (
                    "        units = [_unit(self._stream, event) for _, event in events]\n"
                    "        await intake.acknowledge([arrival for arrival, _ in events])\n"
                ),
            ),
        ),
        (KILLED,),
    ),
    Mutant(
        "what the store did not take is passed over",
        "relaying/ingest.py",
        (
            (
                "            self._could_not(error)\n            return list(events)\n",
                (
                    "            self._could_not(error)\n"
                    "            await intake.acknowledge([arrival for arrival, _ in events])\n"
                    "            return []\n"
                ),
            ),
        ),
        (f"{FAULTS}test_closed_connections.py",),
    ),
    Mutant(
        "nobody looks whether an event is there already",
        "relaying/ingest.py",
        (
            (
                'f"ingest:{stream}:{event.id}",\n            Answer(fingerprint_of(event), b""),',
                'f"ingest:{stream}:{id(event)}",\n            Answer(fingerprint_of(event), b""),',
            ),
        ),
        (KILLED,),
    ),
    Mutant(
        "several ingesters have the messages of one queue at once",
        "relaying/ingest.py",
        ((", one_reader=True)", ")"),),
        (KILLED,),
    ),
    Mutant(
        "what is no event is handed out again",
        "relaying/ingest.py",
        (
            (
                "        await intake.set_aside([arrival], reason)\n",
                "        await intake.put_back([arrival])\n",
            ),
        ),
        (f"{FAULTS}test_foreign_messages.py",),
    ),
    Mutant(
        "what is set aside is not kept",
        "transports/rabbitmq/intake.py",
        (
            (
                "await message.channel.basic_reject(_delivery_tag(message), requeue=False)",
                "await message.channel.basic_ack(_delivery_tag(message))",
            ),
        ),
        (f"{FAULTS}test_foreign_messages.py",),
    ),
    Mutant(
        "a message that cannot be read ends one connection after the other",
        "transports/rabbitmq/connections.py",
        (("return isinstance(error, (InvalidFrameError, *UNREADABLE))", "return False"),),
        (f"{FAULTS}test_foreign_messages.py",),
    ),
    Mutant(
        "nobody looks again whether the queue is bound",
        "transports/rabbitmq/intake.py",
        (
            (
                "await self._topology.declare_queue(channel, self._queue)\n                reason",
                "pass\n                reason",
            ),
        ),
        (f"{FAULTS}test_deleted_queues.py",),
    ),
    Mutant(
        "an ingester proves its connection with a message while the broker takes none",
        "transports/rabbitmq/link.py",
        (
            (
                "            if not await _is_blocked(connection):\n",
                "            if True:\n",
            ),
        ),
        (f"{FAULTS}test_broker_in_alarm.py",),
    ),
    Mutant(
        "a connection on which nothing is answered is used on",
        "transports/rabbitmq/publisher.py",
        (("                self._link.doubt(self._connection)\n", "                pass\n"),),
        (f"{FAULTS}test_unkept_messages.py",),
    ),
)
"""In no order."""
