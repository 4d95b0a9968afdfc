"""What callers may do. A route needs one right (see `bentos.http.rights`), and a key has those that its line names.

`predict`: have texts classified, send corrections, see what is served and one's own calls. `review`: label texts that
other callers sent. `operate`: read what is for those who run the service, where PROTECT_OPERATIONS asks for it.
"""

from typing import NamedTuple

PREDICT, REVIEW, OPERATE = RIGHTS = ("predict", "review", "operate")

ALL = frozenset(RIGHTS)
PREDICT_ALONE = frozenset({PREDICT})


class Caller(NamedTuple):
    """The name that the log has, and what its holder may do."""

    name: str
    rights: frozenset[str]


def read_rights(text: str) -> frozenset[str]:
    """From names separated by commas. Raises ValueError, whose message quotes nothing of the text."""
    rights = frozenset(map(str.strip, text.split(",")))
    if not rights <= ALL:
        raise ValueError(f"there is no such right: the rights are {', '.join(RIGHTS)}, separated by commas")
    return rights


def in_order(rights: frozenset[str]) -> list[str]:
    return [right for right in RIGHTS if right in rights]
