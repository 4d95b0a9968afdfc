"""The published live quality in `/metrics`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bentos.http.app import create_app
from bentos.http.gauges import update_gauges
from bentos.versions.catalogue import Catalogue
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.following.last_served import LastServed
from bentos.versions.following.watcher import StateWatcher
from registry.quality.published import LiveQuality
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def followed(service, tmp_path):
    """The service with a watcher that never looks; its state is set by the test."""
    watcher = StateWatcher(
        tmp_path, LastServed(tmp_path / "served.json"), 5.0, FollowerState(), service.current, lambda *_: None
    )
    return replace(service, watcher=watcher)


async def quality_of(service) -> dict[str, float]:
    update_gauges(service)
    async with client_of(create_app(service)) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if line.startswith("spam_live_"))}


def published(**versions) -> FollowerState:
    quality = LiveQuality(measured_at=AT, hours=24, versions=versions)
    return FollowerState(Catalogue((), quality=quality), AT)


async def test_what_was_published_of_a_served_version_is_shown_until_either_is_gone(followed, served):
    new, old = served.versions
    assert await quality_of(followed) == {}
    caught, gone = {"caught": {"low": 0.8, "value": 0.9, "high": 0.95}}, {"blocked": {"value": 0.5}}
    followed.watcher.state = published(
        **{old.key: caught, new.key: {"estimated_caught": {"value": 0.7}}, "9-gone": gone}
    )

    def name(version: str, measure: str, bound: str) -> str:
        return f'spam_live_quality{{bound="{bound}",measure="{measure}",version="{version}"}}'

    of_old = {name("1", "caught", bound): value for bound, value in caught["caught"].items()}
    measured_at = {"spam_live_quality_measured_at": AT.timestamp()}
    assert await quality_of(followed) == of_old | {name("2", "estimated_caught", "value"): 0.7} | measured_at
    followed.current.served = replace(served, versions=(old,))
    assert await quality_of(followed) == of_old | measured_at, "version 2 is served no longer"
    followed.watcher.state = published()
    assert await quality_of(followed) == measured_at, "nobody has labelled anything"
    followed.watcher.state = FollowerState(Catalogue(()), AT)
    assert await quality_of(followed) == {}
