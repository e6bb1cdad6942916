"""The GPUs of this machine, as nvidia-smi lists them, and choosing among them."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hpo.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
QUERY = (
    "nvidia-smi",
    "--query-gpu=index,uuid,name,memory.total,driver_version",
    "--format=csv,noheader,nounits",
)
SLICES = ("nvidia-smi", "-L")
PATIENCE = 60  # seconds: a driver that is not in use takes long to initialise


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU, or a MIG slice of one."""

    id: str  # what CUDA_VISIBLE_DEVICES calls it
    uuid: str
    name: str
    memory: int | None  # in MiB, where it is known
    driver: str

    def is_called(self, name: str) -> bool:
        """Whether a name is its number, its UUID or the beginning of its UUID."""
        return name == self.id or ("-" in name and self.uuid.startswith(name))


def present() -> list[Gpu]:
    """Return the GPUs that this process may use.

    Raises:
        InputError: there is none, or nvidia-smi can't be run.
    """
    gpus = parse(_ask(QUERY), _ask_for_slices())
    if not gpus:
        raise InputError(f"no GPU was found: `{' '.join(QUERY)}` lists none")
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return gpus
    left = visible_of(gpus, visible)
    if not left:
        raise InputError(f"{VISIBLE}={visible} leaves none of the GPUs here: {_names(gpus)}")
    return left


def chosen(given: str, gpus: Sequence[Gpu]) -> list[Gpu]:
    """Return the GPUs that the user named, with these names as ids.

    Raises:
        InputError: one is unknown, or named twice.
    """
    if given.strip() == "all":
        return [*gpus]
    found: list[Gpu] = []
    for name in map(str.strip, given.split(",")):
        gpu = _find(gpus, name)
        if gpu is None:
            raise InputError(f'--gpus {given}: there is no GPU "{name}"; here are {_names(gpus)}')
        if gpu.uuid in {other.uuid for other in found}:
            raise InputError(f'--gpus {given}: "{name}" is there twice; --per-gpu starts more')
        found.append(replace(gpu, id=name))
    return found


def visible_of(gpus: Sequence[Gpu], visible: str) -> list[Gpu]:
    """Return the GPUs in CUDA_VISIBLE_DEVICES; like CUDA, up to the first unknown one."""
    left: list[Gpu] = []
    for name in map(str.strip, visible.split(",")):
        gpu = _find(gpus, name)
        if gpu is None:
            break
        left.append(gpu)
    return left


def parse(table: str, listing: str) -> list[Gpu]:
    """Parse nvidia-smi's output about GPUs and their slices; slices replace the divided GPU."""
    slices = dict(_slices(listing))
    gpus: list[Gpu] = []
    for line in filter(str.strip, table.splitlines()):
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 5:
            raise InputError(f"no GPU was found: `{' '.join(QUERY)}` says: {line.strip()}")
        index, uuid, name, memory, driver = fields
        total = int(memory) if memory.isdecimal() else None
        whole = Gpu(id=index, uuid=uuid, name=name, memory=total, driver=driver)
        gpus += [_slice(whole, *one) for one in slices.get(uuid, ())] or [whole]
    return gpus


def _slices(listing: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the UUID of each GPU with the profiles and UUIDs of its slices."""
    for part in re.split(r"^(?=GPU )", listing, flags=re.MULTILINE):
        if owner := re.search(r"\(UUID: (GPU-[^)]+)\)", part):
            yield owner[1], re.findall(r"^\s+MIG (\S+).*\(UUID: (MIG-[^)]+)\)", part, re.MULTILINE)


def _slice(whole: Gpu, profile: str, uuid: str) -> Gpu:
    size = re.search(r"\.(\d+)gb", profile)
    memory = int(size[1]) * 1024 if size else None
    return replace(whole, id=uuid, uuid=uuid, name=f"{whole.name} MIG {profile}", memory=memory)


def _find(gpus: Sequence[Gpu], name: str) -> Gpu | None:
    """Return the GPU of that name; None if there is none, or more than one."""
    found = [gpu for gpu in gpus if gpu.is_called(name)]
    return found[0] if len(found) == 1 else None


def _names(gpus: Sequence[Gpu]) -> str:
    return ", ".join(f"{gpu.id} ({gpu.name})" for gpu in gpus)


def _ask_for_slices() -> str:
    try:
        return _ask(SLICES)
    except InputError:  # a driver that can't list slices has none
        return ""


def _ask(command: Sequence[str]) -> str:
    words = " ".join(command)
    try:
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        raise InputError(f"no GPU was found: `{words}` can't be run: it is not there") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"no GPU was found: `{words}` can't be run: {error}") from error
    if said.returncode != 0:
        lines = f"{said.stdout}\n{said.stderr}".split("\n")
        reason = next((line.strip() for line in lines if line.strip()), f"code {said.returncode}")
        raise InputError(f"no GPU was found: `{words}` says: {reason}")
    return said.stdout
