"""The store in an SQLite file: every process on it may write, and what it acknowledges is on disk.

`store` is the contract's face in the event loop; it hands jobs to `writer`, the one thread of this
process that writes, and pages to `reading`, a few connections that only read. `transaction` is what
a job works on, `feeds` what it does to subscriptions; `file` opens the file and makes its tables.
"""
