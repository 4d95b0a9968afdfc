"""Which right a route needs. A route whose path is neither here nor open fails a test."""

import re

from bentos.callers.rights import OPERATE, PREDICT, REVIEW

ANY = None  # no right: every caller may have it, and with API keys the holder of any key

BY_FIRST_PART: dict[str, str | None] = {  # of the path; one that is not here has no route, and is answered with 404
    "": ANY,  # `/`, which says who the caller is and what it may do
    **dict.fromkeys(("prediction", "predictions", "classify", "compare", "recent_log", "feedback"), PREDICT),
    **dict.fromkeys(("versions", "v2"), PREDICT),
    "review": REVIEW,
}
METRICS = "/metrics"
OPERATIONS = re.compile(rf"{METRICS}|/versions/[^/]+/report")  # for operators alone where PROTECT_OPERATIONS says so


def right_of(path: str, protect_operations: bool) -> str | None:
    """The right that a request of this path needs; ANY for none. Also of a route's template, as `/versions/{ref}`."""
    if protect_operations and OPERATIONS.fullmatch(path):
        return OPERATE
    return BY_FIRST_PART.get(path.split("/", 2)[1] if path[:1] == "/" else "")
