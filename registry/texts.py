"""Which texts are answered: the service and the scoring of many messages refuse the same ones."""

MAX_CHARACTERS = 10_000  # of one text


def refusal(text: str) -> str:
    """Why the text is not answered; empty when it is."""
    if len(text) > MAX_CHARACTERS:
        return f"the text is longer than {MAX_CHARACTERS:,} characters"
    if not text.strip():
        return "the text is blank"
    return "the text holds a NUL character" if "\0" in text else ""
