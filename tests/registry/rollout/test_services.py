import pytest

from bentos.monitoring.info import VersionLabels
from registry.rollout.figures import figures_of
from registry.rollout.services import Served, ServiceProblem, Services, added, parsed


def test_a_look_has_what_was_counted_since_the_one_before(page):
    page.serve([VersionLabels("2", "challenger", "c0ffee", "linear")])
    services = Services([page.url])
    page.count("1", 40, errors=1)
    look = services.look()
    assert look.served == {page.url: {Served("2", "challenger", "c0ffee")}} and not look.problems
    assert figures_of(look.counts, "1").calls == 41

    page.count("1", 10, spam=1)
    figures = figures_of(services.look().counts, "1")
    assert (figures.answered, figures.errors, figures.labels["spam"]) == (10, 0, 10)
    assert figures_of(services.look().counts, "1").calls == 0


def test_a_service_that_was_started_again_counts_from_0(page):
    services = Services([page.url])
    page.count("1", 40)
    services.look()
    page.restart()
    page.count("1", 7)
    assert figures_of(services.look().counts, "1").answered == 7


def test_what_is_counted_while_a_service_cannot_be_read_is_in_the_next_look(page):
    services = Services([page.url])
    services.look()
    page.count("1", 5)
    page.status = 503
    look = services.look()
    assert look.counts == {} and "503" in look.problems[page.url]
    page.count("1", 5)
    page.status = 200
    assert figures_of(services.look().counts, "1").answered == 10


def test_replicas_are_added_up_and_a_service_named_twice_is_one(page):
    page.count("1", 5)
    counts = Services([page.url, page.url]).look().counts
    assert figures_of(counts, "1").answered == 5
    assert figures_of(added((counts, counts)), "1").answered == 10


@pytest.mark.parametrize(("key", "problem"), [("", "a key with the right `operate`, as SERVICE_KEY"), ("right", "")])
def test_a_key_is_sent_and_asked_for(page, key, problem):
    page.key = "right"
    problems = Services([page.url], key).look().problems
    assert problem in problems.get(page.url, "") and bool(problems) == bool(problem)


def test_the_key_follows_no_redirect(page):
    page.status = 302
    assert Services([page.url], "secret").look().problems == {page.url: "answers 302 for its metrics"}


@pytest.mark.parametrize("text", ["<html>", "", "# TYPE a counter\na_total 1\n", "spam_labels_total 1\n"])
def test_another_program_s_page_is_none(text):
    with pytest.raises(ServiceProblem, match="no metrics of this service"):
        parsed(text)


def test_a_service_that_does_not_follow_the_registry_is_a_problem_and_still_counted(page):
    page.metrics.registry_up.set(0)
    page.count("1", 5)
    look = Services([page.url]).look()
    assert look.problems == {page.url: "does not read the registry, so it learns of no share"}
    assert figures_of(look.counts, "1").answered == 5


def test_nobody_there():
    assert "refused" in Services(["http://127.0.0.1:1"]).look().problems["http://127.0.0.1:1"]
