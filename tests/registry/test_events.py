from registry.events import history, record


def test_events_are_read_oldest_first_with_who_and_why(registry):
    record(registry, "promote", {}, {"champion": "1"}, "a drill")
    record(registry, "rollback", {"champion": "1"}, {}, undoes="the first")
    first, second = history(registry)
    assert (first["what"], first["before"], first["after"], first["why"]) == (
        "promote",
        {},
        {"champion": "1"},
        "a drill",
    )
    assert second["undoes"] == "the first" and second["why"] is None and second["at"] > first["at"]
