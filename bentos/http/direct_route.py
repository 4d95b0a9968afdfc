"""Routes that read an ordinary JSON body without FastAPI's general machinery, which takes longer than the cache."""

from inspect import signature
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = (b"content-type", b"application/json")


class DirectRoute(APIRoute):
    """A route whose endpoint takes `request`, `body`, the parameters of its path and perhaps `query`, gives a Response.

    A call with a valid JSON body and without a query is passed to the endpoint at once, `query` being None. FastAPI
    handles all others: it has the words for what is wrong with them. Such an endpoint can have no dependencies.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parameters = signature(self.endpoint).parameters
        if "body" in parameters:
            no_query = {"query": None} if "query" in parameters else {}
            self.app = self._direct(self.app, parameters["body"].annotation, no_query)

    def _direct(self, checked: ASGIApp, model: type[BaseModel], no_query: dict[str, None]) -> ASGIApp:
        endpoint = self.endpoint

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["query_string"] or JSON not in scope["headers"]:
                return await checked(scope, receive, send)
            request = Request(scope, receive, send)
            content = await request.body()
            try:
                body = model.model_validate_json(content)
            except ValidationError:
                return await checked(scope, _again(content, receive), send)
            response = await endpoint(request=request, body=body, **no_query, **request.path_params)
            await response(scope, receive, send)

        return app


def _again(content: bytes, receive: Receive) -> Receive:
    """Receives the body, which has been read, a second time."""
    first: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again
