"""The administrator's part of the API: accounts with their permissions, and the provisioning document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from kemi.accounts.document import DocumentInvalid
from kemi.accounts.model import Provisioning
from kemi.accounts.wire import decode, encode
from kemi.web import documents
from kemi.web.access import ADMIN_API, Visitor, refusal
from kemi.web.api import REFUSED
from kemi.web.console import Console, administrator, console_of
from kemi.web.schemes import OFFERED
from kemi.web.shapes import AccountShape, Checked, FaultShape, Refused

Admin = Annotated[Visitor, Depends(administrator)]
YAML: dict[str, Any] = {"content": {"application/yaml": {}}}
DOCUMENT_BYTES_MOST = 64 << 20

router = APIRouter(prefix=ADMIN_API, tags=["administrator"], responses=REFUSED, dependencies=OFFERED)


@router.get("/accounts")
async def accounts(
    request: Request, _visitor: Admin, domain: Annotated[str, Query(max_length=255)]
) -> list[AccountShape]:
    """Every account of a domain, with its permission."""
    directory = console_of(request).in_force.directory
    if directory.settings(domain) is None:
        raise refusal(404, "No Such Domain", f"{domain} is not served here")
    return [
        AccountShape(
            number=account.number,
            name=account.name,
            kind=account.kind.value,
            monitored_by=sorted(account.permission.monitored_by),
            monitored_without_pickup=sorted(account.permission.monitored_without_pickup),
            may_pick_up=False,
        )
        for account in directory.accounts(domain)
    ]


@router.get("/document", response_class=PlainTextResponse, responses={200: YAML})
async def document(request: Request, _visitor: Admin) -> PlainTextResponse:
    """The document in force, in YAML; its version is the ETag. HA1s are not shown: `ha1: (kept)` keeps each."""
    version, provisioning = await in_force(console_of(request))
    text = documents.shown(provisioning)
    return PlainTextResponse(text, media_type="application/yaml", headers={"ETag": f'"{version}"'})


@router.post("/check", openapi_extra={"requestBody": YAML}, response_model=Checked)
async def check(request: Request, _visitor: Admin) -> Checked:
    """Validate a document, as `star87 check` does; changes nothing."""
    console = console_of(request)
    _, before = await in_force(console)
    try:
        return _checked(documents.read(await _text(request), before))
    except DocumentInvalid as invalid:
        return _faulty(invalid)


@router.put(
    "/document",
    openapi_extra={"requestBody": YAML},
    response_model=Checked,
    responses={
        412: {"model": Refused, "description": "Another document has come into force meanwhile"},
        422: {"model": Checked, "description": "The document has faults; nothing was changed"},
    },
)
async def apply(
    request: Request,
    _visitor: Admin,
    if_match: Annotated[str, Header(description="The version that was changed; other than that it is refused.")] = "",
) -> Checked | JSONResponse:
    """Bring a document into force, whole, as `star87 apply` does. A document with any fault changes nothing."""
    console = console_of(request)
    text = await _text(request)
    version, before = await in_force(console)
    if if_match and if_match.strip('" ') != str(version):
        raise refusal(
            412, "Precondition Failed", f"version {version} has come into force meanwhile; nothing was changed"
        )
    try:
        provisioning = documents.read(text, before)
    except DocumentInvalid as invalid:
        return JSONResponse(_faulty(invalid).model_dump(), 422)
    encoded = encode(provisioning)
    version = await console.asking(lambda store: store.provisioning.publish(encoded))
    await console.in_force.refresh()
    return _checked(provisioning).model_copy(update={"version": version})


async def in_force(console: Console) -> tuple[int, Provisioning]:
    """Version and document; an empty one where there is none yet."""
    version, encoded = await console.asking(lambda store: store.provisioning.fetch())
    return version, decode(encoded) if encoded else Provisioning(())


async def _text(request: Request) -> str:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > DOCUMENT_BYTES_MOST:
            raise refusal(413, "Content Too Large", "use star87 apply")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refusal(400, "Bad Request", "the document is not UTF-8") from None


def _checked(provisioning: Provisioning) -> Checked:
    return Checked(valid=True, faults=[], **_counts(provisioning))


def _faulty(invalid: DocumentInvalid) -> Checked:
    return Checked(valid=False, faults=[FaultShape(path=one.path, message=one.message) for one in invalid.faults])


def _counts(provisioning: Provisioning) -> dict[str, Any]:
    return {
        "domains": len(provisioning.domains),
        "accounts": sum(len(domain.accounts) for domain in provisioning.domains),
        "trunks": len(provisioning.trunks),
    }
