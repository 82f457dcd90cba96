"""Who asks: a token in the Authorization header, or a session that was opened with one in the browser."""

import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from monitoring.hub.allowance import Allowance, allowance_from
from monitoring.hub.problems import Refusal
from monitoring.hub.tokens import Token, TokensError, digest_of, read_tokens

log = logging.getLogger(__name__)

_LONGEST_TOKEN = 200
SESSION_SECONDS = 8 * 60 * 60
_MOST_SESSIONS = 1_000
WHO = {"WWW-Authenticate": 'Bearer realm="nccid hub"'}


@dataclass
class TokenFile:
    """The tokens that are good now: the file is looked at each time, and read when it has changed."""

    path: Path
    _seen: tuple[int, int, int] | None = None
    _tokens: dict[str, Token] = field(default_factory=dict)

    def of(self, digest: str) -> Token | None:
        """The token of this digest, if it is good."""
        self._look()
        return self._tokens.get(digest)

    def _look(self) -> None:
        """A file that cannot be read lets nobody in, and says so once."""
        try:
            found = self.path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            seen = (0, 0, 0)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._tokens = {token.digest: token for token in read_tokens(self.path)}
        except (TokensError, OSError) as error:
            self._tokens = {}
            log.error("nobody is let in: %s", error)  # noqa: TRY400  # the words say it all


@dataclass
class Access:
    """Lets in, or not. Those who guess are made to wait, by the address that they come from."""

    tokens: TokenFile
    asking: Allowance = field(default_factory=lambda: allowance_from({}))
    guessing: Allowance = field(default_factory=lambda: Allowance(per_second=0.2, burst=20))
    clock: Callable[[], float] = time.time
    _sessions: dict[str, tuple[str, float]] = field(default_factory=dict)  # digest of the session -> of its token, until

    def by_header(self, header: str | None, peer: str) -> Token:
        """The token in an Authorization header.

        Raises:
            Refusal: 401 for none, or one that is not good; 429 for asking too often.
        """
        scheme, _, given = (header or "").strip().partition(" ")
        return self._let_in(given.strip() if scheme.lower() == "bearer" else "", peer)

    def by_form(self, given: str, peer: str) -> str:
        """Opens a session with a token that somebody typed; answers its secret, for the cookie.

        Raises:
            Refusal: as ``by_header``.
        """
        token = self._let_in(given.strip(), peer)
        now = self.clock()
        self._sessions = {key: value for key, value in self._sessions.items() if value[1] > now}
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        secret = secrets.token_urlsafe(32)
        self._sessions[digest_of(secret)] = (token.digest, now + SESSION_SECONDS)
        return secret

    def by_session(self, secret: str) -> Token | None:
        """The token with which a session was opened, if both are still good."""
        digest, until = self._sessions.get(digest_of(secret), ("", 0.0))
        return self.tokens.of(digest) if until > self.clock() else None

    def end_session(self, secret: str) -> None:
        """Ends a session."""
        self._sessions.pop(digest_of(secret), None)

    def still_good(self, token: Token) -> bool:
        """Whether a token that was let in would be let in again."""
        return self.tokens.of(token.digest) is not None

    def _let_in(self, given: str, peer: str) -> Token:
        if self.guessing.spent(peer):
            raise Refusal(429, headers={"Retry-After": "60"})
        token = self.tokens.of(digest_of(given)) if 0 < len(given) <= _LONGEST_TOKEN else None
        if token is None:
            self.guessing.wait(peer)
            raise Refusal(401, headers=WHO)
        if seconds := self.asking.wait(token.id):
            raise Refusal(429, headers={"Retry-After": str(math.ceil(seconds))})
        return token
