import pytest

from pipelines.measure.behaviour import disguises, suite
from registry.model.normalise import normalise

OBFUSCATIONS = {change.__name__: change for change in suite.OBFUSCATION}


def by_keyword(*keywords):
    """A model that calls spam what has one of the keywords in it, as written."""

    def predict(texts):
        spam = [0.9 if any(word in text for word in keywords) else 0.1 for text in texts]
        return [{"ham": 1 - p, "spam": p} for p in spam]

    return predict


def test_the_suite_is_large_and_has_no_message_twice():
    written = suite.messages()
    assert len(written) >= 150
    assert len({message.text for message in written}) == len(written)
    assert {message.label for message in written} == {"ham", "spam"}
    assert len({message.topic for message in written}) >= 20


def test_a_model_that_reads_words_as_written_is_fooled_by_disguises():
    small = [suite.Message("spam", "prize", "claim your prize"), suite.Message("ham", "chat", "see you at lunch")]
    rates = suite.rates(suite.check(by_keyword("prize"), small))
    assert rates["minimum_functionality"] == 1
    assert rates["obfuscation"] == pytest.approx(1 / 5)  # spacing out `claim` leaves `prize` alone


def test_a_model_that_always_says_the_same_passes_no_direction_up():
    always = [{"ham": 0.6, "spam": 0.4}]
    cases = suite.check(lambda texts: always * len(texts), suite.messages())
    upward = [case for case in cases if case.test == "prize_line"]
    assert upward and not any(case.passed for case in upward)


def test_the_suite_says_why_it_does_not_apply():
    assert suite.why_not(("ham", "spam"), "en") == ""
    assert "labels here are no, yes" in suite.why_not(("no", "yes"), "en")
    assert "the corpus is in de" in suite.why_not(("ham", "spam"), "de")


@pytest.mark.parametrize("name", sorted(OBFUSCATIONS))
def test_each_disguise_changes_the_text_and_is_taken_off(name):
    text = "claim your prize before tomorrow"
    disguised = OBFUSCATIONS[name](text)
    assert disguised != text
    assert normalise(disguised) == text


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (disguises.digits, "call 09061 at 5", "call 02394 at 5"),
        (disguises.names, "Tom is here", "Sam is here"),
        (disguises.days, "on Friday", "on Sunday"),
        (disguises.typo, "see the prize", "see the pirze"),
        (disguises.typo, "www.prize.com", "www.prize.com"),  # a link is no word
    ],
)
def test_changes(change, before, after):
    assert change(before) == after
