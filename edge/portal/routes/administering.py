"""For a site's administrators: its accounts, and who did what."""

from typing import Any

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Template

from edge.portal import passwords
from edge.portal.accounts import Account, AccountError, folded
from edge.portal.diary import Act
from edge.portal.frame import PortalRequest, ThePortal, page
from edge.portal.guards import administrator, logged_in
from edge.portal.limits import BY_NAME
from edge.portal.parts import Portal
from edge.portal.routes.entrance import Form
from edge.portal.times import moment

_GUARDS = [logged_in, administrator]


@get("/accounts", guards=_GUARDS, sync_to_thread=False)
def accounts_page(request: PortalRequest, portal: ThePortal) -> Template:
    """The accounts of the site, and its audit log."""
    return _page(request, portal)


@post("/accounts", guards=_GUARDS, sync_to_thread=True)
def change_account(request: PortalRequest, portal: ThePortal, data: Form) -> Template:
    """Adds an account, disables or enables one, or gives it another password, which is shown once."""
    own = _own(request)
    name = data.get("username", "")
    try:
        match data.get("act"):
            case "add":
                password = passwords.made_up()
                portal.accounts.add(name, own.site, password)
                return _done(request, portal, "added an account", name, password)
            case "reset":
                password = passwords.made_up()
                portal.accounts.set_password(_other(portal, own, name), password, must_change=True)
                portal.attempts.forget(BY_NAME, folded(name))
                return _done(request, portal, "reset a password", name, password)
            case "disable" | "enable" as act:
                portal.accounts.set_disabled(_other(portal, own, name), disabled=act == "disable")
                return _done(request, portal, f"{act}d an account", name)  # type: ignore[arg-type]  # one of the two
            case _:
                raise NotFoundException
    except AccountError as error:
        return _page(request, portal, 422, problem=str(error))


def _other(portal: Portal, own: Account, name: str) -> Account:
    """Another account of the same site: nobody locks themselves out, or reaches into another site."""
    account = portal.accounts.known(name)
    if account.site != own.site:
        raise AccountError(f"there is no account {account.name!r}")
    if account.name == own.name:
        raise AccountError("this is your own account; for another password there is Change Password")
    return account


def _done(request: PortalRequest, portal: Portal, act: Act, name: str, password: str = "") -> Template:
    portal.diary.note(_own(request), act, of=folded(name))
    return _page(request, portal, done=act, whose=folded(name), password=password)


def _own(request: PortalRequest) -> Account:
    return request.auth.account  # type: ignore[union-attr]  # the guards have seen to it


def _page(request: PortalRequest, portal: Portal, status: int = 200, **context: Any) -> Template:  # noqa: ANN401  # as templates take it
    site = _own(request).site
    context |= {"accounts": portal.accounts.of_site(site), "entries": portal.diary.latest(site), "moment": moment}
    return page(request, portal, "accounts.html", status, **context)


HANDLERS = (accounts_page, change_account)
