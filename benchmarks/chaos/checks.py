"""What must be true of every run, as a pure function of what was recorded."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from journal import Line, Owner
from record import Event, Record, Row
from schedule import Kind

RESULTS = ("COMPLETE", "PRUNED")
FINISHED = (*RESULTS, "FAIL")
CUTS = (Kind.STALL, Kind.RESET)
UNEXCUSED = ("nothing", "gave up")  # why no step may be computed again; other reasons cost one
SLACK = 0.5  # seconds between what happens and what is written down of it
SHOWN = 5  # examples in a message

StepKey = tuple[int, str, int]
"""A step: its trial's seed, its fold, its number."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether one promise was kept, and what speaks against it."""

    promise: str
    against: Sequence[str]

    @property
    def was_kept(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.against

    def __str__(self) -> str:
        if self.was_kept:
            return f"ok      {self.promise}"
        shown = [*self.against[:SHOWN], *(["..."] if len(self.against) > SHOWN else [])]
        return "\n        ".join([f"BROKEN  {self.promise}", *shown])


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time in which one process computed one step."""

    owner: Owner
    key: StepKey
    begun: float
    ended: float  # when it was computed, or its process died
    is_whole: bool  # whether it was computed

    def overlaps(self, other: "Span") -> bool:
        """Whether both were computed at once."""
        return self.begun < other.ended and other.begun < self.ended

    def __str__(self) -> str:
        _, fold, step = self.key
        return f"process {self.owner[0]}, {fold} step {step}, {self.begun:.2f} to {self.ended:.2f}"


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A step that was computed once more, and what had happened before."""

    key: StepKey
    loser: Owner  # who had the trial before
    owner: Owner
    reason: str


@dataclass(frozen=True)
class Facts:
    """What follows from a record."""

    record: Record

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The number of the trial with each seed."""
        return {rerun.seed: number for number, rerun in self.record.reruns.items()}

    @cached_property
    def spans(self) -> dict[int, list[Span]]:
        """What was computed of each trial, by its seed, in the order of its beginnings."""
        found: dict[int, list[Span]] = defaultdict(list)
        ends = {(e.owner, _key(e), e.at): e for e in self.record.lines if e.what == "end"}
        for line in self.record.lines:
            if line.what == "begin":
                found[line.seed].append(self._span(line, [*ends.values()]))
        return {seed: sorted(spans, key=lambda span: span.begun) for seed, spans in found.items()}

    @cached_property
    def repeats(self) -> list[Repeat]:
        """Each step that was computed, and then once more."""
        by_step: dict[StepKey, list[Span]] = defaultdict(list)
        for span in (span for spans in self.spans.values() for span in spans if span.is_whole):
            by_step[span.key].append(span)
        return [
            self._repeat(second)
            for spans in by_step.values()
            for second in sorted(spans, key=lambda span: span.begun)[1:]
        ]

    @cached_property
    def by_params(self) -> dict[str, list[Row]]:
        """The trials that tried the same."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.record.rows:
            if row.params:
                found[str(sorted(row.params.items()))].append(row)
        return found

    @cached_property
    def without_result(self) -> list[Row]:
        """The first trials with parameters that came to nothing, though nobody failed them."""
        by_hand = {event.trial for event in self.events(Kind.FAIL)}
        return [
            rows[0]
            for rows in self.by_params.values()
            if all(row.state not in RESULTS and row.number not in by_hand for row in rows)
        ]

    def events(self, *kinds: Kind) -> list[Event]:
        """Return the events of some kinds."""
        return [event for event in self.record.events if event.kind in kinds]

    def name(self, seed: int) -> str:
        """Name a trial."""
        return f"trial {self.numbers[seed]}" if seed in self.numbers else f"lost trial {seed}"

    def was_stopped_in(self, span: Span) -> bool:
        """Whether its process was stopped in it, or just before: it may finish it, and no other.

        What a stopped process had been allowed to begin can't be told from what it had begun.
        """
        return any(
            event.pid == span.owner[0]
            and event.at < span.ended
            and span.begun < event.until + SLACK
            and not any(
                other.owner == span.owner and event.at < other.ended <= span.begun
                for other in self.spans[span.key[0]]
            )
            for event in self.events(Kind.STOP)
        )

    def _was_stopped_after(self, span: Span) -> bool:
        """Whether its process was stopped before it can have told of it."""
        return any(
            event.pid == span.owner[0] and 0 <= event.at - span.ended < SLACK
            for event in self.events(Kind.STOP)
        )

    def died(self, pid: int) -> float:
        """Return when a process ended."""
        return max((p.ended for p in self.record.processes if p.pid == pid), default=float("inf"))

    def _span(self, begin: Line, ends: Sequence[Line]) -> Span:
        same = (e for e in ends if e.owner == begin.owner and _key(e) == _key(begin))
        ended = min((e.at for e in same if e.at >= begin.at), default=None)
        return Span(
            owner=begin.owner,
            key=_key(begin),
            begun=begin.at,
            ended=self.died(begin.pid) if ended is None else ended,
            is_whole=ended is not None,
        )

    def _repeat(self, span: Span) -> Repeat:
        loser = self._had_it_before(span)
        return Repeat(key=span.key, loser=loser, owner=span.owner, reason=self._reason(span, loser))

    def _had_it_before(self, span: Span) -> Owner:
        """Return who had a trial last, the step among what was kept, before it was taken once more.

        Who took it and began with that very step did not have it any more.
        """
        seed, *place = span.key
        takes = [t for t in self.record.lines if t.what == "take" and t.seed == seed]
        again = max(t.at for t in takes if t.owner == span.owner and t.at <= span.begun)
        before = [line.owner for line in takes if line.at < again]
        spans = [other for other in self.spans[seed] if other.begun < again]
        had_it = {s.owner for s in spans if s.is_whole and s.key == span.key}
        had_it |= {s.owner for s in spans if [*s.key[1:]] > place}
        return next(filter(had_it.__contains__, reversed(before)), span.owner)

    def _seed_of(self, event: Event) -> int | None:
        rerun = self.record.reruns.get(event.trial) if event.trial is not None else None
        return rerun.seed if rerun else None

    def _reason(self, span: Span, loser: Owner) -> str:
        """Say what made a step be computed again: what had happened to who had the trial."""
        seed, pid = span.key[0], loser[0]
        past = [event for event in self.record.events if event.at < span.begun]
        if any(event.kind is Kind.UNWRITABLE and self._seed_of(event) == seed for event in past):
            return "unwritable"
        if any(event.kind is Kind.KILL and event.pid == pid for event in past):
            return "kill"
        theirs = [other for other in self.spans[seed] if other.owner == loser]
        if any(self.was_stopped_in(other) or self._was_stopped_after(other) for other in theirs):
            return "stop"
        if any(process.pid == pid and process.gave_up for process in self.record.processes):
            return "gave up"
        last = max((other.begun for other in theirs), default=span.begun)
        return "cut" if any(e.kind in CUTS and last < e.until + SLACK for e in past) else "nothing"


def judge(record: Record) -> list[Verdict]:
    """Say of each promise whether it was kept."""
    facts = Facts(record)
    return [Verdict(promise=name, against=[*find(facts)]) for name, find in PROMISES.items()]


def _in_time(facts: Facts) -> Iterator[str]:
    if not facts.record.in_time:
        yield f"workers were left after {facts.record.ended - facts.record.begun:.0f} s"


def _everything_happened(facts: Facts) -> Iterator[str]:
    happened = Counter(event.kind for event in facts.record.events)
    for kind, count in facts.record.planned.items():
        if happened[kind] < count:
            yield f"{kind.value}: {happened[kind]} of {count}; make the steps longer"
    last = max((line.at for line in facts.record.lines), default=0.0)
    for event in facts.record.events:
        if event.at > last + SLACK:  # before that, it may have hit the record of that step
            yield f"{event.kind.value} {event.at - last:.1f} s after the last step"


def _budget(facts: Facts) -> Iterator[str]:
    states = Counter(row.state for row in facts.record.rows)
    if sum(states[state] for state in FINISHED) != facts.record.budget:
        yield f"{dict(states)} for a budget of {facts.record.budget}"


def _none_is_left(facts: Facts) -> Iterator[str]:
    for row in facts.record.rows:
        if row.state not in FINISHED:
            yield f"trial {row.number} is {row.state}"


def _numbers(facts: Facts) -> Iterator[str]:
    numbers = [row.number for row in facts.record.rows]
    if numbers != [*range(facts.record.budget)]:
        yield f"{numbers}"


def _none_is_lost(facts: Facts) -> Iterator[str]:
    by_hand = {event.trial for event in facts.events(Kind.FAIL)}
    for row in facts.record.rows:
        if row.state == "FAIL" and row.number not in by_hand:
            yield f"trial {row.number} FAILed: {row.error or 'nobody says why'}"
        if row.state != "FAIL" and row.number in by_hand:
            yield f"trial {row.number} is {row.state}, but a person had failed it"


def _params(facts: Facts) -> Iterator[str]:
    rows = {row.number: row for row in facts.record.rows}
    for twins in facts.by_params.values():
        if len(twins) > 1:
            yield f"trials {[row.number for row in twins]} have the same parameters"
    for number, params in facts.record.seen.items():
        if number not in rows:
            yield f"trial {number} is gone"
        elif not params.items() <= rows[number].params.items():
            yield f"trial {number} had {params} and has {rows[number].params}"
    for seed in {line.seed for line in facts.record.lines} - set(facts.numbers):
        yield f"what was computed with seed {seed} belongs to no trial"


def _one_at_a_time(facts: Facts) -> Iterator[str]:
    for seed, spans in facts.spans.items():
        for a, b in combinations(spans, 2):
            excused = facts.was_stopped_in(a) or facts.was_stopped_in(b)
            if a.owner != b.owner and a.overlaps(b) and not excused:
                yield f"{facts.name(seed)}: {a}; and {b}"


def _lost_is_lost(facts: Facts) -> Iterator[str]:
    """Find steps that were begun by who no longer had the trial."""
    takes = [line for line in facts.record.lines if line.what == "take"]
    for seed, spans in facts.spans.items():
        for span in spans:
            before = [t for t in takes if t.seed == seed and t.at <= span.begun]
            has_it = max(before, key=lambda line: line.at).owner
            if has_it != span.owner and not facts.was_stopped_in(span):
                yield f"{facts.name(seed)} was process {has_it[0]}'s, but {span}"


def _failed_is_failed(facts: Facts) -> Iterator[str]:
    """Find steps that were begun after a person had failed the trial."""
    failed = {event.trial: event.until for event in facts.events(Kind.FAIL)}
    for seed, spans in facts.spans.items():
        number = facts.numbers.get(seed)
        for span in spans if number in failed else ():
            if span.begun > failed[number] + SLACK and not facts.was_stopped_in(span):
                yield f"trial {number} was failed at {failed[number]:.2f}, but {span}"


def _nothing_again(facts: Facts) -> Iterator[str]:
    by_loss = Counter((r.reason, r.key[0], r.loser, r.owner) for r in facts.repeats)
    for (reason, seed, loser, owner), steps in by_loss.items():
        if reason in UNEXCUSED or (reason != "unwritable" and steps > 1):
            who = f"process {owner[0]} after {loser[0]}"
            yield f"{facts.name(seed)}: {steps} steps once more by {who}; reason: {reason}"


def _values(facts: Facts) -> Iterator[str]:
    for row in facts.record.rows:
        if row.number in facts.record.reruns:
            yield from _differences(facts, row)


def _differences(facts: Facts, row: Row) -> Iterator[str]:
    clean = facts.record.reruns[row.number]
    if row.state == "COMPLETE" and row.value != clean.value:
        yield f"trial {row.number}: value {row.value}, undisturbed {clean.value}"
    if row.state == "COMPLETE" and set(row.curve) != set(clean.curve):
        yield f"trial {row.number}: steps {sorted(row.curve)} of {sorted(clean.curve)}"
    for step, value in sorted(row.curve.items()):
        if clean.curve.get(step) != value:
            yield f"trial {row.number}, step {step}: {value}, undisturbed {clean.curve.get(step)}"
            return


def _nobody_gave_up(facts: Facts) -> Iterator[str]:
    worked = {line.pid for line in facts.record.lines}
    for process in facts.record.processes:
        if process.gave_up and process.pid in worked:
            yield f"process {process.pid} ended with {process.code}: {process.last_words}"


ONE_AT_A_TIME = "no trial runs twice at once"
PROMISES: dict[str, Callable[[Facts], Iterator[str]]] = {
    "the study ends": _in_time,
    "all events happened before that": _everything_happened,
    "exactly the budget is finished": _budget,
    "no trial runs or waits": _none_is_left,
    "the numbers have no gaps": _numbers,
    "no trial is lost": _none_is_lost,
    "no parameters are lost or tried twice": _params,
    ONE_AT_A_TIME: _one_at_a_time,
    "who has lost a trial does not go on": _lost_is_lost,
    "who failed a trial by hand has ended it": _failed_is_failed,
    "no finished step is computed again": _nothing_again,
    "values and curves are those of an undisturbed run": _values,
    "no worker gives up": _nobody_gave_up,
}


def _key(line: Line) -> StepKey:
    return line.seed, line.fold, line.step
