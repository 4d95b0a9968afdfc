"""One Cassandra node or a small ring on loopback: node N listens on 127.0.0.N, its files lie in <folder>/nodeN."""

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cassandra.config import Options, node_settings
from tests.cassandra.jars import java

HERE = Path(__file__).parent
START_LIMIT = 180  # seconds until a node must answer
OPTIONS_REQUEST = struct.pack(">BBhBI", 4, 0, 0, 5, 0)  # protocol v4, stream 0, opcode OPTIONS, empty body
SUPPORTED = 6  # the opcode of the answer


class Ring:
    """The nodes of one cluster, numbered from 1. As a context manager it leaves no node running."""

    def __init__(self, folder: Path, jars: Path, options: Options = Options()):  # noqa: B008 (frozen)
        self.folder = folder.absolute()
        self.jars = jars
        self.options = options
        self.hosts = [f"127.0.0.{n}" for n in range(1, options.nodes + 1)]
        self.port = options.port or free_port(self.hosts)
        self.storage_port = options.storage_port or free_port(self.hosts)
        self._processes: dict[int, subprocess.Popen] = {}

    def __enter__(self) -> "Ring":
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self, *numbers: int) -> None:
        """Start the nodes given (all, if none is) and wait until they answer. Data of an earlier start are kept."""
        self.launch(*numbers)
        self.wait(*numbers)

    def launch(self, *numbers: int) -> None:
        """Start without waiting. A node dies with the thread that launches it: launch in one that stays."""
        for n in numbers or self._all():
            if self._accepts(n):
                raise RuntimeError(f"port {self.port} of {self.hosts[n - 1]} is taken by another program")
            self._configure(n)
            self._processes[n] = self._launch(n)

    def wait(self, *numbers: int) -> None:
        """Wait until the nodes answer. RuntimeError, with what they said, when one does not."""
        for n in numbers or self._all():
            self._wait_until_up(n)

    def stop(self, *numbers: int) -> None:
        """Let the nodes write what they hold and end."""
        self._end(numbers, signal.SIGTERM)

    def kill(self, *numbers: int) -> None:
        """SIGKILL, to all at once: what is not on disk by now is lost."""
        self._end(numbers, signal.SIGKILL)

    def pause(self, *numbers: int) -> None:
        """SIGSTOP: connections stay open and nothing answers from the moment this returns."""
        for process in self._signal(numbers, signal.SIGSTOP):
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # the last thread has stopped

    def resume(self, *numbers: int) -> None:
        """SIGCONT after `pause`."""
        self._signal(numbers, signal.SIGCONT)

    def running(self, n: int) -> bool:
        """Whether node n's process lives."""
        return n in self._processes and self._processes[n].poll() is None

    def pid(self, n: int) -> int:
        """The process id of node n."""
        return self._processes[n].pid

    def _all(self) -> Sequence[int]:
        return range(1, self.options.nodes + 1)

    def _signal(self, numbers: Sequence[int], what: signal.Signals) -> list[subprocess.Popen]:
        processes = [self._processes[n] for n in numbers or self._all() if self.running(n)]
        for process in processes:
            process.send_signal(what)
        return processes

    def _end(self, numbers: Sequence[int], how: signal.Signals) -> None:
        processes = self._signal(numbers, how)
        self._signal(numbers, signal.SIGCONT)  # a paused process does not see SIGTERM
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _folder(self, n: int) -> Path:
        return self.folder / f"node{n}"

    def _configure(self, n: int) -> None:
        for name in ("conf", "log", "tmp"):
            (self._folder(n) / name).mkdir(parents=True, exist_ok=True)
        settings = node_settings(self.options, self.hosts, n, self._folder(n) / "data", self.port, self.storage_port)
        text = json.dumps(settings, indent=1)  # JSON is YAML
        (self._folder(n) / "conf" / "cassandra.yaml").write_text(text)
        shutil.copy(HERE / "logback.xml", self._folder(n) / "conf")

    def _launch(self, n: int) -> subprocess.Popen:
        folder = self._folder(n)
        # no node outlives the process that launched it, however that one ends
        leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [
            *leash,
            java(),
            f"@{HERE / 'jvm17.options'}",
            f"-XX:TieredStopAtLevel={4 if self.options.second_compiler else 1}",
            f"-Dcassandra.config=file://{folder}/conf/cassandra.yaml",
            f"-Dlogback.configurationFile=file://{folder}/conf/logback.xml",
            f"-Dcassandra.logdir={folder}/log",
            f"-Dcassandra.storagedir={folder}/data",
            f"-Djava.io.tmpdir={folder}/tmp",
            f"-Djna.tmpdir={folder}/tmp",
            f"-XX:ErrorFile={folder}/log/crash.log",
            "-cp",
            f"{folder}/conf:{self.jars}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ]
        with open(folder / "log" / "output.log", "wb") as out:
            # a session of its own: Ctrl-C reaches the test run, which then ends the node
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, start_new_session=True
            )

    def _wait_until_up(self, n: int) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self._answers(n):
            if not self.running(n) or time.monotonic() > deadline:
                output = (self._folder(n) / "log" / "output.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"Cassandra node {n} did not start, see {self._folder(n)}/log:\n{output}")
            time.sleep(0.1)

    def _accepts(self, n: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.hosts[n - 1], self.port)) == 0

    def _answers(self, n: int) -> bool:
        try:
            with socket.create_connection((self.hosts[n - 1], self.port), 1) as connection:
                if self.options.tls:
                    return True
                connection.sendall(OPTIONS_REQUEST)
                connection.settimeout(2)
                return connection.recv(9)[4:5] == bytes([SUPPORTED])
        except OSError:
            return False


def free_port(hosts: Sequence[str]) -> int:
    """A port that is free on all hosts, below the range that outgoing connections take theirs from."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        try:
            for host in hosts:
                with socket.socket() as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no free port found")


def resident_mb(pid: int) -> int:
    """The memory a process holds, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 2**20
