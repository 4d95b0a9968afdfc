"""The user who runs the program, as the registry's events and lock name them."""

import getpass


def user() -> str | None:
    """The login name; None where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return None
