"""What a program that runs says, kept in a file, and waited for line by line."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import IO

__all__ = ["Output"]


class Output:
    """The lines of a program, added to `log` as they come, until it and its children end."""

    def __init__(self, stream: IO[bytes], log: Path) -> None:
        self._stream = stream
        self._log = log
        self._changed = threading.Condition()
        self._said = b""
        self._has_ended = False
        threading.Thread(target=self._read, name=f"output {log}", daemon=True).start()

    def wait_for(self, text: str, within: float) -> None:
        """Return once a line has the text, `within` so many seconds.

        Raises:
            RuntimeError: None has; the message holds the end of what it said.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or text.encode() in self._said, within)
            if text.encode() not in self._said:
                said = self._said.decode(errors="replace")
                raise RuntimeError(f"it has not said {text!r}:\n{said[-2000:]}")

    def _read(self) -> None:
        with self._stream, self._log.open("ab", buffering=0) as log:
            for line in self._stream:
                log.write(line)
                with self._changed:
                    self._said += line
                    self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
