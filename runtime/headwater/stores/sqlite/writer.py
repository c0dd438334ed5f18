"""The one thread of this process that writes to the file.

Jobs that wait are done in one transaction. A job that raises has to leave the others unharmed: what
it may raise on purpose (`HeadwaterError`) it raises before it changes anything; after anything else
the transaction is rolled back and each job is done again in one of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from headwater.clock import Clock
from headwater.errors import HeadwaterError, OutcomeUnknownError, StoreUnavailableError

from .file import BUSY_WAIT, connect, prepare, require_finished, wait_while_locked
from .transaction import Transaction
from .turn import Turn
from .waking import Change

__all__ = ["Writer"]

T = TypeVar("T")

MAX_JOBS = 256  # in one transaction

# A commit without the wait is in the log all the same, in its place: what comes before it and after
# it is never lost alone.
SYNC = "PRAGMA synchronous = FULL"
NO_SYNC = "PRAGMA synchronous = NORMAL"


class _Job(Generic[T]):
    def __init__(
        self,
        work: Callable[[Transaction], T] | None,
        look: Callable[[Transaction], T | None] | None,
        *,
        durable: bool = True,
    ) -> None:
        self.durable = durable
        self.work = work
        self.look = look
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.result: T | None = None
        self.error: Exception | None = None

    def finish(self) -> None:
        """Tell who waits; in the event loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)  # type: ignore[arg-type]
        else:
            self.future.set_exception(self.error)
            self.future.exception()  # one that left does not make it unnoticed


