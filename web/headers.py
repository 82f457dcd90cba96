"""The headers of every answer: no foreign content, no frame around it, nothing kept, nothing told to other hosts."""

from litestar.types import Message, Scope

HEADERS = {
    # No 'unsafe-inline' anywhere: pages hold neither scripts nor styles of their own.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",  # but for what says otherwise itself: the assets
}
TLS_HEADERS = {"strict-transport-security": "max-age=31536000"}
_RAW, _RAW_TLS = ([(name.encode(), value.encode()) for name, value in each.items()] for each in (HEADERS, TLS_HEADERS))


async def add_headers(message: Message, scope: Scope) -> None:
    """Litestar's ``before_send``: adds them to each answer, also to that of an error; what an answer has set itself stays."""
    if message["type"] != "http.response.start":
        return
    given = {name.lower() for name, _ in message["headers"]}
    wanted = _RAW + (_RAW_TLS if scope["scheme"] == "https" else [])
    message["headers"] = [*message["headers"], *(pair for pair in wanted if pair[0] not in given)]
