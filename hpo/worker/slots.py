"""The worker processes to start on a machine, and the environment and options of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.gpus import VISIBLE, Gpu

SHARE = 0.9  # of a GPU's memory for all of its processes; CUDA needs the rest

# Without these, the first process that sees a GPU takes all of its memory.
GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A worker process to keep running, whatever crashes."""

    name: str
    environment: Mapping[str, str] = field(default_factory=lambda: GROWTH)
    options: Sequence[str] = ()  # of `hpo worker`


def plain_slots(count: int) -> list[Slot]:
    """Return identical slots, whose processes see the GPUs that this one sees."""
    return [Slot(name=f"worker-{n}") for n in range(1, count + 1)]


def gpu_slots(gpus: Sequence[Gpu], per_gpu: int) -> list[Slot]:
    """Return `per_gpu` slots for each GPU, which share its memory equally."""
    return [_gpu_slot(gpu, n, per_gpu) for n in range(1, per_gpu + 1) for gpu in gpus]


def _gpu_slot(gpu: Gpu, number: int, per_gpu: int) -> Slot:
    share = SHARE / per_gpu
    pinned = {
        **GROWTH,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # numbers GPUs as nvidia-smi does
        VISIBLE: gpu.id,
        **({"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{share:.3f}"} if per_gpu > 1 else {}),
    }
    limited = per_gpu > 1 and gpu.memory is not None
    return Slot(
        name=f"gpu-{gpu.id.replace('/', '-')}-{number}",
        environment=pinned,
        options=("--gpu-memory", str(int(gpu.memory * share))) if limited and gpu.memory else (),
    )
