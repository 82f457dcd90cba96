"""Asks the hub, with the site's token: pseudonyms go, statuses come. What the hub cannot answer is said, never guessed."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from edge.portal.hub_answers import Alerts, SiteCounts, SiteKnown, Sites, Statuses, Unclaimed, View
from schemas.alerts import Alert
from schemas.coverage import CasesReconciled
from schemas.home import Home
from schemas.problems import WorkFailedError

MOST = 1_000
"""Pseudonyms in one question (the hub's own limit)."""

_SECONDS = 10.0
_AWAY = "The national service does not answer at the moment. Try again in a few minutes; nothing is lost."
_WORDS = {
    401: "The national service does not accept this portal's key. Tell whoever runs the portal: nccid tokens add.",
    403: "The national service does not let this portal see this site. Tell whoever runs the portal: nccid tokens add.",
    429: "The national service is busy. Try again in a minute.",
    503: "The national service is starting and does not know everything yet. Try again in a minute.",
}

Answer = TypeVar("Answer")


class HubAwayError(WorkFailedError):
    """The hub did not answer; says what to do. Holds nothing of what was asked."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where the tokens are with which this portal asks: by site, or one for all from a file of its own."""

    home: Home
    file: Path | None = None

    def of(self, site: str) -> str:
        """The token of a site; read each time, so that a new one needs no restart.

        Raises:
            HubAwayError: there is none.
        """
        try:
            if self.file is not None:
                return self.file.read_text(encoding="utf-8").strip()
            return msgspec.json.decode(self.home.hub_access.read_bytes(), type=dict[str, str])[site]
        except (OSError, KeyError, UnicodeDecodeError, msgspec.DecodeError):
            raise HubAwayError(
                f"This portal has no key to ask for the patients of {site}. Tell whoever runs it: nccid tokens add."
            ) from None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], home: Home) -> "Tokens":
        """From the file that the environment names, else from the home."""
        named = environment.get("NCCID_HUB_TOKEN_FILE")
        return cls(home, Path(named) if named else None)


def client_of(url: str, authority: Path | None = None) -> httpx.Client:
    """A client for the hub at this address.

    Args:
        url: where it is.
        authority: a PEM file with the authority that signed its certificate, else the usual ones.
    """
    trusted = ssl.create_default_context(cafile=authority) if authority else True
    return httpx.Client(base_url=url, timeout=_SECONDS, trust_env=False, verify=trusted)


class Hub:
    """The hub as the portal asks it; one connection pool for all threads."""

    def __init__(self, tokens: Tokens, client: httpx.Client | None) -> None:
        """Asks nothing yet.

        Args:
            tokens: what to show the hub.
            client: leads to the hub; None = nobody has said where it is.
        """
        self._tokens = tokens
        self._client = client

    def statuses(self, site: str, *, patients: Sequence[str] = (), persons: Sequence[str] = ()) -> Statuses:
        """What is known of these pseudonyms, however many.

        Raises:
            HubAwayError: the hub does not answer as it should.
        """
        found, view = Statuses(), View()
        asked = [("patients", each) for each in patients] + [("persons", each) for each in persons]
        for start in range(0, len(asked), MOST):
            piece = asked[start : start + MOST]
            body = {name: [each for kind, each in piece if kind == name] for name in ("patients", "persons")}
            part = self._ask(site, "POST", "/v1/status", Statuses, json=body)
            found.patients.update(part.patients)
            found.persons.update(part.persons)
            view = view if not view.complete else part.view
        return msgspec.structs.replace(found, view=view)

    def coverage(self, site: str) -> SiteKnown:
        """The coverage of the site, all zero while nothing has arrived.

        Raises:
            HubAwayError: the hub does not answer as it should.
        """
        found = self._ask(site, "GET", "/v1/sites", Sites)
        oldest = {state: ages.oldest for state, ages in found.ages.get(site, {}).items()}
        return SiteKnown(found.sites.get(site, SiteCounts()), oldest, found.view)

    def alerts(self, site: str) -> list[Alert]:
        """What somebody at the site has to do.

        Raises:
            HubAwayError: the hub does not answer as it should.
        """
        found = self._ask(site, "GET", "/v1/alerts", Alerts, params={"site": site, "state": "open"}).alerts
        return [alert for alert in found if alert.site == site]

    def unclaimed(self, site: str) -> list[CasesReconciled]:
        """The site's cases that have studies and no row.

        Raises:
            HubAwayError: the hub does not answer as it should.
        """
        return self._ask(site, "GET", "/v1/unclaimed", Unclaimed, params={"site": site}).matches

    def _ask(self, site: str, method: str, path: str, form: type[Answer], **what: Any) -> Answer:  # noqa: ANN401  # as httpx
        if self._client is None:
            raise HubAwayError("This portal was not told where the hub is. Tell whoever runs it: NCCID_HUB_URL.")
        headers = {"Authorization": f"Bearer {self._tokens.of(site)}"}
        try:
            answer = self._client.request(method, path, headers=headers, **what)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=form)
        except httpx.HTTPStatusError as error:
            raise HubAwayError(_WORDS.get(error.response.status_code, _AWAY)) from None
        except (httpx.HTTPError, msgspec.DecodeError):
            raise HubAwayError(_AWAY) from None

    def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            self._client.close()
