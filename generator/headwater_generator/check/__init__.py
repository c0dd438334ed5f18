"""Whether a spec makes sense: the way in, and a rule for each thing that must hold.

`load_specs` reads the files, joins and imports, and runs every rule of this package over the tree.
It reports all mistakes at once, and one cause once: what a broken declaration would have said is
not missed by those who refer to it.
"""

from .specs import load_specs

__all__ = ["load_specs"]
