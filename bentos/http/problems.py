"""What callers read of what is wrong with the service."""

from fastapi import Request

from bentos.callers.rights import OPERATE
from bentos.http.context import rights_of, service_of
from bentos.http.responses import shown

HIDDEN = f"what is wrong is told to keys with the right {OPERATE}"


def told(request: Request, problem: str) -> str:
    """A problem as this caller may read it; empty where there is none.

    With PROTECT_OPERATIONS only operators read what it is, and others that there is one.
    """
    if problem and service_of(request).protect_operations and OPERATE not in rights_of(request):
        return HIDDEN
    return shown(problem)
