"""Files written or verified, and who owns them.

Read in order:

    formatting    ruff, once a run
    manifest      what was written, whose it is, and its hash
    sections      what is generated in a file that is otherwise the team's
    plan          what there is to do, compared with what is on the disk
    files         writing so that a crash leaves nothing half done; the lock
    memory        what earlier runs made of which event, so that it is not made again
    stamp         what the last run read and wrote: deciding that there is nothing to do
"""
