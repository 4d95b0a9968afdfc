"""The BentoML service: `bentoml serve` in the repository's root, or with a bento's tag anywhere.

BentoML supervises the process, binds the port and packs the bento; a FastAPI application answers every request. The
supervisor imports this module too, so what only a worker needs is imported where it starts.
"""

import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import bentoml
import click

from bentos.monitoring import logs
from bentos.reloading import reload_with_care
from bentos.settings import HOME, Settings, SettingsError, read_settings
from bentos.store import StoreError
from bentos.store.backends import store_name
from bentos.versions.following.supervisor import Keeper, make_folder

FOLDER = "BENTOS_FOLDER"  # tells a worker the folder that all processes of this service share
SUPERVISOR = "BENTOS_SUPERVISOR"  # and the process that it ends with
RETRY = 1.0  # seconds before a worker that cannot start any more, where others could, is started again
BAKED = Path(__file__).parents[1] / "baked"  # a bento's own versions; the repository has none

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # else BentoML reports each start to its makers
os.environ["FORWARDED_ALLOW_IPS"] = ""  # else uvicorn lets any local process choose its address
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # a folder that all services of a machine share, and empty

logger = logging.getLogger("bentos")


class DirectService(bentoml.Service):
    """A BentoML service whose HTTP requests go straight to an ASGI application.

    Mounted the usual way it answers a quarter of them a second: they pass BentoML's tracing, timeout and router first.
    """

    app: Any = None  # set when the worker has started

    def inject_config(self) -> None:
        """Set what BentoML must know. Not at import: there it has changed the working directory to the bento's own."""
        os.environ.setdefault(HOME, os.getcwd() if self.bento else self.working_dir)
        settings = _settings()
        self.config["http"] = {"port": settings.port}
        self.config["workers"] = settings.workers
        super().inject_config()

    def to_asgi(self, is_main: bool = True) -> Any:
        logs.configure(_settings())  # here a worker's BentoML has said nothing yet
        lifespan = super().to_asgi(is_main)

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            await (self.app if scope["type"] == "http" else lifespan)(scope, receive, send)

        return asgi


@bentoml.service(
    name="sms-spam",
    service_class=DirectService,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class SpamService:
    stopped: Callable[[], Awaitable[None]]

    @bentoml.on_deployment
    def check() -> None:
        """In the supervisor, before any worker: what cannot work ends the program here, in a sentence."""
        settings = _settings(_usable_settings)
        logs.configure(settings)
        _check_port(settings.port)
        if store_name(settings) == "sqlite":
            from bentos.store.sqlite.file import prepare

            try:
                prepare(settings.sqlite_path)
            except StoreError as error:
                sys.exit(f"error: {error}")
        folder = make_folder()
        os.environ |= {FOLDER: str(folder), SUPERVISOR: str(os.getpid())}
        follower = Keeper(folder)
        if not (settings.mock_model or BAKED.is_dir()):
            follower.start()  # takes as long as the worker's start: side by side
        reload_with_care(_usable_settings, follower.renew)

    @bentoml.on_startup
    async def start(self) -> None:
        """In the worker. The port is bound by now: early callers wait for this to end."""
        from bentos.process import worker

        settings = _settings()
        baked = BAKED if BAKED.is_dir() else None
        supervisor = int(os.environ[SUPERVISOR])
        place = worker.Place(Path(os.environ[FOLDER]), bentoml.server_context.worker_index, supervisor)
        try:
            app, self.stopped = await worker.start(settings, baked, place)
        except (StoreError, SettingsError) as error:
            logger.critical("this worker cannot start: %s", error)
            if not place.was_served:
                os.kill(supervisor, signal.SIGTERM)  # or the supervisor starts this worker again, for ever
            time.sleep(RETRY)
            os._exit(1)  # an exception here would end as two tracebacks of the web server
        place.note_served()
        self.bento_service.app = app
        gc.collect()
        gc.freeze()  # what is loaded now stays: collections need not walk through it

    @bentoml.on_shutdown
    async def stop(self) -> None:
        await self.stopped()


def _check_port(configured: int) -> None:
    """Say that the port is taken; BentoML would say it in a traceback."""
    command = click.get_current_context(silent=True)
    port = (command and command.params.get("port")) or configured
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            sys.exit(f"error: cannot listen on port {port}: {error.strerror}; set PORT to another")


def _usable_settings() -> Settings:
    """The settings as they are now, with the files that they name. Raises SettingsError."""
    from bentos.callers.keys import read_keys

    settings = read_settings()
    if settings.api_keys_file:
        read_keys(settings.api_keys_file)
    return settings


def _settings(read: Callable[[], Settings] = read_settings) -> Settings:
    try:
        return read()
    except SettingsError as error:
        sys.exit(f"error: {error}")
