"""What is recorded of the machine, and what a GPU's processes are held to."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from hpo import device


@pytest.fixture(autouse=True)
def ask_anew(monkeypatch):
    device._gpu.cache_clear()
    for name in ("tensorflow", "jax", "torch"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    device._gpu.cache_clear()


class Config:
    """TensorFlow's settings of devices, as far as hpo knows them."""

    LogicalDeviceConfiguration = SimpleNamespace

    def __init__(self, *gpus):
        self.gpus, self.parts = gpus, {}

    def list_physical_devices(self, kind):
        assert kind == "GPU"
        return [*self.gpus]

    def set_logical_device_configuration(self, gpu, parts):
        self.parts[gpu] = parts


@pytest.fixture
def tensorflow(monkeypatch):
    """Put a TensorFlow in place that sees these GPUs."""

    def load(*gpus):
        module = ModuleType("tensorflow")
        module.config = Config(*gpus)
        monkeypatch.setitem(sys.modules, "tensorflow", module)
        return module

    return load


def test_without_a_library_that_uses_one_no_gpu_is_asked_for(nvidia_smi, monkeypatch):
    nvidia_smi("exit 1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    recorded = device.recorded_device()
    assert set(recorded) - {"backend"} == {"cpu", "cores", "threads"}  # other tests load Keras
    assert recorded["cores"] == device.cores()
    assert recorded["threads"] == 1


def test_unlimited_threads_are_as_many_as_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert device.recorded_device()["threads"] == device.cores()


def test_a_gpu_that_tensorflow_sees_is_recorded_with_its_driver(
    nvidia_smi, tensorflow, monkeypatch
):
    nvidia_smi()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    tensorflow("gpu")
    assert device.recorded_device().items() >= {"gpu": "Fake 2", "driver": "550.1"}.items()


def test_a_gpu_that_tensorflow_does_not_see_is_not(nvidia_smi, tensorflow):
    nvidia_smi()
    tensorflow()
    assert "gpu" not in device.recorded_device()


def test_a_gpu_that_torch_sees_is_recorded(nvidia_smi, monkeypatch):
    nvidia_smi()
    torch = ModuleType("torch")
    torch.cuda = SimpleNamespace(device_count=lambda: 1)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert device.recorded_device()["gpu"] == "Fake 1"


@pytest.fixture
def jax(monkeypatch):
    """Put a JAX in place that is to see devices of these platforms."""

    def load(*platforms):
        module = ModuleType("jax")
        module.local_devices = lambda: [SimpleNamespace(platform=name) for name in platforms]
        monkeypatch.setitem(sys.modules, "jax", module)
        return module

    return load


@pytest.mark.parametrize(("platforms", "seen"), [(["cpu"], 0), (["gpu", "gpu"], 2)])
def test_gpus_that_jax_sees_are_recorded(nvidia_smi, jax, monkeypatch, platforms, seen):
    nvidia_smi()
    jax(*platforms)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert device.gpus_seen() == seen
    assert ("gpu" in device.recorded_device()) == bool(seen)


def test_jax_is_not_woken_up_where_it_does_not_train(tensorflow, jax):
    tensorflow()
    jax().local_devices = lambda: pytest.fail("asked")
    assert device.gpus_seen() == 0


def test_a_gpu_without_nvidia_smi_is_no_reason_to_stop(nvidia_smi, tensorflow, caplog):
    nvidia_smi("exit 1")
    tensorflow("gpu")
    assert device.recorded_device()["gpu"] == "unknown"
    assert "which GPU it is can't be recorded: " in caplog.text


def test_tensorflow_is_held_to_a_part_of_the_memory(tensorflow):
    config = tensorflow("gpu").config
    device.limit_gpu_memory(4500)
    assert config.parts == {"gpu": [SimpleNamespace(memory_limit=4500)]}


def test_where_keras_trains_with_jax_tensorflow_is_not_needed(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    device.limit_gpu_memory(4500)
    assert "tensorflow" not in sys.modules


@pytest.mark.parametrize(("given", "recorded"), [(None, "tensorflow"), ("jax", "jax")])
def test_the_library_that_trains_is_recorded(monkeypatch, given, recorded):
    device.recorded_environment.cache_clear()
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if given:
        monkeypatch.setenv("KERAS_BACKEND", given)
    assert {*device.recorded_environment()} & {*device.BACKENDS} == {recorded}
    device.recorded_environment.cache_clear()


def test_packages_are_read_once_in_a_process(monkeypatch):
    device.recorded_environment.cache_clear()
    first = device.recorded_environment()
    monkeypatch.setattr(device, "environment", lambda _names: pytest.fail("read again"))
    assert device.recorded_environment() == first
