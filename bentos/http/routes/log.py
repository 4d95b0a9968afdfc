"""GET /recent_log: the caller's own calls."""

from collections.abc import AsyncIterator

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from bentos.http import schemas
from bentos.http.context import caller_of, service_of
from bentos.http.openapi import errors
from bentos.store import SHADOW, Call, timeuuid

CHUNK = 64 * 1024  # bytes of JSON sent at once

router = APIRouter(tags=["log"])


@router.get(
    "/recent_log",
    summary="Your calls of this hour, oldest first",
    response_model=list[schemas.LoggedCall],
    responses=errors(503),
)
async def recent_log(request: Request) -> Response:
    this_hour = timeuuid.hour(timeuuid.now())  # the clock that the calls were logged by
    every = service_of(request).store.calls(caller_of(request), this_hour)
    calls = (call async for call in every if call.source != SHADOW)
    first = await anext(calls, None)  # before the answer begins, so that a store that is down is answered with 503
    return StreamingResponse(_json_array(first, calls), media_type="application/json")


async def _json_array(first: Call | None, rest: AsyncIterator[Call]) -> AsyncIterator[bytes]:
    """The calls as a JSON array. If the store fails midway the transfer breaks off, so the client sees the failure."""
    if first is None:
        yield b"[]"
        return
    buffer = bytearray(b"[" + _row(0, first))
    index = 1
    async for call in rest:
        buffer += b"," + _row(index, call)
        index += 1
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer) + b"]"


def _row(index: int, call: Call) -> bytes:
    """A call in the shape of `schemas.LoggedCall`."""
    return orjson.dumps(
        {
            "index": index,
            "id": call.called_at,
            "input": call.input,
            "called_at": timeuuid.moment(call.called_at).isoformat(timespec="microseconds"),
            "model_version": call.model_version.partition("-")[0],  # the number, without the digest
            "result": call.result,
            "from_cache": call.from_cache,
            "probability": call.probability,
            "source": call.source,
        }
    )
