"""The public suffixes of more than one label, as `co.uk`, from the Public Suffix List (https://publicsuffix.org).

A tokenizer keeps those that it was made with, so that a newer list changes no version.
"""

from publicsuffixlist import PSLFILE

END = "// ===END ICANN DOMAINS==="  # private suffixes, as `blogspot.com`, follow


def public_suffixes() -> list[str]:
    """Sorted, in the form that stands in a link; rules with wildcards are left out."""
    with open(PSLFILE, encoding="utf-8") as file:
        lines = [line.strip() for line in file.read().partition(END)[0].splitlines()]
    rules = (line for line in lines if "." in line and not line.startswith(("//", "*", "!")))
    return sorted(rule.encode("idna").decode() if not rule.isascii() else rule for rule in rules)
