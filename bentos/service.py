"""The BentoML service: `bentoml serve` in the repository's root, or with a bento's tag anywhere.

BentoML starts and supervises the workers, binds the port and packs the bento; a FastAPI application answers the
requests. The supervisor imports this module too, so what only a worker needs is imported when a worker starts.
"""

import errno
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import bentoml
import click

from bentos.monitoring import logs
from bentos.process.folder import WorkerPlace, make_shared_folder
from bentos.process.interrupt import end_at_once_while_starting, exit_as_interrupted
from bentos.process.orphans import kill_workers_with_supervisor
from bentos.settings import HOME, Settings, SettingsError, check_names, read_settings
from bentos.store import StoreError, backends
from bentos.versions.following.supervisor import supervise_follower

SHARED_FOLDER = "BENTOS_FOLDER"  # environment variables by which the supervisor tells its workers where they belong
SUPERVISOR = "BENTOS_SUPERVISOR"
CONTAINERIZED = "BENTOML_CONTAINERIZED"  # BentoML sets it in its images
RESTART_PAUSE = 1.0  # seconds before a worker that cannot start is started again, where others have started
YOUNG = 20_000  # objects between two garbage collections; with Python's 700, every third call has one
BAKED = Path(__file__).parents[1] / "baked"  # a bento's versions; the repository has no such folder

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # BentoML's default is to report each start to its makers
os.environ["FORWARDED_ALLOW_IPS"] = ""  # uvicorn's default lets any local process choose its address
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # BentoML's is shared by all services of a machine

logger = logging.getLogger("bentos")


def _refuse_bentoml_build() -> None:
    """End `bentoml build` in the repository: its bento would have no versions, and could not be served."""
    command = click.get_current_context(silent=True)
    if command and command.info_name == "build" and not BAKED.is_dir():
        sys.exit("error: `bentoml build` packs no model version; type `python -m bentos build`, which bakes them in")


_refuse_bentoml_build()
end_at_once_while_starting()


class DirectService(bentoml.Service):
    """A BentoML service that passes HTTP requests straight to an ASGI application.

    An application that is mounted the usual way answers a quarter of the requests per second: each passes BentoML's own
    tracing, timeout and router first.
    """

    app: Any = None  # set when the worker has started

    def inject_config(self) -> None:
        """Pass the settings that BentoML needs. Not at import: BentoML changes the working directory after that."""
        os.environ.setdefault(HOME, os.getcwd() if self.bento else self.working_dir)
        settings = _or_exit(read_settings)
        self.config["http"] = {"host": _host(settings), "port": settings.port}
        self.config["workers"] = settings.workers
        super().inject_config()

    def to_asgi(self, is_main: bool = True) -> Any:
        logs.configure(_or_exit(read_settings))  # before the worker's BentoML logs its first line
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
    stop_worker: Callable[[], Awaitable[None]]

    @bentoml.on_deployment
    def check() -> None:
        """Runs in the supervisor before any worker: a wrong setting ends the program here, in one sentence."""
        settings = _or_exit(_checked_settings)
        logs.configure(settings)
        host, port = _option("host") or _host(settings), _option("port") or settings.port
        _check_address(host, port)
        _warn_of_strangers(host, settings)
        try:
            backends.prepare(settings)
        except StoreError as error:
            sys.exit(f"error: {error}")
        kill_workers_with_supervisor()
        exit_as_interrupted()
        folder = make_shared_folder()
        os.environ |= {SHARED_FOLDER: str(folder), SUPERVISOR: str(os.getpid())}
        if not (settings.mock_model or BAKED.is_dir()):
            supervise_follower(folder)  # now, since it takes as long to start as the workers do

    @bentoml.on_startup
    async def start(self) -> None:
        """Runs in the worker. The port is bound already; requests wait until this ends."""
        from bentos.process import worker

        settings = _or_exit(read_settings)
        baked = BAKED if BAKED.is_dir() else None
        supervisor = int(os.environ[SUPERVISOR])
        place = WorkerPlace(Path(os.environ[SHARED_FOLDER]), bentoml.server_context.worker_index, supervisor)
        try:
            app, self.stop_worker = await worker.start(settings, baked, place)
        except (StoreError, SettingsError) as error:
            logger.critical("this worker cannot start: %s", error)
            if not place.any_started:
                os.kill(supervisor, signal.SIGTERM)  # it would start workers that fail for ever
            time.sleep(RESTART_PAUSE)
            os._exit(1)  # an exception would be printed as two tracebacks of the web server
        place.note_started()
        self.bento_service.app = app
        gc.collect()
        gc.freeze()  # garbage collections then skip the imported modules, which would stall requests
        gc.set_threshold(YOUNG, 20, 20)

    @bentoml.on_shutdown
    async def stop(self) -> None:
        await self.stop_worker()


def _host(settings: Settings) -> str:
    """HOST, or every address in the image that `bentoml containerize` makes: there loopback is the container's own."""
    everywhere = CONTAINERIZED in os.environ and "host" not in settings.model_fields_set
    return "0.0.0.0" if everywhere else settings.host


def _option(name: str) -> Any:
    """What the command line of `bentoml serve` says, or BentoML's own variable; None where it says nothing."""
    command = click.get_current_context(silent=True)
    return command and command.params.get(name)


def _check_address(host: str, port: int) -> None:
    """End the program with a sentence when the port is taken or the address is no IP address of this machine.

    BentoML would print a traceback.
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        sys.exit(f"error: cannot listen on {host!r}: it is no IP address")
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            where, other = (f"port {port}", "PORT") if taken else (f"{host}, port {port}", "HOST or PORT")
            sys.exit(f"error: cannot listen on {where}: {error.strerror}; set {other} to another")


def _warn_of_strangers(host: str, settings: Settings) -> None:
    if not (ip_address(host).is_loopback or settings.api_keys_file):
        logger.warning("whoever reaches %s may call, since no API_KEYS_FILE is set", host)


def _checked_settings() -> Settings:
    """The settings, and the file of API keys read once to check it. Raises SettingsError."""
    from bentos.callers.keys import read_keys

    settings = read_settings()
    for warning in check_names():
        logger.warning("%s", warning)
    if settings.api_keys_file:
        read_keys(settings.api_keys_file)
    return settings


def _or_exit(read: Callable[[], Settings]) -> Settings:
    """The settings, or the end of the program with the sentence that says what is wrong with them."""
    try:
        return read()
    except SettingsError as error:
        sys.exit(f"error: {error}")
