"""How much a call may send, and how large an answer may become."""

from registry.texts import MAX_CHARACTERS

MAX_TEXTS = 1_000  # of one call
MAX_LIST_CHARACTERS = 1_000_000  # of all texts of one call
MAX_BODY = 8 * 1024 * 1024  # bytes
MAX_BODIES = 256 * 1024 * 1024  # bytes of all bodies that are arriving at the same time
BODY_SECONDS = 30.0  # for a whole body to arrive
MAX_QUESTIONS = 100  # of one answer of /review: their texts are no longer than those of a list
MAX_REQUEST_ID = 1_000  # characters of an Open Inference Protocol request's `id`

MAX_DETAIL = 1_000  # characters of an error's detail, and of every problem that is shown

# The largest answers, in bytes. Besides them /recent_log is streamed, so that a worker holds a page of it; /versions, /
# and /metrics have a few kilobytes for each version that is served or refused, and no label that a caller chooses. A
# report has MAX_REPORT of bentos.versions.reports at most.
ESCAPED = 6  # bytes of one character, at most: a control character is written as \u001f
PREDICTION = 1_024  # a prediction without its text
ONE_ANSWER = 2 * ESCAPED * MAX_CHARACTERS + 8 * PREDICTION  # with echo_input and explain; /compare: for each version
LIST_ANSWER = ESCAPED * MAX_LIST_CHARACTERS + MAX_TEXTS * PREDICTION  # with echo_input
