"""The trials of a script, and the machines that they ran on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from hpo.device import BACKENDS, RECORDED
from hpo.export.known import Several
from hpo.storage.keys import DEVICE, EARLIER, ENVIRONMENT

# How far a value may be off where versions or the processor differ: another order of sums turns
# single rows over for an SVM, and does to a network what another seed would.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Members:
    """The trials of a script, and the Params of each."""

    trials: Sequence[FrozenTrial]
    params: Sequence[Any]

    @property
    def several(self) -> bool:
        """Whether the script averages several trials."""
        return len(self.trials) > 1

    @property
    def backend(self) -> str:
        """The backend of Keras that the first trial ran with, or would have."""
        device: Mapping[str, str] = self.trials[0].user_attrs.get(DEVICE, {})
        return device.get("backend", BACKENDS[0])

    @property
    def kernels(self) -> str:
        """The first trial's setting of TensorFlow's kernels; empty if it had none."""
        return _kernels(self.trials[0].user_attrs)

    @property
    def gpus(self) -> list[str]:
        """The names of the GPUs that they ran on; empty if all ran on CPUs."""
        devices = [machine.get(DEVICE, {}) for machine in self._machines()]
        return sorted({device["gpu"] for device in devices if "gpu" in device})

    @property
    def common(self) -> Any:
        """The parameters that all trials share, as attributes."""
        return Several(self.params) if self.several else self.params[0]

    def environment(self, packages: Iterable[str]) -> dict[str, str]:
        """Return what was recorded last of the first trial's machine, as far as values need it."""
        return _part(self.trials[0].user_attrs[ENVIRONMENT], packages)

    def differ(self, packages: Sequence[str]) -> bool:
        """Whether the machines differ, so that none repeats all values to the last digit."""
        first, *others = (
            (_part(machine.get(ENVIRONMENT, {}), packages), _kernels(machine))
            for machine in self._machines()
        )
        return any(other != first for other in others)

    def _machines(self) -> Iterator[Mapping[str, Any]]:
        for trial in self.trials:
            yield trial.user_attrs
            yield from trial.user_attrs.get(EARLIER, [])


def _part(environment: Mapping[str, str], packages: Iterable[str]) -> dict[str, str]:
    """Return what values depend on; beside the given packages, those of own training code."""
    own = (name for name in environment if name not in {*RECORDED, *BACKENDS, "processor"})
    names = dict.fromkeys(("python", *packages, *own, "processor"))
    return {name: environment[name] for name in names if name in environment}


def _kernels(machine: Mapping[str, Any]) -> str:
    device: Mapping[str, str] = machine.get(DEVICE, {})
    return device.get("kernels", "")
