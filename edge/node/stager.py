"""What receivers and watcher have in common: a de-identified image is staged, handed in, and something comes of it."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from edge.deidentify.deidentify import Answer as Found
from edge.deidentify.deidentify import Deidentified, Deidentifier
from edge.node.desk import Desk, WriterGoneError
from edge.node.settings import NodeSettings
from edge.node.verdicts import NO_ROOM, OPTED_OUT, TROUBLE, Answer, Verdict, answer_to
from edge.store.folder import Staging, Store, StoreError, StoreFullError
from edge.store.intake import Taken, stage
from identity.pseudonyms import Pseudonymiser
from schemas.records import Origin
from schemas.sites import Site

_log = logging.getLogger(__name__)

_ANSWERS = {Taken.STORED: Answer(Verdict.STORED), Taken.RESENT: Answer(Verdict.RESENT), Taken.WITHDRAWN: OPTED_OUT, None: TROUBLE}


@dataclass(frozen=True, slots=True)
class Kit:
    """What the processes that stage work with."""

    settings: NodeSettings
    store: Store
    staging: Staging
    pseudonymiser: Pseudonymiser
    callers: Mapping[str, Site]  # by AE title
    sites: Mapping[str, Site]  # by code


@dataclass(slots=True)
class Brought:
    """An image on its way: its answer, at once or later."""

    _answer: "Answer | Future[Taken | None]"

    def answer(self) -> Answer:
        """What came of it; waits for it."""
        if isinstance(self._answer, Answer):
            return self._answer
        try:
            return _ANSWERS[self._answer.result()]
        except WriterGoneError:
            return TROUBLE


@dataclass(slots=True)
class Stager:
    """De-identifies, stages and hands in, through one door."""

    kit: Kit
    desk: Desk
    origin: Origin
    _deidentifiers: dict[str, Deidentifier] = field(default_factory=dict)

    def deidentifier(self, site: Site) -> Deidentifier:
        """The site's de-identifier."""
        if site.code not in self._deidentifiers:
            self._deidentifiers[site.code] = Deidentifier(site, self.kit.pseudonymiser)
        return self._deidentifiers[site.code]

    def has_room(self, octets: int) -> bool:
        """Whether so much may be written."""
        return self.kit.store.free() - octets >= self.kit.settings.free_bytes

    def bring(self, site: Site, found: Found) -> Brought:
        """Takes what the de-identifier has found where it has to go."""
        if not isinstance(found, Deidentified):
            return Brought(answer_to(found))
        try:
            return Brought(self.desk.hand_in(site.code, self.origin, stage(found, self.kit.staging)))
        except StoreFullError:
            return Brought(NO_ROOM)
        except StoreError as error:
            _log.error("%s", error)
            return Brought(TROUBLE)
        except WriterGoneError:
            return Brought(TROUBLE)
