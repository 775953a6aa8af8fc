"""What tests give to worker processes, which import this module and therefore nothing heavy."""

import logging
import os
import signal
import time

import numpy as np

from player_contact.utils.errors import InputError

log = logging.getLogger("player_contact.tests")


def slow_square(number: int) -> int:
    time.sleep(0.2)
    log.info("squaring %d", number)
    return number**2


def square(number: int) -> int:
    """The later the item, the sooner it is done; logs what it does."""
    time.sleep(0.05 * (4 - number % 5))
    log.info("squaring %d", number)
    return number**2


def wait(number: int) -> int:
    time.sleep(0.03)
    return number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too much")
    return number


def finish(path) -> None:
    time.sleep(0.03)
    path.touch()


def grow(number: int) -> int:
    """Keeps 350 MB more, as a process does that has loaded a network; returns the process id."""
    arrays = vars(log).setdefault("arrays", [])  # a logger stays as long as its process
    arrays.append(np.ones(350_000_000, dtype=np.uint8))
    time.sleep(1.1)  # loky checks once a second
    return os.getpid()


def process_id(_: int) -> int:
    return os.getpid()


def die_at_three(number: int) -> int:
    """As where the system kills a process that takes too much memory."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def die_once(path) -> str:
    """Dies in the first run."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def die_or_count_runs(path) -> int:
    """`culprit` dies as soon as `bystander` runs; the bystander ends when both have died."""
    with path.open("a") as runs:
        runs.write(".")
    bystander, culprit = path.with_name("bystander"), path.with_name("culprit")
    while path == culprit and not bystander.exists():
        time.sleep(0.01)
    if path == culprit:
        os.kill(os.getpid(), signal.SIGKILL)
    while not culprit.exists() or len(culprit.read_text()) < 2:
        time.sleep(0.01)
    return len(path.read_text())


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def fail_at_two(number: int) -> int:
    if number == 2:
        raise InputError("two is too much")
    return wait(number)


def write_pid_and_hang(path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)
