"""Every error code with what `headwater explain` says about it.

Ranges: HW0xx files and YAML, HW1xx keys and shapes, HW3xx names, HW4xx types, fields and defaults,
HW5xx streams and subscriptions, HW6xx workflows and commands, HW7xx writing files,
HW8xx versions, HW9xx the lock and what was released.

The examples of a code are specs without their two first lines, unless the explanation tells
otherwise; a test holds them to their word.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ..problems import Code
from . import (
    commands,
    files,
    functions,
    keys,
    locks,
    naming,
    remotes,
    streams,
    types,
    versions,
    writing,
)

__all__ = ["CODES"]

CODES: Mapping[str, Code] = MappingProxyType(
    {
        code.id: code
        for module in (
            *(files, keys, naming, types, streams, remotes, commands),
            *(writing, versions, functions, locks),
        )
        for code in module.CODES
    }
)
