"""What the package logs, given to whoever wants to keep it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PACKAGE = logging.getLogger("player_contact")


@contextmanager
def captured(keep: Callable[[logging.LogRecord], None], propagate: bool = True) -> Iterator[None]:
    """Calls `keep` with every record of INFO and above that the package logs in the block.

    Without `propagate` no other handler gets them.
    """
    handler = logging.Handler(logging.INFO)
    handler.emit = keep  # type: ignore[assignment, method-assign]
    before = PACKAGE.level, PACKAGE.propagate
    PACKAGE.setLevel(logging.INFO)
    PACKAGE.propagate = PACKAGE.propagate and propagate
    PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        PACKAGE.setLevel(before[0])
        PACKAGE.propagate = before[1]
