"""Routes that read an ordinary JSON body without FastAPI's general machinery, which takes longer than the cache."""

from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

JSON = b"application/json"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class DirectRoute(APIRoute):
    """A route whose endpoint takes `request`, `body`, the parameters of its path and perhaps `query`, gives a Response.

    A call with a valid JSON body and without a query is passed to the endpoint at once, `query` being None. FastAPI
    handles all others: it has the words for what is wrong with them.
    """

    def get_route_handler(self) -> Handler:
        checked, endpoint = super().get_route_handler(), self.endpoint
        parameters = signature(endpoint).parameters
        if "body" not in parameters:
            return checked
        model: type[BaseModel] = parameters["body"].annotation
        no_query = {"query": None} if "query" in parameters else {}

        async def handle(request: Request) -> Response:
            if request.scope["query_string"] or not _is_json(request):
                return await checked(request)
            try:
                body = model.model_validate_json(await request.body())
            except ValidationError:
                return await checked(request)
            return await endpoint(request=request, body=body, **no_query, **request.path_params)

        return handle


def _is_json(request: Request) -> bool:
    return any(name == b"content-type" and value == JSON for name, value in request.scope["headers"])
