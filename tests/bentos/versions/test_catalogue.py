"""The catalogue as a file."""

from datetime import UTC, datetime

from bentos.versions.catalogue import Catalogue, Entry, dumps, loads
from registry.quality.published import LiveQuality
from registry.route import Routing
from registry.versions import Version


def test_a_catalogue_survives_being_written_down():
    created_at = datetime(2030, 1, 1, tzinfo=UTC)
    one = Version("1", ("champion", "stable"), "a" * 64, "toy", created_at, {"mcc": 0.9}, run_id="r")
    two = Version("2", (), "b" * 64, "toy", created_at, {}, problem="the store is away")
    quality = LiveQuality(measured_at=created_at, hours=24, versions={"1-aaaaaaaa": {"caught": {"value": 0.9}}})
    routing = Routing({"challenger": 10.0}, "challenger")
    catalogue = Catalogue((Entry(two), Entry(one, "one")), routing, quality=quality)
    assert loads(dumps(catalogue)) == catalogue and loads(dumps(catalogue)).quality == quality


def test_another_quality_makes_no_other_catalogue():
    quality = LiveQuality(measured_at=datetime(2030, 1, 1, tzinfo=UTC), hours=24, versions={})
    assert Catalogue((), quality=quality) == Catalogue(()), "or every worker would load its versions again"
