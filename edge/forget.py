"""Forget: nothing stays here of patients of whom the centre says that they have opted out, at whichever site."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from edge.holding import Holding
from edge.sending.outbox import Message, Outbox, Transaction
from schemas.records import PatientWithdrawn
from schemas.topics import WITHDRAWALS


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What one site forgets."""

    holding: Holding
    outbox: Outbox

    def __call__(self, opted_out: Sequence[PatientWithdrawn], now: dt.datetime) -> int:
        """Deletes what this machine has of these patients, and remembers by pseudonym that nothing more is to be taken of them.

        Args:
            opted_out: as the centre has them; those of other sites are left to these.
            now: the clock.

        Returns:
            Of how many patients something was to be done.

        Raises:
            OutboxError: the outbox cannot be written; nothing was done.
            SealError, KeyringError: something in the outbox cannot be opened, so it cannot be said whose it is; nothing was done.
        """
        theirs = {each.patient: each for each in opted_out if each.site == self.holding.site.code}
        with self.outbox.transaction(now) as transaction:
            new = [each for each in theirs.values() if not is_known(transaction, each.patient)]
            if new:
                patients = {each.patient for each in new}
                self.holding.delete(transaction, patients, list(self.holding.held(transaction)))
                transaction.add(_told(each) for each in new)
        if new:
            self.outbox.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(new)


def is_known(transaction: Transaction, patient: str) -> bool:
    """Whether this machine knows that the patient has opted out."""
    return bool(transaction.query("SELECT 1 FROM message WHERE event = ?", _event(patient)))


def _event(patient: str) -> str:
    return f"withdrawn-{patient}"


def _told(withdrawn: PatientWithdrawn) -> Message:
    """The centre is told what it said itself: the same fact however often, so that a set-up that starts anew knows it too."""
    said = replace(withdrawn, event=_event(withdrawn.patient))
    return Message(said.event, WITHDRAWALS.name, said.match.encode(), WITHDRAWALS.wire.encode(said))
