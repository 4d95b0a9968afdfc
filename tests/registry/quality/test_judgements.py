from hashlib import sha256

from registry.call_log import LoggedCall
from registry.quality.judgements import Judgement, Judgements, TextSample


def call(version: str, text: str, label: str, probability: float | None = 0.9, source: str = "model") -> LoggedCall:
    return LoggedCall(version, label, len(text), probability, "", source, False, digest(text), "2030-01-31T12:00:00")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def judgements(*calls: LoggedCall, labelled: str = "") -> Judgements:
    found = Judgements({digest(labelled)})
    found.read(calls)
    return found


def test_a_corrections_answer_is_no_versions_and_a_shadows_is_counted_apart():
    found = judgements(
        call("1-a", "hi", "ham"), call("1-a", "hi", "spam", None, "correction"), call("2-b", "hi", "ham", 0.8, "shadow")
    )
    assert {key: (calls.answered, calls.shadowed) for key, calls in found.calls.items()} == {
        "1-a": (1, 0),
        "2-b": (0, 1),
    }
    assert list(found.calls["1-a"].labels) == ["ham"]


def test_sums_leave_out_calls_without_a_probability():
    (label,) = judgements(call("1-a", "hi", "ham", 0.5), call("1-a", "hi", "ham", None)).calls["1-a"].labels.values()
    assert (label.known, label.probability) == (1, 0.5)


def test_only_answers_to_labelled_texts_are_kept_with_a_probability_where_one_is_known():
    old, new = call("1-a", "hi", "ham", None), call("1-a", "hi", "ham", 0.7)
    for calls in ((old, new), (new, old)):
        found = judgements(*calls, call("1-a", "other", "spam"), labelled="hi")
        assert found.of_labelled == {digest("hi"): {"1-a": Judgement("ham", 0.7)}}
    assert judgements(old, labelled="hi").of_labelled == {digest("hi"): {"1-a": Judgement("ham", None)}}


def test_the_sample_is_bounded_and_keeps_all_labels_of_a_text_or_none():
    sample, texts = TextSample(100), [digest(str(i)) for i in range(3_000)]
    for version, spam in (("1-a", 10), ("2-b", 20)):
        for i, text in enumerate(texts * 2):
            sample.add(text, version, "spam" if i % 3_000 % 100 < spam else "ham")
    assert 100 <= len(sample.texts) < 200 and set(sample.texts) <= set(sorted(texts)[:200])
    differing, both = sample.differing("1-a", "2-b")
    assert both == len(sample.texts) and 0.02 < differing / both < 0.2, "a tenth of all texts"
    assert sample.differing("1-a", "3-c") == (0, 0)
