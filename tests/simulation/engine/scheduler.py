"""Who goes on, and what becomes of each request: the loop in the middle of the simulation.

It has no thread of its own. A process that reaches a scheduling point runs the loop itself, until the loop says whose
turn it is; if it is another's, the baton is handed over. Simulated time passes with every step and jumps over waits.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from publisher.errors import PublisherError
from publisher.model import Outcome
from tests.simulation.engine.choices import Choices
from tests.simulation.engine.network import DELIVERED, Message
from tests.simulation.engine.process import Killed, Process, Worker
from tests.simulation.engine.scenario import Scenario

STEP_S = 0.01
STEP_LIMIT = 5000
SIGTERM = 15
FREEZES_S = (1.0, 61.0, 1200.0)


class Violation(Exception):  # noqa: N818 - what the simulation looks for, not a failure of it
    """A rule of the protocol was broken."""


class Scheduler:
    """Runs processes against each other. `after_write` is called after every change of the world, and may object."""

    def __init__(
        self, scenario: Scenario, choices: Choices, *, after_write: Callable[[], None], trace: list[str] | None = None
    ) -> None:
        self.scenario = scenario
        self.now = 0.0
        self.steps = 0
        self.longest_stop_s = 0.0
        self.reached: Counter[str] = Counter()
        self.violation: Violation | None = None
        self.undelivered: list[Message] = []
        self.faults_left = scenario.faults
        self._choices = choices
        self._after_write = after_write
        self._trace = trace
        self._live: list[Process] = []
        self._current: Process | None = None
        self._main = threading.Lock()
        self._main.acquire()

    # What processes call.

    def request(self, process: Process, message: Message) -> object:
        """Send a request and wait for its answer; an answer that is an exception is raised."""
        self._require_alive(process)
        process.message = message
        self._switch(process)
        answer, process.answer = process.answer, None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def linger(self, process: Process, *, likelihood: float = 0.1) -> None:
        """Let others go first, perhaps: a scheduling point without a request."""
        self._require_alive(process)
        if len(self._live) > 1 and self._choices.pick((1 - likelihood, likelihood)):
            self._switch(process)

    def sleep(self, process: Process, seconds: float) -> None:
        self._require_alive(process)
        process.wakes_at = self.now + seconds
        self._switch(process)

    def object_to(self, process: Process, broken: str) -> None:
        """End the schedule: this process is about to break a rule."""
        self._fail(Violation(f"{process.name}: {broken}"))
        raise Killed

    def tell(self, who: str, what: str) -> None:
        if self._trace is not None:
            self._trace.append(f"{self.now:9.2f}s {who:>8} {what}")

    # What the schedule calls.

    def run(self, processes: Sequence[tuple[Process, Callable[[], Outcome]]], workers: Sequence[Worker]) -> None:
        """Run until all have ended or were killed, or a rule is broken."""
        for (process, publish), worker in zip(processes, workers, strict=False):
            worker.work = self._work(process, publish)
        self._live = [process for process, _ in processes]
        self._current = None
        turn = self._advance()
        if turn is not self._main:
            turn.release()
            self._main.acquire()

    def deliver_late(self, message: Message) -> None:
        self.tell("network", f"{message.sender}'s late {message.what} arrives")
        self.reached[f"late {message.operation}"] += 1
        self._apply(message)

    # The loop.

    def _fail(self, violation: Violation) -> None:
        if self.violation is None:
            self.violation = violation
            self.tell("rule", f"broken: {violation}")

    def _work(self, process: Process, publish: Callable[[], Outcome]) -> Callable[[], threading.Lock]:
        def work() -> threading.Lock:
            try:
                process.outcome = publish()
                self.tell(process.name, f"ends: {process.outcome.status} ({process.outcome.reason})")
            except Killed:
                pass
            except Exception as error:
                self._fail(Violation(f"{process.name}: publish raised {type(error).__name__}: {error}"))
            if process.stopped_at is not None and not process.is_killed:
                self.longest_stop_s = max(self.longest_stop_s, self.now - process.stopped_at)
            self._live.remove(process)
            return self._advance()

        return work

    def _switch(self, process: Process) -> None:
        turn = self._advance()
        if turn is not process.baton:
            turn.release()
            process.baton.acquire()
        self._require_alive(process)

    def _require_alive(self, process: Process) -> None:
        if process.is_killed:
            raise Killed

    def _advance(self) -> threading.Lock:
        """Return the baton of whoever runs next: a process with an answer, one to be unwound, or the main thread."""
        try:
            while self._live and self.violation is None:
                turn = self._step()
                if turn is not None:
                    self._current = turn
                    return turn.baton
        except Violation as violation:
            self._fail(violation)
        if not self._live:
            return self._main
        self._live[0].is_killed = True
        return self._live[0].baton

    def _step(self) -> Process | None:
        self.steps += 1
        if self.steps > STEP_LIMIT:
            raise Violation(f"not finished after {STEP_LIMIT} steps")
        self.now += STEP_S
        scenario, faulty = self.scenario, self.faults_left > 0
        if faulty or self.undelivered:
            weights = (
                1.0,
                scenario.late if self.undelivered else 0.0,
                scenario.crash if faulty else 0.0,
                scenario.stop if faulty else 0.0,
                scenario.suspend if faulty else 0.0,
            )
            match self._choices.pick(weights):
                case 1:
                    self._late()
                    return None
                case 2:
                    return self._crash()
                case 3:
                    self._stop()
                    return None
                case 4:
                    self._suspend()
                    return None
        process = self._next()
        if process.message is None:
            self.now = max(self.now, process.wakes_at)
            return process
        self._settle(process, process.message)
        return None

    def _next(self) -> Process:
        if len(self._live) == 1:
            return self._live[0]
        ready = [p for p in self._live if p.message is not None or p.wakes_at <= self.now]
        if not ready:
            return min(self._live, key=lambda process: process.wakes_at)
        if len(ready) == 1:
            return ready[0]
        if self._current in ready:
            ready.remove(self._current)
            ready.insert(0, self._current)
        others = (1 - self.scenario.stickiness) / (len(ready) - 1)
        return ready[self._choices.pick((self.scenario.stickiness, *[others] * (len(ready) - 1)))]

    def _settle(self, process: Process, message: Message) -> None:
        fate = DELIVERED
        if self.faults_left > 0 and message.fates:
            # Writes are few among the requests, and what becomes of them matters most.
            rate = self.scenario.message_fault * (1.5 if message.writes else 0.5)
            index = self._choices.pick((1 - rate, *[rate / len(message.fates)] * len(message.fates)))
            if index:
                fate = message.fates[index - 1]
                self.faults_left -= 1
        self.tell(process.name, f"{message.what}: {fate.name}")
        self.reached[f"{message.operation}: {fate.name}"] += 1
        answer: object = None
        for _ in range(fate.applied):
            answer = self._apply(message)
        if fate.stays:
            self.undelivered.append(message)
        process.message = None
        process.answer = answer if fate.answer is None else fate.answer()

    def _apply(self, message: Message) -> object:
        try:
            answer = message.apply()
        except (PublisherError, RuntimeError) as refusal:
            answer = refusal
        if message.writes:
            self._after_write()
        return answer

    # The weather.

    def _late(self) -> None:
        message = self.undelivered.pop(self._choices.pick([1.0] * len(self.undelivered)))
        if self._choices.pick((0.75, 0.25)):
            self.tell("network", f"{message.sender}'s late {message.what} is lost")
        else:
            self.deliver_late(message)

    def _victim(self) -> Process:
        return self._live[self._choices.pick([1.0] * len(self._live))]

    def _crash(self) -> Process:
        self.faults_left -= 1
        process = self._victim()
        message = process.message
        if message is not None:
            # A request may be under way when its sender dies: it is lost, arrives now, or arrives later.
            match self._choices.pick((1.0, 1.0, 1.0)):
                case 1:
                    self._apply(message)
                case 2:
                    self.undelivered.append(message)
        after = f"after sending {message.operation}" if message else "between requests"
        self.reached[f"killed {after}"] += 1
        self.tell(process.name, f"is killed {after}")
        process.message = None
        process.is_killed = True
        return process

    def _stop(self) -> None:
        process = self._victim()
        if process.stopped_at is None:
            self.faults_left -= 1
            process.stopped_at = self.now
            process.cancellation.request(SIGTERM)
            self.reached["stop requested"] += 1
            self.tell(process.name, "is asked to stop")

    def _suspend(self) -> None:
        self.faults_left -= 1
        process = self._victim()
        seconds = FREEZES_S[self._choices.pick([1.0] * len(FREEZES_S))]
        process.wakes_at = self.now + seconds
        self.reached["suspended"] += 1
        self.tell(process.name, f"is suspended for {seconds:g} s")
