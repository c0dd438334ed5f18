"""Bring a database to the revision that this code works with, and say how far it is.

Read in order:

    package     the revisions that a generated package has, as a service knows them
    history     the revisions that there are, and the tables after each
    execution   what a revision calls to be carried out, or taken back
    databases   a database to migrate, and the lock that lets one do it at a time
    migrator    upgrade, downgrade, status, SQL and verification
    grants      who may do what, as statements
    drafting    the runtime's next revision, for those who change its tables
    versions    the runtime's revisions

Only `package` is imported by a service that runs; the rest needs the extra `sql`.
"""

from .package import Migrations

__all__ = ["Migrations"]
