"""One change of the registry at a time: compare and set, for a registry that can only set.

MLflow moves an alias wherever it stands, so two promotions at once would both succeed. The lock is a registered model
named `<model>.lock`: MLflow's database lets one process create it. Whoever holds it compares the registry with what it
read before, changes it only if nothing differs, and deletes the lock.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from registry.errors import RegistryError
from registry.user import user
from registry.versions import Registry

WAIT = 10.0  # seconds for somebody else's change, which takes a fraction of one
STALE = 60.0  # seconds after which the holder has died without deleting the lock
LOOK_EVERY = 0.1  # seconds


class ChangedMeanwhile(RegistryError):
    """Somebody else changed the registry first; nothing was changed. The message says what to do."""


@contextmanager
def changing(registry: Registry, wait: float = WAIT) -> Iterator[None]:
    """Hold the lock. Raises RegistryError when somebody else holds it for longer than `wait` seconds."""
    name, held = f"{registry.model_name}.lock", False
    deadline = time.monotonic() + wait
    try:
        while True:
            with _no_interrupt():
                held = _create(registry, name)
            if held:
                break
            tags = _tags(registry, name)
            if time.time() - float(tags.get("since", "inf")) > STALE:
                _delete(registry, name)
            elif time.monotonic() > deadline:
                raise RegistryError(f"{tags.get('holder', 'somebody')} is changing the registry: try again")
            else:
                time.sleep(LOOK_EVERY)
        yield
    finally:
        if held:  # an error here would hide the one that ended the block; a lock left behind becomes stale
            with _no_interrupt(), suppress(RegistryError):
                _delete(registry, name)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: in the midst of it a lock would be left that nobody holds."""
    if threading.current_thread() is not threading.main_thread():  # Ctrl-C interrupts the main thread alone
        yield
        return
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupts:
            signal.raise_signal(signal.SIGINT)


def check_unchanged(before: object, now: object) -> None:
    """Raises ChangedMeanwhile where the state read before the change is not the state now."""
    if before != now:
        raise ChangedMeanwhile("somebody else changed the registry meanwhile, so nothing was done: look, and try again")


def _create(registry: Registry, name: str) -> bool:
    """Whether the lock was created; False where it exists."""
    from mlflow.exceptions import MlflowException

    with registry.errors():
        try:
            registry.client.create_registered_model(name, {"holder": _holder(), "since": str(time.time())})
        except MlflowException as error:
            # the second where it was deleted between MLflow's two looks at it
            if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"):
                raise
            return False
    return True


def _tags(registry: Registry, name: str) -> dict[str, str]:
    """Who holds the lock since when; empty where it was deleted meanwhile."""
    with registry.errors():
        models = registry.client.search_registered_models(filter_string=f"name = '{name}'")
    return dict(models[0].tags) if models else {}


def _delete(registry: Registry, name: str) -> None:
    with registry.errors():
        registry.client.delete_registered_model(name)


def _holder() -> str:
    return f"{user() or f'process {os.getpid()}'} on {socket.gethostname()}"
