"""What the package logs, given to whoever wants to keep it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PACKAGE = logging.getLogger("player_contact")


@contextmanager
def captured(keep: Callable[[logging.LogRecord], None], propagate: bool = True) -> Iterator[None]:
    """Calls `keep` with every record that the package logs in the block.

    Without `propagate` no other handler gets them. Details (DEBUG) are kept, not printed: programs
    print INFO and above.
    """
    handler = logging.Handler()
    handler.emit = keep  # type: ignore[assignment, method-assign]
    before = PACKAGE.level, PACKAGE.propagate
    PACKAGE.setLevel(logging.DEBUG)
    PACKAGE.propagate = PACKAGE.propagate and propagate
    PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        PACKAGE.setLevel(before[0])
        PACKAGE.propagate = before[1]
