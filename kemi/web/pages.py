"""The pages: signing in and out, the attendant's console, the administrator's view, and what the API can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from kemi.web import documents
from kemi.web.access import Visitor, cookie_name, refusal
from kemi.web.admin_api import in_force
from kemi.web.console import console_of
from kemi.web.matrix import matrix_of
from kemi.web.sessions import SESSION_S

FORM_BYTES_MOST = 4096
router = APIRouter(include_in_schema=False)
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    return HTMLResponse(templates.get_template(template).render(**values), status)


@router.get("/")
async def home(request: Request) -> Response:
    visitor = _visitor(request)
    if visitor is None:
        return RedirectResponse("/sign-in", 303)
    if visitor.user is None:
        return RedirectResponse("/admin", 303)
    sight = console_of(request).sight(visitor)
    account = sight.directory.account(sight.viewer.domain, sight.viewer.number)
    return page(
        "console.html",
        csrf=visitor.csrf,
        who=f"{sight.viewer}",
        name=account.name if account else "",
        number=sight.viewer.number,
        domain=sight.viewer.domain,
        accounts=sight.accounts(),
    )


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    if _visitor(request) is not None:
        return RedirectResponse("/", 303)
    return page("sign_in.html", error="", name="")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    name, password = await _form(request)
    access = console_of(request).access
    try:
        visitor = access.prove(request, name, password)
    except HTTPException as error:
        detail: Any = error.detail
        answer = page("sign_in.html", error.status_code, error=detail["message"], name=name)
        if error.headers and "Retry-After" in error.headers:
            answer.headers["Retry-After"] = error.headers["Retry-After"]
        return answer
    response = RedirectResponse("/", 303)
    response.set_cookie(
        cookie_name(request),
        access.sessions.begin(visitor.user, visitor.proof),
        max_age=SESSION_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """By a script of the page, with its token."""
    console_of(request).access.visitor(request)
    console_of(request).access.sessions.end(request.cookies.get(cookie_name(request), ""))
    response = Response(status_code=204)
    response.delete_cookie(
        cookie_name(request), path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    return response


@router.get("/admin")
async def admin(
    request: Request,
    domain: Annotated[str, Query(max_length=255)] = "",
    account: Annotated[str, Query(max_length=64)] = "",
    picker: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Who may pick up from whom, and the document."""
    console, visitor = console_of(request), _visitor(request)
    if not console.access.has_admin:
        raise refusal(404, "Not Found", "there is no administrator's view: no password is set")
    if visitor is None or visitor.user is not None:
        return RedirectResponse("/sign-in" if visitor is None else "/", 303)
    directory = console.in_force.directory
    domains = directory.domains()
    chosen = domain if domain in domains else next(iter(domains), "")
    version, provisioning = await in_force(console)
    return page(
        "admin.html",
        csrf=visitor.csrf,
        who="administrator",
        domains=domains,
        domain=chosen,
        account=account,
        picker=picker,
        matrix=matrix_of(directory, chosen, account, picker),
        version=version,
        document=documents.shown(provisioning),
    )


@router.get("/api")
async def about_api(request: Request) -> Response:
    """The API in short; /api/openapi.json is for programs."""
    schema = request.app.openapi()
    operations = [
        {"method": method.upper(), "path": path, "tag": operation["tags"][0], "text": operation["description"]}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return page("api.html", operations=operations)


def _visitor(request: Request) -> Visitor | None:
    """Who looks at a page, by session only."""
    if "Authorization" in request.headers:
        return None
    return console_of(request).access.visitor(request)


async def _form(request: Request) -> tuple[str, str]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MOST:
            raise refusal(413, "Content Too Large", "this is no form of ours")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return fields.get("name", [""])[0], fields.get("password", [""])[0]
