"""A real nginx for tests: the shipped site on a free port, run by the user who tests, ended with the `with`."""

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.server import PATIENCE, ROOT, free_port

SITE = ROOT / "bentos" / "deploy" / "nginx.conf"

MAIN = """
user {user} {group};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/main.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Nginx:
    """The site with a line for each service, at these ports; of the rest only its own port and its logs are changed."""

    def __init__(self, folder: Path, *services: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "sms-spam.log"
        user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, group=group))
        (folder / "site.conf").write_text(self._site(services))

    def _site(self, services: tuple[int, ...]) -> str:
        site, changed = re.subn(r"listen 80;", f"listen 127.0.0.1:{self.port};", SITE.read_text())
        assert changed == 1
        shipped = "    server 127.0.0.1:3000 max_fails=1 fail_timeout=1s;\n"
        lines = "".join(shipped.replace("3000", str(port)) for port in services)
        site, changed = re.subn(shipped + shipped.replace("3000", "3001"), lines, site)
        assert changed == 1
        return site.replace("/var/log/nginx", str(self.folder))

    def __enter__(self) -> "Nginx":
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", "nginx.conf", "-e", self.folder / "start.log"],
            env={"PATH": _path()},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.__exit__()
        raise RuntimeError("no nginx: " + "".join(log.read_text() for log in self.folder.glob("*.log")))

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


def need_nginx() -> None:
    """Skip where there is none, and say so; with CI=true that is a failure."""
    if shutil.which("nginx", path=_path()):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("CI must run the tests with nginx, which is not installed")
    pytest.skip("NO NGINX TESTS: nginx is not installed")


def _path() -> str:
    """Debian puts it where only root looks."""
    return os.environ["PATH"] + ":/usr/sbin"
