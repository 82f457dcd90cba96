"""What is seen of a case's studies, in one pass: how many of which kind, when images came that complete it, and what is odd."""

import datetime as dt
from collections.abc import Collection

import msgspec

from agents.window import Window
from schemas.coverage import Counts, Images, StudyFacts
from schemas.rules import Modalities


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the studies of a case come to."""

    images: Images = Images()
    complete_at: dt.datetime | None = None  # when the first images came that complete a case
    has_outside: bool = False
    has_unsettled: bool = False
    has_several_ids: bool = False  # several PatientIDs in one study
    has_undated: bool = False


_NOTHING = Seen()


def seen(studies: Collection[StudyFacts], inside: Window, modalities: Modalities) -> Seen:
    """Looks at each study once; a study counts under each kind that it holds."""
    if not studies:
        return _NOTHING
    counts: dict[str, list[int]] = {}
    complete = []
    outside = unsettled = several_ids = undated = False
    for study in studies:
        is_inside = inside.holds(study.study_date)
        kinds = {modalities.kind(modality) for modality in study.instances}
        for kind in kinds:
            counts.setdefault(kind, [0, 0])[not is_inside] += 1
        if is_inside and not kinds.isdisjoint(modalities.complete):
            complete.append(study.first_received_at)
        outside = outside or (not is_inside and bool(kinds))
        unsettled = unsettled or not study.settled
        several_ids = several_ids or study.patient_ids > 1
        undated = undated or study.study_date is None
    return Seen(
        images=Images(**{kind: Counts(in_window=pair[0], out_of_window=pair[1]) for kind, pair in counts.items()}),
        complete_at=min(complete) if complete else None,
        has_outside=outside,
        has_unsettled=unsettled,
        has_several_ids=several_ids,
        has_undated=undated,
    )
