"""The store in a PostgreSQL database: any number of processes may write to it at once.

`store` is the contract's face in the event loop. `units` writes batches of units and `claims` hands
events out, a statement each; `feeds`, `letters`, `members` and `commands` do the rest. They work on
`database`, a few connections (`wire`) that each are in order or gone; `failures` tells what an
error means. `bell` wakes other processes. `tables` and `server` refuse what cannot be worked with.
"""
