"""What browsers may do with an answer: its Content-Security-Policy. Nothing is ever loaded from another host."""

NOTHING = "default-src 'none'; frame-ancestors 'none'"  # data, and whatever is not a page

# The service's own pages: their scripts and styles are files under /web, and a text can never become HTML or a script.
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
SWAGGER = (  # Swagger UI needs inline styles, and icons inside its style sheet
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A version's report is a file of the registry: one page with its styles and images in it, no scripts, no links followed
# with the rights of this site.
REPORT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
