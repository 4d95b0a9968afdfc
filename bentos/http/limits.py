"""How much a call may send."""

MAX_CHARACTERS = 10_000  # of one text
MAX_TEXTS = 1_000  # of one call
MAX_LIST_CHARACTERS = 1_000_000  # of all texts of one call
MAX_BODY = 8 * 1024 * 1024  # bytes
MAX_BODIES = 256 * 1024 * 1024  # bytes of all bodies that are arriving at the same time
BODY_SECONDS = 30.0  # for a whole body to arrive
