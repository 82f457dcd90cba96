"""In and out: login, logout, another password."""

from litestar import get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from edge.portal.accounts import Account, AccountError
from edge.portal.frame import PortalRequest, ThePortal, no_cookies, page, secret_of, session_cookie, visit
from edge.portal.guards import logged_in
from edge.portal.limits import BY_ADDRESS, BY_NAME
from edge.portal.parts import Portal

Form = URLEncodedBody[dict[str, str]]
WRONG = "The user name or the password is wrong. Type both again; capital letters count in the password."
_LONGEST_NAME = 200


@get("/login", sync_to_thread=False)
def login_page(request: PortalRequest, portal: ThePortal, ended: FromQuery[bool] = False) -> Template | Redirect:  # noqa: FBT002  # of the address
    """The way in. ``ended``: a session was there and has run out."""
    return Redirect("/") if request.auth else _login(request, portal, ended=ended)


@post("/login", sync_to_thread=True)
def login(request: PortalRequest, portal: ThePortal, data: Form) -> Template | Redirect:
    """Begins a session, or says no: in the same words, and after the same time, whichever of the two was wrong."""
    name, password = data.get("username", "").strip()[:_LONGEST_NAME], data.get("password", "")
    address = request.client.host if request.client else ""
    if wait := max(portal.attempts.wait(BY_NAME, name.casefold()), portal.attempts.wait(BY_ADDRESS, address)):
        portal.counts.login_failed("waiting")
        return _login(request, portal, 429, wrong=_too_many(wait))
    account = portal.accounts.verified(name, password)
    if account is None:
        portal.attempts.add(BY_NAME, name.casefold())
        portal.attempts.add(BY_ADDRESS, address)
        portal.counts.login_failed("wrong")
        _note_refusal(portal, name)
        return _login(request, portal, 401, wrong=WRONG)
    portal.attempts.forget(BY_NAME, name.casefold())
    return _begin(request, portal, account)


@post("/logout", guards=[logged_in], status_code=303, sync_to_thread=False)
def logout(request: PortalRequest, portal: ThePortal) -> Redirect:
    """Ends the session; its cookie is worth nothing any more, and no file of it stays."""
    if request.auth is not None:
        portal.jobs.forget_files(request.auth.key)
        portal.sessions.end(request.auth.secret)
        portal.diary.note(request.auth.account, "logged out")
    return Redirect("/", status_code=303, cookies=no_cookies(request))


@get("/password", guards=[logged_in], sync_to_thread=False)
def password_page(request: PortalRequest, portal: ThePortal, changed: FromQuery[bool] = False) -> Template:  # noqa: FBT002  # of the address
    """Change Password."""
    return page(request, portal, "password.html", changed=changed)


@post("/password", guards=[logged_in], sync_to_thread=True)
def change_password(request: PortalRequest, portal: ThePortal, data: Form) -> Template | Redirect:
    """Another password, for who knows the present one. All sessions end, and this browser gets a new one."""
    account = request.auth.account  # type: ignore[union-attr]  # the guard has seen to it
    if wait := portal.attempts.wait(BY_NAME, account.name):
        return page(request, portal, "password.html", 429, wrong={"current": _too_many(wait)})
    if portal.accounts.verified(account.name, data.get("current", "")) is None:
        portal.attempts.add(BY_NAME, account.name)
        return page(request, portal, "password.html", 422, wrong={"current": "This is not your present password"})
    if data.get("new") != data.get("again"):
        return page(request, portal, "password.html", 422, wrong={"again": "The two new passwords differ; type the same twice"})
    if data.get("new") == data.get("current"):
        return page(request, portal, "password.html", 422, wrong={"new": "The new password is the present one; choose another"})
    try:
        portal.accounts.set_password(account, data.get("new", ""), must_change=False)
    except AccountError as error:
        return page(request, portal, "password.html", 422, wrong={"new": str(error)})
    portal.diary.note(account, "changed the password")
    cookie = session_cookie(request, portal.sessions.begin(account))
    return Redirect("/password?changed=true", status_code=303, cookies=[cookie])


def _login(request: PortalRequest, portal: Portal, status: int = 200, *, wrong: str = "", ended: bool = False) -> Template:
    cookie, token = visit(request)
    shown = page(request, portal, "login.html", status, wrong=wrong, ended=ended, form_token=token)
    shown.cookies = [cookie]
    return shown


def _begin(request: PortalRequest, portal: Portal, account: Account) -> Redirect:
    """A new session, never one that the browser brought along."""
    if old := secret_of(request):
        portal.sessions.end(old)
    portal.accounts.logged_in(account)
    portal.diary.note(account, "logged in")
    cookies: list[Cookie] = [session_cookie(request, portal.sessions.begin(account))]
    return Redirect("/password" if account.must_change else "/", status_code=303, cookies=cookies)


def _note_refusal(portal: Portal, name: str) -> None:
    """In the audit log where there is such an account; what else was typed may be a password in the wrong field."""
    try:
        portal.diary.note(portal.accounts.known(name), "login refused")
    except AccountError:
        return


def _too_many(wait: int) -> str:
    minutes = max(1, -(-wait // 60))
    return (
        f"Too many attempts. Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then try again, or ask for a new password."
    )


HANDLERS = (login_page, login, logout, password_page, change_password)
