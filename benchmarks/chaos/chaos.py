"""Does a study survive whatever happens to its workers, its database, its network, its disk?

    python benchmarks/chaos/chaos.py --seed 1                       # hpo, a study that is all steps
    python benchmarks/chaos/chaos.py --seed 1 --baseline            # plain Optuna, the same events
    python benchmarks/chaos/chaos.py --seed 1 --scenario network    # a real network; or halving

Prints what happened and which promises were kept; exits with 1 unless all were.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from checks import ONE_AT_A_TIME, Facts, Verdict, judge
from ordeal import HPO, PLAIN, Ordeal, open_folder
from record import Record
from scenario import SCENARIOS, Timing
from schedule import ALL, plan

LONGEST = 900.0  # seconds for a whole run at the usual scale


def table(record: Record, verdicts: list[Verdict]) -> Iterator[str]:
    """Yield the lines of a markdown table about a run."""
    facts = Facts(record)
    states = Counter(row.state for row in record.rows)
    happened = Counter(event.kind for event in record.events)
    repeats = Counter(repeat.reason for repeat in facts.repeats)
    computed = sum(line.what == "end" for line in record.lines)
    gave_up = sum(process.gave_up for process in record.processes)
    twins = sum(len(rows) > 1 for rows in facts.by_params.values())
    at_once = sum(len(v.against) for v in verdicts if v.promise == ONE_AT_A_TIME)
    kept = sum(verdict.was_kept for verdict in verdicts)
    yield "| what | count |\n| --- | --- |"
    for kind, planned in record.planned.items():
        yield f"| {kind.value} | {happened[kind]} of {planned} |"
    yield f"| duration | {record.ended - record.begun:.0f} s |"
    yield f"| trials finished, of {record.budget} | {_listed(states)} |"
    yield f"| parameters without a result | {len(facts.without_result)} |"
    yield f"| parameters in more than one trial | {twins} |"
    yield f"| steps computed twice at once | {at_once} |"
    yield f"| steps computed | {computed} |"
    yield f"| of them once more, by reason | {_listed(repeats)} |"
    yield f"| workers started, of them gave up | {len(record.processes)}, {gave_up} |"
    yield f"| promises kept | {kept} of {len(verdicts)} |"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name.lower()} {count}" for name, count in sorted(counts.items())) or "0"


def main() -> None:
    """Run one study through chaos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", choices=SCENARIOS, default="steps")
    parser.add_argument("--baseline", action="store_true", help="plain Optuna in place of hpo")
    parser.add_argument("--scale", type=float, default=0.1, help="1: the product's own times")
    parser.add_argument("--keep", type=Path, help="a new folder for the logs")
    given = parser.parse_args()
    ordeal = Ordeal(
        scenario=SCENARIOS[given.scenario],
        contender=PLAIN if given.baseline else HPO,
        planned=plan(given.seed, ALL),
        timing=Timing(scale=given.scale),
        longest=LONGEST * max(1.0, given.scale / Timing.scale),
    )
    if given.keep:
        given.keep.mkdir(mode=0o711, parents=True)
    with nullcontext(given.keep.absolute()) if given.keep else open_folder() as folder:
        record = ordeal.run(folder)
    verdicts = judge(record)
    print(*table(record, verdicts), "", *verdicts, sep="\n")
    sys.exit(not all(verdict.was_kept for verdict in verdicts))


if __name__ == "__main__":
    main()
