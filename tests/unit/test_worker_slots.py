"""The processes that a machine gets, and what each is given."""

import pytest

from hpo.gpus import Gpu
from hpo.worker.slots import gpu_slots, plain_slots

FIRST = Gpu(id="0", uuid="GPU-1", name="A", memory=10_000, driver="1")
SECOND = Gpu(id="GPU-2/x", uuid="GPU-2/x", name="B", memory=None, driver="1")


def test_plain_slots_see_what_their_parent_sees():
    slots = plain_slots(2)
    assert [slot.name for slot in slots] == ["worker-1", "worker-2"]
    for slot in slots:
        assert "CUDA_VISIBLE_DEVICES" not in slot.environment
        assert slot.options == ()


def test_each_gpu_gets_its_slots():
    slots = gpu_slots([FIRST, SECOND], 2)
    assert [slot.name for slot in slots] == ["gpu-0-1", "gpu-GPU-2-x-1", "gpu-0-2", "gpu-GPU-2-x-2"]
    pinned = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots]
    assert pinned == ["0", "GPU-2/x"] * 2
    assert {slot.environment["CUDA_DEVICE_ORDER"] for slot in slots} == {"PCI_BUS_ID"}


def test_one_process_on_a_gpu_takes_what_it_needs():
    (slot,) = gpu_slots([FIRST], 1)
    assert slot.environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert slot.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in slot.environment
    assert slot.options == ()


@pytest.mark.parametrize(
    ("per_gpu", "megabytes", "share"), [(2, "4500", "0.450"), (3, "3000", "0.300")]
)
def test_several_processes_divide_a_gpu(per_gpu, megabytes, share):
    for slot in gpu_slots([FIRST], per_gpu):
        assert slot.options == ("--gpu-memory", megabytes)
        assert slot.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == share


def test_memory_of_unknown_size_is_not_divided_in_megabytes():
    for slot in gpu_slots([SECOND], 2):
        assert slot.options == ()
        assert slot.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.450"
