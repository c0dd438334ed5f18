"""Proof that the versions of an event lead where they should: what generated tests are made of.

Read in order:

    promises   what is promised of the hops between versions, as data
    payloads   random payloads of a version, from its JSON Schema
    reading    a payload brought to another version, or refused
    versions   the tests: a subclass names an event and what is promised of it

Needs pytest and Hypothesis: the extra `testing`.
"""

from headwater.evolution import Envelope

from .payloads import payloads
from .promises import Hop, Sample
from .versions import EventVersions

__all__ = ["Envelope", "EventVersions", "Hop", "Sample", "payloads"]
