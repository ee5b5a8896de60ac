"""One schedule from its seed to its verdict: the race, then what is left under way, then the fault-free run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from publisher.destinations.fleet.ports import FleetPorts
from publisher.model import DataKey, Outcome
from tests.simulation.engine.choices import Choices
from tests.simulation.engine.endings import check_clean, check_final, check_no_key, check_one_row, check_truth
from tests.simulation.engine.follower import Follower
from tests.simulation.engine.ports import Line
from tests.simulation.engine.process import Process, Worker
from tests.simulation.engine.publishers import StopToken, engine, ports_of
from tests.simulation.engine.rules import Rules
from tests.simulation.engine.scenario import Role, Scenario, draw
from tests.simulation.engine.scheduler import Scheduler, Violation
from tests.simulation.engine.sources import Sources
from tests.simulation.engine.world import World

Publisher = Callable[[Line, FleetPorts], Callable[[], Outcome]]
"""Makes what one process does; the production engine, or one that is wrong on purpose."""

REST_S = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    scenario: Scenario
    violation: Violation | None
    choices: Sequence[int]
    reached: Counter[str]
    steps: int
    longest_stop_s: float


def rule_of(violation: Violation | None) -> str:
    """Return the name of the broken rule."""
    return str(violation).partition(":")[0] if violation else ""


class Stage:
    """What all schedules share: the files and the threads. Close it."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.workers = [Worker() for _ in range(4)]
        self.logged: list[str] = []

    def close(self) -> None:
        for worker in self.workers:
            worker.end()


class Schedule:
    """Runs once. `publisher` other than the engine is not held to the model, and to the `watched` rules only."""

    def __init__(
        self,
        stage: Stage,
        seed: int,
        *,
        recorded: Sequence[int] | None = None,
        publisher: Publisher = engine,
        watched: frozenset[str] | None = None,
    ) -> None:
        self.scenario = draw(seed)
        self._watched = watched
        self._stage = stage
        self._publisher = publisher
        self._choices = Choices(seed, recorded)
        self._keys: list[DataKey] = []
        self._items = stage.sources.items(
            self.scenario.compression, reads_late=self.scenario.reads_late and publisher is engine
        )
        self._world = World(self.scenario)
        self._rules = Rules(self._world, stage.sources.contents, watched=watched)

    def run(self, trace: list[str] | None = None) -> Result:
        scheduler = Scheduler(self.scenario, self._choices, after_write=self._rules.check, trace=trace)
        try:
            self._play(scheduler)
            violation = None
        except Violation as broken:
            is_watched = self._watched is None or rule_of(broken) in self._watched
            violation = broken if is_watched else None
        return Result(
            self.scenario,
            violation,
            self._choices.made,
            scheduler.reached,
            scheduler.steps,
            scheduler.longest_stop_s,
        )

    def _play(self, scheduler: Scheduler) -> None:
        names = "ABCD"
        racers = [self._process(names[place], role, place) for place, role in enumerate(self.scenario.cast)]
        self._run(scheduler, racers)
        if self.scenario.is_calm:
            for process, role in zip(racers, self.scenario.cast, strict=True):
                if role != "stale-plan":
                    check_final(self._world, process, self._fingerprint(process), rule="RACE")
        scheduler.faults_left = 0
        self._settle_leftovers(scheduler)
        scheduler.now += REST_S
        reruns = []
        for role in dict.fromkeys("same" if role == "stale-plan" else role for role in self.scenario.cast):
            rerun = self._process(f"rerun {role}", role, 0)
            self._run(scheduler, [rerun])
            check_final(self._world, rerun, self._fingerprint(rerun), rule="RERUN")
            reruns.append(rerun)
        check_one_row(self._world)
        check_no_key([*racers, *reruns], self._keys, self._stage.logged)
        check_clean(self._world, self._stage.sources.spool)

    def _fingerprint(self, process: Process) -> str:
        return self._stage.sources.fingerprint_of(process.item)

    def _process(self, name: str, role: Role, place: int) -> Process:
        return Process(name, self._items[role], StopToken(), self._stage.workers[place].baton)

    def _run(self, scheduler: Scheduler, processes: Sequence[Process]) -> None:
        is_engine = self._publisher is engine
        runs = []
        for process in processes:
            follower = Follower(self._world, self._rules) if is_engine else None
            line = Line(process, scheduler, self._world, follower)
            ports = ports_of(line, spool=self._stage.sources.spool, keys=self._keys)
            runs.append((process, self._publisher(line, ports)))
        scheduler.run(runs, self._stage.workers)
        if scheduler.violation is not None:
            raise scheduler.violation
        for process in processes:
            check_truth(self._world, process, self._fingerprint(process))

    def _settle_leftovers(self, scheduler: Scheduler) -> None:
        if self.scenario.leftovers == "pending":
            return
        if self.scenario.leftovers == "delivered":
            for message in scheduler.undelivered:
                scheduler.deliver_late(message)
        scheduler.undelivered.clear()
