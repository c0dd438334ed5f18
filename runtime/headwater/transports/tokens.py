"""Bearer tokens: who may use a service that others can reach.

The service knows only what a token's SHA-256 is. That is enough because tokens are random: nobody
can try 2**256 of them. Several may hold at once, so that a new one can be given out before the old
one goes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["SHORTEST_TOKEN", "Tokens", "fingerprint_of", "new_token"]

SHORTEST_TOKEN = 32  # characters; a password is shorter, and can be guessed from its hash
PREFIX = "sha256:"

_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")
_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)


def new_token() -> str:
    """A random token of 256 bits, recognisable as one."""
    return f"hw_{secrets.token_urlsafe(32)}"


def fingerprint_of(token: str) -> str:
    """What a service is told of the token: `sha256:` and 64 hexadecimal digits."""
    return PREFIX + hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that hold, by their fingerprints; none: nobody is asked for one.

    Raises:
        ValueError: One is no fingerprint. The message does not repeat it: it may be a token.
    """

    fingerprints: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for number, one in enumerate(self.fingerprints, start=1):
            if _FINGERPRINT.fullmatch(one) is None:
                raise ValueError(
                    f"number {number} is not sha256: and 64 lower-case hexadecimal digits; "
                    "`headwater token` makes a token and prints what to put here"
                )

    def __bool__(self) -> bool:
        return bool(self.fingerprints)

    def admits(self, authorization: Sequence[str]) -> bool:
        """Whether a request with these `Authorization` headers may be served.

        It takes as long for a wrong token as for none, and tells nothing of how wrong one is.
        """
        found = _BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
        given = fingerprint_of(found[1] if found else "")
        matches = [hmac.compare_digest(given, one) for one in self.fingerprints]
        return any(matches) and found is not None
