"""What the address of a link says."""

import pytest

from registry.model.links import link_tokens

SUFFIXES = {"co.uk", "com.ng"}


@pytest.mark.parametrize(
    ("host", "tokens"),
    [
        ("royalmail.com", ["<.com>", "<named>", "@royalmail"]),
        ("www.royalmail.com", ["<.com>", "<named>", "@royalmail"]),
        ("royalmail.co.uk", ["<.co.uk>", "<named>", "@royalmail"]),
        ("royalmail-fee.top", ["<.top>", "<rare suffix>", "<compound>", "<partly named>", "@royalmail", "@fee"]),
        ("royal.mail.xyz", ["<.xyz>", "<rare suffix>", "<subdomain>", "<named>", "@mail"]),
        ("mypost24.com", ["<.com>", "<compound>", "<not named>", "@mypost"]),
        ("bit.ly", ["<shortener>"]),
        ("10.0.0.1", ["<ip>"]),
        ("www.x", ["<.x>", "<not named>", "@www"]),
        ("co.uk", ["<.uk>", "<not named>", "@co"]),
    ],
)
def test_the_name_of_a_link_is_compared_with_the_words_of_its_text(host, tokens):
    assert link_tokens(host, {"royal", "mail", "parcel"}, SUFFIXES) == tokens
