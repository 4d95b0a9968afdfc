"""Which rollout is under way, as a tag of the registered model, so that the same command continues it.

The process that runs it signs the tag again and again. Another one takes over when the signature is old, or when the
process that it names is gone from this machine.
"""

import json
import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from registry.errors import RegistryError
from registry.route import Routing
from registry.user import user
from registry.versions import Registry

ROLLOUT = "rollout"  # the tag
LEASE = 120.0  # seconds after which a process that has not signed is gone
SIGN_EVERY = 30.0  # seconds


@dataclass(frozen=True)
class Runner:
    """A process that runs a rollout; `signed` is the Unix time when it last said so."""

    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    by: str = field(default_factory=lambda: user() or "unknown")
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    signed: float = field(default_factory=time.time)

    @property
    def runs(self) -> bool:
        """Whether the process still runs, as far as this one can know."""
        if time.time() - self.signed > LEASE:
            return False
        return self.host != socket.gethostname() or (self.pid != os.getpid() and _exists(self.pid))

    def __str__(self) -> str:
        return f"{self.by} on {self.host}, process {self.pid}"


@dataclass(frozen=True)
class State:
    """A rollout of `alias`, whose version has the key `candidate`, against the champion with the key `champion`.

    It is at step number `step`, from 0, since `since`, with `routing`; `before` is the routing of the step before. The
    times are Unix times.
    """

    alias: str
    candidate: str
    champion: str
    steps: tuple[float, ...]
    step: int
    started: float
    since: float
    before: Routing
    routing: Routing
    runner: Runner | None

    @property
    def runs(self) -> bool:
        return self.runner is not None and self.runner.runs

    def signed(self) -> "State":
        return replace(self, runner=replace(self.runner, signed=time.time()))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "State":
        fields: dict[str, Any] = json.loads(text)
        routings = {name: Routing(**fields[name]) for name in ("before", "routing")}
        runner = Runner(**fields["runner"]) if fields["runner"] else None
        return cls(**fields | routings | {"steps": tuple(fields["steps"]), "runner": runner})


def state_in(tags: Mapping[str, str]) -> State | None:
    """The state in the registered model's tags; of a rollout that has ended by itself there is none."""
    return State.from_json(tags[ROLLOUT]) if ROLLOUT in tags else None


def read_state(registry: Registry, routing: Routing) -> State | None:
    """The rollout under way. There is none where nobody runs it and its alias has no share in `routing`."""
    state = state_in(registry.model_tags())
    return state if state and (state.runs or routing.shares.get(state.alias)) else None


def write_state(registry: Registry, state: State) -> None:
    registry.tag_model(ROLLOUT, state.to_json())


def continued(state: State, alias: str, steps: tuple[float, ...]) -> State:
    """The state with this process as its runner.

    Raises RegistryError where it is of another rollout than this one, or is run by a process.
    """
    if state.runs:
        raise RegistryError(f"a rollout of {state.alias} is run by {state.runner}")
    if (state.alias, state.steps) != (alias, steps):
        words = f"rollout {state.alias} --steps {','.join(f'{step:g}' for step in state.steps)}"
        raise RegistryError(
            f"a rollout of {state.alias} has stayed at {state.steps[state.step]:g}%: go on with `{words}`, "
            f"or end it with `python -m registry route {state.alias}=0`"
        )
    return replace(state, runner=Runner())


def number_of(key: str) -> str:
    """The number in a version's key, as callers and metrics name the version."""
    return key.partition("-")[0]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
