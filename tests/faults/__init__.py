"""Faults on purpose: processes killed and frozen, histories recorded, what is left checked.

Read in this order: `history` (what actors write down), `recorder` (the process that keeps it),
`checker` (what has to hold), `nursery` and `world` (actors and whoever ends them), `ledger` (the
service that they run), `actors`. One file of tests a fault; `mutants` are bugs planted in a copy of
the runtime, for which the suite has to go red.
"""
