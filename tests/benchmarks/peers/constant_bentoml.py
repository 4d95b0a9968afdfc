"""The constant behind BentoML, mounted as BentoML's documentation mounts a FastAPI application.

A method with `@bentoml.api` answers a fifth of this: this is the higher floor.
"""

import bentoml

from tests.benchmarks.peers.constant import app


@bentoml.asgi_app(app, path="/")
@bentoml.service
class Constant:
    pass
