"""Files written or verified, and who owns them.

Read in order:

    formatting    ruff, once a run
    manifest      what was written, whose it is, and its hash
    plan          what there is to do, compared with what is on the disk
    files         writing so that a crash leaves nothing half done; the lock
    stamp         what the last run read and wrote: deciding that there is nothing to do
"""
