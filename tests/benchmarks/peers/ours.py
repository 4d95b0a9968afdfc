"""This project's service, as `make up` serves it: the registry of the working tree, and what it serves by default."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.served import BIN, Command, Peer, Request
from tests.benchmarks.results import OURS


def ours(table: str, **settings: str) -> Peer:
    """With these settings beside the defaults: those of a Cassandra node, or none for SQLite."""

    def command(folder: Path, port: int) -> Command:
        own = {"PORT": str(port), "BENTOML_HOME": str(folder / "bentoml")}
        own |= {"SQLITE_PATH": str(folder / "spam.db"), "SPOOL_PATH": str(folder / "spool.db")}
        own |= {"VERSIONS_PATH": str(folder / "versions"), "NOTIFY_PATH": str(folder / "notify.db")}
        return Command([BIN / "bentoml", "serve"], own | settings)

    return Peer(OURS, table, command, _one, _many, caches=True)


def _one(text: str) -> Request:
    return Request("/prediction", json.dumps({"text": text}))


def _many(texts: Sequence[str]) -> Request:
    return Request("/predictions", json.dumps({"texts": texts}))
