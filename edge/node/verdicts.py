"""What came of an object, as it is counted, and as its sender is told: a status of DICOM and a comment in plain words."""

from dataclasses import dataclass
from enum import StrEnum

from edge.deidentify.deidentify import Held
from edge.images.headers import Excluded, Unusable


class Verdict(StrEnum):
    """What came of an object. The names are labels of metrics."""

    STORED = "stored"
    RESENT = "resent"  # it was in the store already; success
    EXCLUDED = "excluded"  # not an image that belongs; left out on purpose
    FAILED = "failed"  # something the sender has to put right
    HELD = "held"  # it may show in its pixels who the patient is
    WITHDRAWN = "withdrawn"  # its patient has opted out
    REFUSED = "refused"  # we could not: no room, too long, trouble of our own. Worth sending again


SUCCESS = 0x0000
_COMMENT = 64  # characters of LO, PS3.5 section 6.2

_STATUS = {  # PS3.7 annex C, PS3.4 table B.2-1
    Verdict.STORED: SUCCESS,
    Verdict.RESENT: SUCCESS,
    Verdict.EXCLUDED: 0x0122,  # refused: SOP class not supported
    Verdict.FAILED: 0xC000,  # cannot understand
    Verdict.HELD: 0xC001,
    Verdict.WITHDRAWN: 0x0124,  # refused: not authorised
    Verdict.REFUSED: 0xA700,  # refused: out of resources
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an object, and why. No words carry a value of it."""

    verdict: Verdict
    problem: str = ""
    status: int | None = None

    def told(self) -> tuple[int, str]:
        """Status and comment of the response to a C-STORE."""
        return _STATUS[self.verdict] if self.status is None else self.status, comment(self.problem)


NOT_BELONGING = Answer(Verdict.EXCLUDED, "only CR, DX, CT and MR images are collected")
OPTED_OUT = Answer(Verdict.WITHDRAWN, "the patient has opted out: dropped, do not send again")
TOO_LONG = Answer(Verdict.REFUSED, "larger than this node takes; see NCCID_NODE_OBJECT_BYTES")
NO_ROOM = Answer(Verdict.REFUSED, "the disk is full; send again when there is room")
TROUBLE = Answer(Verdict.REFUSED, "it could not be stored; send again, or ask the operator")
INCOMPLETE = Answer(Verdict.FAILED, "the request lacks a class, an instance or a data set")
OTHER_OBJECT = Answer(Verdict.FAILED, "the object is not the one that the request names", 0xA900)


def answer_to(outcome: Excluded | Unusable | Held) -> Answer:
    """The answer to an object that is not taken."""
    match outcome:
        case Excluded(problem):
            return Answer(Verdict.EXCLUDED, problem, 0xC122)  # of a class that belongs, and no image all the same
        case Held(problem):
            return Answer(Verdict.HELD, problem)
        case Unusable(problem):
            return Answer(Verdict.FAILED, problem)


def comment(problem: str) -> str:
    """The beginning of what is wrong, cut where a clause ends or between words."""
    plain = problem.encode("ascii", "replace").decode().replace("\\", "/")
    if len(plain) <= _COMMENT:
        return plain
    cut = plain[: _COMMENT + 1]
    clause = max(cut.rfind(mark) for mark in ";:,")
    return cut[: clause if clause > _COMMENT // 3 else cut.rfind(" ")]
