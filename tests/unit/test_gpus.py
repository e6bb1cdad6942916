"""Which GPUs there are, and which of them the user meant."""

import pytest

from hpo.errors import InputError
from hpo.gpus import chosen, parse, present, visible_of

TABLE = """\
0, GPU-aaaa1111-0000, NVIDIA A100-SXM4-40GB, 40960, 550.54.15
1, GPU-aaaa2222-0000, NVIDIA A100-SXM4-40GB, 40960, 550.54.15
2, GPU-bbbb3333-0000, NVIDIA GB10, [N/A], 550.54.15
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa1111-0000)
  MIG 3g.20gb     Device  0: (UUID: MIG-cccc1111-0000)
  MIG 1g.5gb+me   Device  1: (UUID: MIG-cccc2222-0000)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa2222-0000)
GPU 2: NVIDIA GB10 (UUID: GPU-bbbb3333-0000)
"""


@pytest.fixture
def gpus():
    return parse(TABLE, "")


@pytest.fixture
def divided():
    return parse(TABLE, DIVIDED)


def ids(gpus):
    return [gpu.id for gpu in gpus]


def test_a_line_is_a_gpu(gpus):
    assert ids(gpus) == ["0", "1", "2"]
    assert [gpu.memory for gpu in gpus] == [40960, 40960, None]
    assert (gpus[0].name, gpus[0].driver) == ("NVIDIA A100-SXM4-40GB", "550.54.15")


def test_the_slices_of_a_divided_gpu_stand_for_it(divided):
    assert ids(divided) == ["MIG-cccc1111-0000", "MIG-cccc2222-0000", "1", "2"]
    assert [gpu.memory for gpu in divided] == [20 * 1024, 5 * 1024, 40960, None]
    assert divided[0].name == "NVIDIA A100-SXM4-40GB MIG 3g.20gb"


def test_no_line_is_no_gpu():
    assert parse("\n", "") == []


def test_another_table_is_shown():
    with pytest.raises(InputError, match=r"nvidia-smi .* says: Unable to determine"):
        parse("Unable to determine the device handle", "")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("all", ["0", "1", "2"]),
        ("2", ["2"]),
        ("2, 0", ["2", "0"]),
        ("GPU-aaaa2222-0000", ["GPU-aaaa2222-0000"]),
        ("GPU-b", ["GPU-b"]),  # CUDA takes the beginning, too
    ],
)
def test_gpus_are_called_as_the_user_calls_them(gpus, given, meant):
    assert ids(chosen(given, gpus)) == meant


def test_a_slice_is_chosen_by_its_uuid(divided):
    (one,) = chosen("MIG-cccc2222-0000", divided)
    assert (one.id, one.memory) == ("MIG-cccc2222-0000", 5 * 1024)


@pytest.mark.parametrize("name", ["7", "GPU-x", "GPU-aaaa", "", "-1", "1.0"])
def test_an_unknown_gpu_is_named_beside_those_that_are_there(gpus, name):
    with pytest.raises(InputError) as refused:
        chosen(f"0,{name}", gpus)
    assert str(refused.value) == (
        f'--gpus 0,{name}: there is no GPU "{name}"; here are 0 (NVIDIA A100-SXM4-40GB), '
        "1 (NVIDIA A100-SXM4-40GB), 2 (NVIDIA GB10)"
    )


@pytest.mark.parametrize("given", ["0,0", "0,GPU-aaaa1111-0000"])
def test_a_gpu_that_is_named_twice_is_refused(gpus, given):
    with pytest.raises(InputError, match="is there twice; --per-gpu starts more"):
        chosen(given, gpus)


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        ("1", ["1"]),
        ("2,0", ["2", "0"]),
        ("GPU-bbbb3333-0000", ["2"]),
        ("1,7,0", ["1"]),  # CUDA stops there
        ("", []),
        ("-1", []),
    ],
)
def test_only_what_cuda_shows_is_there(gpus, visible, left):
    assert ids(visible_of(gpus, visible)) == left


# ---- nvidia-smi itself


def test_those_of_nvidia_smi_are_here(nvidia_smi):
    nvidia_smi()
    assert ids(present()) == ["0", "1"]


def test_cuda_visible_devices_is_heeded(nvidia_smi, monkeypatch):
    nvidia_smi()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert ids(present()) == ["1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match=r"^CUDA_VISIBLE_DEVICES= leaves none of the GPUs here: 0"):
        present()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "lists none"),
        ("echo; echo No devices were found; exit 6", "says: No devices were found"),
        ("echo no driver >&2; exit 9", "says: no driver"),
        ("exit 9", "says: code 9"),
    ],
)
def test_why_there_is_no_gpu(nvidia_smi, script, reason):
    nvidia_smi(script)
    with pytest.raises(InputError, match=r"^no GPU was found: `nvidia-smi ") as refused:
        present()
    assert str(refused.value).endswith(reason)


def test_without_nvidia_smi_there_is_no_gpu(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="can't be run: it is not there"):
        present()


def test_an_nvidia_smi_that_can_not_list_slices_will_do(nvidia_smi):
    nvidia_smi('[ "$1" = -L ] && exit 2; echo "0, GPU-1, Old, 1024, 300.1"')
    assert ids(present()) == ["0"]
