"""Execute the commands that handlers have sent: after they were stored, each once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from .clock import Clock, sleep
from .commands.execution import CommandContext, Executor
from .errors import Fault, OutcomeUnknownError, RejectedError
from .events import Command
from .stores.contract import SentCommand, Store
from .subscriptions.activity import Activity
from .subscriptions.definition import Retry

__all__ = ["Sending"]

AT_ONCE = 16  # commands
DEADLINE = 30.0  # seconds for each
LEASE = 60.0  # seconds after which a command is taken again, if it is not known what became of it
RETRY = Retry()
PAUSE_AFTER_A_STORE_ERROR = 1.0  # seconds

logger = logging.getLogger("headwater.commands")


class Sending:
    """Takes stored commands from the store and executes them, until stopped."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        known: Mapping[str, type[Command[Any]]],
        context: Callable[[str | None], CommandContext],
        clock: Clock,
        chance: random.Random,
        activity: Activity,
    ) -> None:
        self._store = store
        self._executor = executor
        self._known = known
        self._context = context
        self._clock = clock
        self._chance = chance
        self._activity = activity
        self._stopped = False

    def stop(self) -> None:
        """Take nothing more."""
        self._stopped = True
        self._store.sent().notify()

    async def run(self) -> None:
        """Execute what is stored and what will be, until `stop`."""
        self._stopped = False
        with self._activity.working():
            while not self._stopped:
                try:
                    await self._step()
                except Exception:  # the store may well be there again
                    logger.exception("stored commands have to wait")
                    await sleep(self._clock, PAUSE_AFTER_A_STORE_ERROR)

    async def _step(self) -> None:
        changes = self._store.sent()
        seen = changes.generation
        taken = await self._store.take_commands(AT_ONCE, LEASE)
        if taken.commands:
            await asyncio.gather(*(self._execute(command) for command in taken.commands))
            return
        due = taken.next_due
        timer = None if due is None else self._clock.call_later(due, changes.notify)
        try:
            if not self._stopped:
                with self._activity.parked(changes, seen):
                    await changes.wait_after(seen)
        finally:
            if timer is not None:
                timer.cancel()

    async def _execute(self, sent: SentCommand) -> None:
        kind = self._known.get(sent.name)
        if kind is None:
            await self._give_up(sent, "the service has no such command any more")
            return
        try:
            command = kind.model_validate_json(sent.body)
        except ValidationError as error:
            await self._give_up(sent, f"it does not fit the command any more: {error}")
            return
        try:
            await self._executor.execute(
                command,
                self._context(sent.request_id),
                DEADLINE,
                carries_out=sent,
            )
        except RejectedError as error:
            reason = f"{type(error).__name__}: {error}"
            if error.fault is Fault.CALLER or sent.attempts >= RETRY.attempts:
                await self._give_up(sent, reason)
            else:
                delay = RETRY.delay(sent.attempts, self._chance)
                logger.warning("sent command failed, again in %.3g s: %s", delay, reason)
                await self._store.postpone_command(sent.key, reason, delay)
        except OutcomeUnknownError as error:  # it is taken again, and answered if it was done
            logger.warning("sent command: %s", error)

    async def _give_up(self, sent: SentCommand, reason: str) -> None:
        logger.error(
            "sent command given up: %s", reason, extra={"command": sent.name, "key": sent.key}
        )
        await self._store.postpone_command(sent.key, reason, None)
