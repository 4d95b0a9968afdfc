"""Run a Cassandra node for development: `python -m tests.cassandra`, Ctrl-C to stop. Its data are kept."""

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.cassandra.config import Options
from tests.cassandra.jars import MissingToolError, jars
from tests.cassandra.ring import Ring

HOST = "127.0.0.1"
READY = """\
Cassandra answers on {host}:{port} after {seconds:.0f} s; its data are in {folder}.
In another terminal:

    export CASSANDRA_CONTACT_POINTS={host} CASSANDRA_PORT={port}
    python -m bentos migrate
    bentoml serve

Ctrl-C stops the node."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cassandra", description=__doc__)
    parser.add_argument("--port", type=int, default=9042, help="where clients connect (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("build/cassandra"), help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        ring = Ring(arguments.folder, jars(), Options(port=arguments.port))
    except MissingToolError as error:
        print(f"Cassandra cannot run here: {error}")
        print("With Docker: docker compose -f bentos/deploy/compose.yaml up cassandra")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return run(ring)


def run(ring: Ring) -> int:
    """Start the node, say how to use it, and wait until the node or the person has had enough."""
    started = time.monotonic()
    try:
        print("Starting Cassandra...", flush=True)
        ring.start()
        seconds = time.monotonic() - started
        print(READY.format(host=HOST, port=ring.port, folder=ring.folder, seconds=seconds), flush=True)
        while ring.running(1):
            time.sleep(0.5)
        print(f"The node ended; see {ring.folder}/node1/log")
        return 1
    except RuntimeError as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        print("\nStopping Cassandra...", flush=True)
        return 0
    finally:
        ring.stop()


if __name__ == "__main__":
    sys.exit(main())
