"""Commands that end cleanly when they are told to, and those that take turns until then."""

import logging
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from commands.shared import log_to_stderr
from schemas.problems import WorkFailedError

_SOON_SECONDS = 30.0


def end_when_told(status: int, *signals: int) -> None:
    """From now on such a signal ends this process as an exception does, so that nothing stays locked or half-written.

    Args:
        status: its exit status then.
        signals: which; a second one changes nothing, since what is held is being let go of already.
    """

    def end(number: int, _: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        logging.getLogger(__name__).info("told to end (%s)", signal.Signals(number).name)
        sys.exit(status)

    for each in signals:
        signal.signal(each, end)


def take_turns(turn: Callable[[], None], every: float, trouble: str, rest_share: float = 0) -> NoReturn:
    """Takes turns until SIGINT or SIGTERM, which ends one that is going on too; a turn that fails is soon taken again.

    Args:
        turn: one of them.
        every: seconds between two.
        trouble: what is logged, with the reason, where one fails.
        rest_share: rests at least so many times what the turn took.
    """
    log_to_stderr()
    end_when_told(0, signal.SIGINT, signal.SIGTERM)
    while True:
        began = time.monotonic()
        try:
            turn()
            rest = max(every, rest_share * (time.monotonic() - began))
        except WorkFailedError as error:
            logging.getLogger(__name__).warning("%s, which is tried again: %s", trouble, error)
            rest = min(every, _SOON_SECONDS)
        time.sleep(rest)
