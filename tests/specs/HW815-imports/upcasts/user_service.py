"""Functions."""

from __future__ import annotations

import collections.abc
import os, re
import os.path as places
import uuid as ids
from collections import abc, deque
from datetime import UTC, datetime
from math import *
from typing import get_type_hints
from uuid import os as system, uuid4
from re import _parser, nothing

from . import events
from .events import UserAdded


def tidy(fields: collections.abc.Mapping[str, str]) -> abc.Mapping[str, str]:
    import subprocess

    return {**fields, "city": re.sub(r"\s+", " ", str(ids.UUID(int=1)))}


def untidy(fields):
    return fields
