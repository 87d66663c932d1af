"""The dashboard's own addresses: signing in and out, and the PDF of a report.

Control makes and ends sessions; this page only carries the token into a cookie
that page scripts cannot read and other sites cannot send.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import doors
from dashboard.doors import Json
from dashboard.people import COOKIE

SESSION_S = 8 * 3600
LARGEST_FORM = 4_096
SEE_OTHER = 303


async def signin(request: Request) -> Response:
    """A one-time code signs in at once; otherwise the form, or who is signed in."""
    code = request.query_params.get("code")
    if code:
        return await _open_session({"code": code})
    me = await _me(request.cookies.get(COOKIE))
    return HTMLResponse(_account(me) if me else _form())


async def signin_form(request: Request) -> Response:
    """Name and password."""
    if not _from_here(request):
        return _refusal(403, "This form was sent by another site. Open /signin and try again.")
    if int(request.headers.get("content-length") or 0) > LARGEST_FORM:
        return _refusal(413, "The form is too long.")
    form = await request.form()
    return await _open_session(
        {"user": str(form.get("user", "")), "password": str(form.get("password", ""))}
    )


async def signout(request: Request) -> Response:
    """Ends the session in control, then forgets the cookie."""
    if not _from_here(request):
        return _refusal(403, "This form was sent by another site. Open /signin and try again.")
    token = request.cookies.get(COOKIE)
    answer = RedirectResponse("/", SEE_OTHER)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    if token:
        try:
            await run_in_threadpool(doors.control().call, "DELETE", "/v1/session", token=token)
        except doors.Refused:
            return answer
        except doors.Away as away:
            return _refusal(503, f"You are still signed in: {away}. Try again when it is back.")
    return answer


async def report(request: Request) -> Response:
    """The signed PDF, for people who are signed in."""
    if not await _me(request.cookies.get(COOKIE)):
        return _refusal(401, "Sign in to download reports.")
    name = request.path_params["report_id"]
    if not name.replace("-", "").replace("_", "").isalnum():
        return _refusal(404, "There is no such report.")
    try:
        pdf = await run_in_threadpool(doors.collector().call, "GET", f"/v1/reports/{name}/pdf")
    except doors.Refused as refused:
        return _refusal(refused.status, str(refused))
    except doors.Away as away:
        return _refusal(503, f"{away}. Try again when it is back.")
    headers = {"content-disposition": f'attachment; filename="watchkeeper-{name}.pdf"'}
    return Response(pdf.content, media_type="application/pdf", headers=headers)


ROUTES = [
    Route("/signin", signin, methods=["GET"]),
    Route("/signin", signin_form, methods=["POST"]),
    Route("/signout", signout, methods=["POST"]),
    Route("/reports/{report_id}.pdf", report, methods=["GET"]),
]


async def _open_session(body: Json) -> Response:
    try:
        answer = await run_in_threadpool(doors.control().call, "POST", "/v1/sessions", body=body)
    except doors.Refused as refused:
        return HTMLResponse(_form(str(refused)), status_code=refused.status)
    except doors.Away as away:
        return HTMLResponse(_form(f"Not signed in: {away}."), status_code=503)
    redirect = RedirectResponse("/", SEE_OTHER)
    redirect.set_cookie(
        COOKIE,
        answer.json()["token"],
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
    )
    return redirect


async def _me(token: str | None) -> Json | None:
    if not token:
        return None
    try:
        answer = await run_in_threadpool(doors.control().call, "GET", "/v1/me", token=token)
    except doors.DoorError:
        return None
    told: Json = answer.json()
    return told


def _from_here(request: Request) -> bool:
    """Whether a browser sent this form from our own pages."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _refusal(status: int, message: str) -> HTMLResponse:
    return HTMLResponse(
        _page(f"<p>{escape(message)}</p><p><a href='/signin'>Sign in</a></p>"), status
    )


def _form(complaint: str = "") -> str:
    told = f'<p role="alert">{escape(complaint)}</p>' if complaint else ""
    return _page(
        f"""{told}<form method="post" action="/signin">
<label>Name <input name="user" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required>
</label><button>Sign in</button></form>
<p class="quiet">The first start of Watchkeeper prints a sign-in link that works once.
Without signing in you can look, and change nothing. <a href="/">Back</a></p>"""
    )


def _account(me: Json) -> str:
    return _page(
        f"""<p>Signed in as <b>{escape(str(me["user"]))}</b>, {escape(str(me["role"]))}.</p>
<form method="post" action="/signout"><button>Sign out</button></form>
<p class="quiet"><a href="/">Back to the fleet</a></p>"""
    )


def _page(body: str) -> str:
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Sign in · Watchkeeper</title>
<meta name="viewport" content="width=device-width"><style>
@font-face {{ font-family: Inter; src: url(/app/static/inter.woff2); font-weight: 100 900 }}
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.5 Inter, sans-serif; display: grid; place-items: center; min-height: 90vh;
  margin: 0; background: light-dark(#F7F8FA, #0B0D11); color: light-dark(#0F131A, #E8EAEE) }}
main {{ width: 20rem; padding: 2rem; border: 1px solid light-dark(#DEE2E8, #2B303A);
  border-radius: 8px; background: light-dark(#FFF, #12151B) }}
h1 {{ font-size: 1.25rem; margin: 0 0 1rem }} label {{ display: block; margin: 0 0 .9rem }}
input {{ display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem .6rem;
  margin-top: .25rem; border: 1px solid light-dark(#8B8E97, #656D79); border-radius: 6px;
  background: light-dark(#FFF, #0E1015); color: inherit }}
button {{ font: inherit; font-weight: 600; padding: .5rem 1rem; border: 0; border-radius: 6px;
  background: light-dark(#1B66D6, #2A6DE0); color: #FFF; cursor: pointer }}
a {{ color: light-dark(#1259C3, #77AEFC) }} .quiet {{ color: light-dark(#5A5F69, #A7ADB9) }}
[role=alert] {{ color: light-dark(#980B0D, #FF9AA6); font-weight: 600 }}
</style><main><h1>Watchkeeper</h1>{body}</main></html>"""
