"""Two services behind nginx are restarted one after the other, and no caller notices."""

from contextlib import ExitStack
from pathlib import Path

from tests.nginx import Nginx, need_nginx
from tests.server import Server
from tests.system.tools import Callers

PAUSE = 0.1  # seconds between a caller's questions: the site takes 50 a second from one address


def start(folder: Path, port: int | None = None) -> Server:
    return Server(folder, port=port, MOCK_MODEL="1", TRUSTED_PROXIES="127.0.0.1", DRAIN_SECONDS="0.5")


def test_no_call_fails_while_services_are_restarted_one_after_the_other(tmp_path):
    need_nginx()
    with ExitStack() as running:
        services = [start(tmp_path) for _ in range(2)]
        for service in services:
            running.enter_context(service)
        nginx = running.enter_context(Nginx(tmp_path, *(service.port for service in services)))
        with Callers(nginx, 12, PAUSE) as callers:
            callers.wait_for(50)
            for service in services:
                assert service.stop() == 0
                running.enter_context(start(tmp_path, port=service.port))
                callers.wait_for(50)
    assert callers.failures == []
