"""Every case of the contract, in one class to subclass."""

import pytest
from headwater.testing.clock import VirtualClock

from .behind import BehindCases
from .commands import CommandCases
from .feeds import FeedCases
from .groups import GroupCases
from .keys import KeyCases
from .letters import LetterCases
from .log import LogCases
from .members import MemberCases
from .operating import OperatingCases
from .receipts import ReceiptCases
from .retention import RetentionCases
from .runs import RunCases

__all__ = ["StoreContract"]


class StoreContract(
    LogCases,
    FeedCases,
    CommandCases,
    LetterCases,
    BehindCases,
    MemberCases,
    OperatingCases,
    RunCases,
    GroupCases,
    RetentionCases,
    KeyCases,
    ReceiptCases,
):
    """What every store promises. Subclass it and give it a `store` fixture.

    The fixture returns an open `Store` that is empty, has the streams of `STREAMS`, and takes its
    time from the `clock` fixture.
    """

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """The time of the store, which stands still until a case moves it."""
        return VirtualClock()
