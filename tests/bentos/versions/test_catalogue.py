"""The catalogue as a file."""

from datetime import UTC, datetime

from bentos.versions.catalogue import Catalogue, Entry, dumps, loads
from registry.route import Routing
from registry.versions import Version


def test_a_catalogue_survives_being_written_down():
    created_at = datetime(2030, 1, 1, tzinfo=UTC)
    one = Version("1", ("champion", "stable"), "a" * 64, "toy", created_at, {"mcc": 0.9}, run_id="r")
    two = Version("2", (), "b" * 64, "toy", created_at, {}, problem="the store is away")
    catalogue = Catalogue((Entry(two), Entry(one, "one")), Routing({"challenger": 10.0}, "challenger"))
    assert loads(dumps(catalogue)) == catalogue
