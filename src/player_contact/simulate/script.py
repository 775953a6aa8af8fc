"""What is going to happen in a play, before anybody moves."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND


@dataclass(frozen=True)
class Script:
    """The plan of one play; times in seconds since the snap.

    calm      the ball is spiked or the play is whistled dead: hardly anybody moves, nobody touches anybody
    run_play  a run; False: a pass
    caught    the back or the receiver gets the ball; False: an incomplete pass, no tackle
    handoff   run: the back has the ball; pass: it is thrown
    catch     pass: it arrives; run: the same as `handoff`
    tackle    from here on tackles succeed
    whistle   the play ends about here at the latest
    start     the first moment that is needed, negative
    end       the last one
    """

    calm: bool
    run_play: bool
    caught: bool
    handoff: float
    catch: float
    tackle: float
    whistle: float
    start: float
    end: float

    def carried(self, now: float) -> bool:
        """Whether somebody can be tackled: not while a pass is in the air."""
        return self.run_play or now < self.handoff or now >= self.catch


def draw_script(rng: np.random.Generator, steps: int, start: float, end: float) -> Script:
    """A plan that fits a play of `steps` labelled steps; it runs from `start` to `end`."""
    last = steps / STEPS_PER_SECOND
    calm = bool(rng.random() < 0.03)
    run_play = bool(rng.random() < 0.42) and not calm
    caught = bool(run_play or rng.random() < 0.72) and not calm
    whistle = last - min(rng.uniform(1.3, 4.6), 0.5 * last)
    tackle = whistle - min(1.2, 0.3 * whistle)
    if run_play:
        handoff = min(rng.uniform(0.7, 1.4), 0.4 * tackle)
        return Script(calm, True, True, handoff, handoff, tackle, whistle, start, end)
    flight = min(rng.uniform(0.6, 1.4), 0.25 * tackle)
    catch = max(tackle - rng.uniform(0.2, 2.5), 0.55 * tackle) if caught else whistle
    return Script(calm, False, caught, catch - flight, catch, tackle, whistle, start, end)
