"""The ownership fence: a target under way is one process's, and only that one writes to it.

Queries of the journal, to be called inside its transactions. A process takes a target that is
nobody's, or whose owner has died or is silent for longer than `STALE`; from then on the former
owner's writes are refused, should it wake up again.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from orchestrator.errors import JournalError
from orchestrator.journal.owner import Owner
from orchestrator.journal.schema import owners, targets

HEARTBEAT = timedelta(seconds=5)
STALE = timedelta(seconds=30)

OWNED = targets.outerjoin(owners, targets.c.owner == owners.c.id)
OWNER = (
    targets.c.owner,
    owners.c.pid,
    owners.c.host,
    owners.c.kernel,
    owners.c.started,
    owners.c.heartbeat,
)
"""Columns of `OWNED` that `runner` reads."""

# Both lock the target's row, where the database has such locks, until the transaction ends.
_IT = targets.c.id == bindparam("its_id")
_LOOK_OWNER = select(targets.c.owner).where(_IT).with_for_update()
_LOOK = select(targets.c.ending, *OWNER).select_from(OWNED).where(_IT).with_for_update(of=targets)


class ClaimRefused(JournalError):
    """Another process runs the target, or it has ended meanwhile."""


class OwnershipLost(JournalError):
    """The target is not this process's: it must stop, and leave the target's prompts alone."""


def sign_in(db: Connection, me: Owner, now: datetime) -> None:
    """Be known as an owner, and alive."""
    if not beat(db, me, now):
        db.execute(insert(owners).values(**vars(me), heartbeat=now))


def beat(db: Connection, me: Owner, now: datetime) -> bool:
    """Say that this process is alive. False when it is not known as an owner."""
    mine = owners.c.id == me.id
    return db.execute(update(owners).where(mine).values(heartbeat=now)).rowcount > 0


def sign_out(db: Connection, me: Owner) -> None:
    """Leave what is not finished to whoever takes it."""
    db.execute(update(targets).where(targets.c.owner == me.id).values(owner=None))
    db.execute(delete(owners).where(owners.c.id == me.id))


def claim(db: Connection, target_id: str, me: Owner, now: datetime) -> None:
    """Make a target this process's. Raises ClaimRefused."""
    row = db.execute(_LOOK, {"its_id": target_id}).one()
    if row.ending is not None:
        raise ClaimRefused(f"target {target_id} has ended meanwhile: {row.ending}")
    other = runner(row, now)
    if other is not None and other != me:
        raise ClaimRefused(
            f"target {target_id} is being run by {other}: wait for it, or stop it there"
        )
    sign_in(db, me, now)
    db.execute(update(targets).where(targets.c.id == target_id).values(owner=me.id))


def fence(db: Connection, target_id: str, me: Owner) -> None:
    """Keep this transaction from a target that is not this process's. Raises OwnershipLost."""
    if db.execute(_LOOK_OWNER, {"its_id": target_id}).scalar_one() != me.id:
        other = _owner(db.execute(_LOOK, {"its_id": target_id}).one())
        raise OwnershipLost(
            f"target {target_id} is not this process's to run: "
            + (f"{other} has taken it over" if other else "it was not claimed, or has ended")
        )


def runner(row: Any, now: datetime) -> Owner | None:
    """The process that runs a target, as far as can be told; None when it is free to be taken."""
    owner = _owner(row)
    if owner is None or now - row.heartbeat > STALE or owner.has_died():
        return None
    return owner


def _owner(row: Any) -> Owner | None:
    if row.pid is None:
        return None
    return Owner(row.owner, row.pid, row.host, row.kernel, row.started)