class Writer:
    """Does jobs in transactions, one thread and one connection, from `start` to `stop`."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        on_change: Callable[[Change], None],
        *,
        busy_wait: float = BUSY_WAIT,
    ) -> None:
        self._path = path
        self._clock = clock
        self._on_change = on_change
        self._busy_wait = busy_wait
        self._jobs: SimpleQueue[_Job[Any] | Turn | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopped: _Job[None] | None = None
        self._transaction: Transaction | None = None  # with its connection; none after a failure
        self._waits_for_disk = True

    async def start(self) -> None:
        """Open the file and be ready for jobs.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        started: _Job[None] = _Job(None, None)
        self._thread = threading.Thread(
            target=self._run, args=(started,), name=f"headwater-{self._path.name}", daemon=True
        )
        self._thread.start()
        try:
            await asyncio.shield(started.future)
        except Exception:
            self._thread = None  # it has ended
            raise
        except BaseException:
            self._thread = None
            self._jobs.put(None)
            raise

    async def stop(self) -> None:
        """Do what is waiting, then close the file."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            # Not by joining the thread: who gives up waiting for it must not leave one that joins.
            stopped: _Job[None] = _Job(None, None)
            self._stopped = stopped
            self._jobs.put(None)
            await asyncio.shield(stopped.future)
            thread.join()  # that was the last it did

    def submit(
        self,
        work: Callable[[Transaction], T],
        *,
        look: Callable[[Transaction], T | None] | None = None,
        durable: bool = True,
    ) -> asyncio.Future[T]:
        """Have the job done in the next transaction.

        One that is not `durable` is safe when the process dies, but not when the machine does.

        If `look` returns something that is the result, and no transaction was needed for it.
        Cancelling the future keeps a job that has not begun from being done.
        """
        return self._put(_Job(work, look, durable=durable))

    def look(self, look: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """What `look` returns; it changes nothing and needs no transaction."""
        return self._put(_Job(None, look))

    def take_turn(self, turn: Turn) -> None:
        """Leave the file to the turn, once what came before it is written."""
        if self._thread is None:
            raise StoreUnavailableError("it is not open")
        self._jobs.put(turn)

    def _put(self, job: _Job[T]) -> asyncio.Future[T]:
        if self._thread is None:
            raise StoreUnavailableError("it is not open")
        self._jobs.put(job)
        return job.future

    # In the thread

    def _run(self, started: _Job[None]) -> None:
        try:
            self._open()
        except Exception as error:  # noqa: BLE001  (told to whoever starts the writer)
            started.error = error
            self._tell([started], None)
            return
        self._tell([started], None)
        goes_on = True
        while goes_on:
            jobs, turn, goes_on = self._next_jobs()
            self._do(jobs)
            if turn is not None:
                turn.take()
        if self._transaction is not None:
            self._transaction.connection.close()
        if self._stopped is not None:
            self._tell([self._stopped], None)

    def _do(self, jobs: list[_Job[Any]]) -> None:
        jobs = [job for job in jobs if not job.future.cancelled()]
        if not jobs:
            return
        try:
            transaction = self._transaction or self._open()
        except Exception as error:  # noqa: BLE001  (each waiter hears of it)
            self._fail(jobs, _unavailable(error))
            return
        try:
            if jobs := self._answer_by_looking(jobs, transaction):
                self._write(jobs, transaction)
        except Exception as error:  # noqa: BLE001  (each waiter hears of it, and there is a next)
            self._give_up(jobs, transaction, error)

    def _open(self) -> Transaction:
        connection = connect(self._path)
        try:
            prepare(connection, self._path)
            require_finished(connection, self._path)
        except BaseException:
            connection.close()
            raise
        self._transaction = Transaction(connection, self._clock)
        self._waits_for_disk = True
        return self._transaction

    def _next_jobs(self) -> tuple[list[_Job[Any]], Turn | None, bool]:
        """The jobs to do at once, a turn that comes after them, and whether there is a next."""
        jobs: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            if isinstance(job, Turn):
                return jobs, job, True
            jobs.append(job)
            if len(jobs) == MAX_JOBS:
                return jobs, None, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, None, True
        return jobs, None, False

    def _answer_by_looking(
        self, jobs: list[_Job[Any]], transaction: Transaction
    ) -> list[_Job[Any]]:
        """Finish the jobs that change nothing.

        Those that might are only asked if the whole group might do without a transaction.
        """
        may_do_without = all(job.look is not None for job in jobs)
        transaction.begin()
        left: list[_Job[Any]] = []
        done: list[_Job[Any]] = []
        for job in jobs:
            if job.look is not None and (may_do_without or job.work is None):
                try:
                    job.result = job.look(transaction)
                except Exception as error:  # noqa: BLE001  (work, if there is any, says it again)
                    job.error = error
            answered = job.work is None or job.result is not None
            (done if answered else left).append(job)
        self._tell(done, None)
        return left

    def _write(self, jobs: list[_Job[Any]], transaction: Transaction) -> None:
        connection = transaction.connection
        durable = any(job.durable for job in jobs)
        try:
            if durable is not self._waits_for_disk:
                connection.execute(SYNC if durable else NO_SYNC)
                self._waits_for_disk = durable
            wait_while_locked(lambda: connection.execute("BEGIN IMMEDIATE"), self._busy_wait)
        except (StoreUnavailableError, sqlite3.Error) as error:
            self._fail(jobs, _unavailable(error))
            return
        transaction.begin()
        try:
            for job in jobs:
                try:
                    job.error = None
                    job.result = job.work(transaction) if job.work is not None else None
                except HeadwaterError as error:
                    job.error = error
            transaction.flush()
        except Exception as error:  # noqa: BLE001  (each waiter hears of it)
            transaction.forget()
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            except sqlite3.Error:
                # Closing undoes it as well. Use another.
                self._transaction = None
                connection.close()
            if len(jobs) == 1 or self._transaction is None:
                self._fail(jobs, _unavailable(error))
                return
            for job in jobs:
                self._write([job], transaction)
            return
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(jobs, transaction, error)
            return
        self._tell(jobs, Change(transaction))

    def _give_up(self, jobs: list[_Job[Any]], transaction: Transaction, error: Exception) -> None:
        """Written or not, and what the connection holds: nobody can tell. Use another."""
        self._transaction = None
        transaction.connection.close()
        unknown = OutcomeUnknownError(f"the store failed while committing: {error}")
        unknown.__cause__ = error
        self._fail(jobs, unknown)

    def _fail(self, jobs: list[_Job[Any]], error: Exception) -> None:
        for job in jobs:
            job.error = error
        self._tell(jobs, None)

    def _tell(self, jobs: list[_Job[Any]], change: Change | None) -> None:
        if not jobs:
            return

        def tell() -> None:
            if change is not None:
                self._on_change(change)
            for job in jobs:
                job.finish()

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            jobs[0].loop.call_soon_threadsafe(tell)


def _unavailable(error: Exception) -> StoreUnavailableError:
    if isinstance(error, StoreUnavailableError):
        return error
    unavailable = StoreUnavailableError(f"{type(error).__name__}: {error}")
    unavailable.__cause__ = error
    return unavailable
