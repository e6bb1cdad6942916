"""What is kept comes back, under its id only, and goes when it is told to: in both places."""

import re
import subprocess
import sys
import tracemalloc
from itertools import product

import numpy as np
import pytest

from hpo.artifacts import open_artifacts
from hpo.errors import ArtifactError, MissingArtifactError

BAD_IDS = [
    "",
    "..",
    "/etc/passwd",
    "../../etc/passwd",
    "letters/../../secret",
    "letters/0/../1/secret",
    "letters/0/secret",
    "letters/0/" + "0" * 32 + "/../x",
    "letters/0/" + "0" * 32 + ".npz\n",
    "letters/0/" + "0" * 32 + "./..",
    "letters\0/0/" + "0" * 32,
    "../0/" + "0" * 32,
    "letters/\u0663/" + "0" * 32,  # a digit, but none of 0 to 9
    "_unfinished/0/" + "0" * 32,
    "_uploads/../" + "0" * 32,
]
BAD_NAMES = [
    ("..", 0, ".log"),
    ("", 0, ".log"),
    ("a/b", 0, ".log"),
    ("_unfinished", 0, ".log"),
    ("a", -1, ".log"),
    ("a", 0, "/../x"),
    ("a", 0, ".."),
    ("a", 0, "log"),
]


def saying(content):
    return lambda file: file.write(content)


def test_what_is_saved_is_read_again(artifacts, place, stored):
    one = artifacts.save("letters", 7, ".log", saying(b"an epoch"))
    other = artifacts.save("letters", 7, "", saying(b""))
    assert re.fullmatch(r"letters/7/[0-9a-f]{32}\.log", one)
    assert stored(place) == sorted([one, other])
    with open_artifacts().open(one) as file:
        assert file.read() == b"an epoch"
    with artifacts.open(other) as file:
        assert file.read() == b""


def test_arrays_are_written_and_read_in_place(artifacts):
    arrays = {"weights": np.arange(6.0), "epochs": np.array(3)}
    kept = artifacts.save("A-1_b.c", 0, ".npz", lambda file: np.savez(file, **arrays))
    with artifacts.open(kept) as file, np.load(file, allow_pickle=False) as found:
        assert {name: found[name].tolist() for name in found} == {
            "weights": [0, 1, 2, 3, 4, 5],
            "epochs": 3,
        }


def test_a_large_file_is_not_held_in_memory(artifacts):
    block = bytes(range(256)) * 4096  # one MiB

    def write(file):
        for _ in range(40):
            file.write(block)

    tracemalloc.start()
    try:
        kept = artifacts.save("letters", 0, ".bin", write)
        with artifacts.open(kept) as file:
            same = all(file.read(2**20) == block for _ in range(40)) and not file.read()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert same
    assert peak < 20 * 2**20
    assert artifacts.usage() == 40 * 2**20


def test_what_is_removed_is_gone_and_may_be_removed_again(artifacts, place, stored):
    kept = artifacts.save("letters", 0, ".png", saying(b"figure"))
    stays = artifacts.save("letters", 0, ".png", saying(b"figure"))
    for _ in range(2):
        artifacts.remove(kept)
        with pytest.raises(MissingArtifactError, match=r"^[^\n]+: there is no such artifact$"):
            artifacts.open(kept)
    assert stored(place) == [stays]


def test_forgetting_checkpoints_or_a_study_spares_its_neighbours(artifacts, place, stored):
    kept = {
        (study, trial, save): save(study, trial, ".log", saying(b"x"))
        for study in ("a", "ab", "a.b")
        for trial in (1, 12)
        for save in (artifacts.save, artifacts.save_checkpoint)
    }
    for _ in range(2):
        artifacts.forget_checkpoints("a", 1)
    del kept["a", 1, artifacts.save_checkpoint]
    assert stored(place) == sorted(kept.values())
    for _ in range(2):
        artifacts.forget_study("a")
    kept = {key: artifact for key, artifact in kept.items() if key[0] != "a"}
    assert stored(place) == sorted(kept.values())
    again = artifacts.save("a", 1, ".log", saying(b"x"))
    assert stored(place) == sorted([again, *kept.values()])


@pytest.mark.slow
def test_more_objects_than_fit_on_a_page_are_all_counted_and_forgotten(bucket):
    artifacts = open_artifacts(bucket)
    name, prefix = bucket.removeprefix("s3://").split("/", 1)
    for number in range(1001):
        artifacts.place.client.put_object(
            Bucket=name, Key=f"{prefix}/letters/0/{number:032x}", Body=b"xy"
        )
    assert artifacts.usage() == 2002
    artifacts.forget_study("letters")
    assert artifacts.usage() == 0


def test_nothing_is_there_before_something_is_saved(artifacts, place, stored):
    assert artifacts.usage() == 0
    artifacts.forget_checkpoints("letters", 0)
    artifacts.remove("letters/0/" + "0" * 32)
    assert stored(place) == []


def test_an_id_that_is_none_reaches_no_file(artifacts, place, stored):
    kept = artifacts.save("letters", 0, ".log", saying(b"x"))
    uses = (artifacts.open, artifacts.remove, lambda one: artifacts.put(one, saying(b"y")))
    for artifact, use in product(BAD_IDS, uses):
        with pytest.raises(ArtifactError, match=r"^[^\n]* is not the id of an artifact$"):
            use(artifact)
    assert stored(place) == [kept]


def test_a_name_that_would_lead_elsewhere_is_refused(artifacts, place, stored):
    for study, trial, suffix in BAD_NAMES:
        with pytest.raises(ArtifactError, match="is not the id of an artifact"):
            artifacts.save(study, trial, suffix, saying(b"x"))
    assert stored(place) == []


def test_forgetting_what_is_no_study_deletes_nothing(artifacts, place, stored):
    kept = artifacts.save("letters", 0, ".log", saying(b"x"))
    for study in ("..", ".", "", "a/b", "_unfinished", "_uploads"):
        with pytest.raises(ArtifactError, match="names no study or trial"):
            artifacts.forget_study(study)
        with pytest.raises(ArtifactError, match="names no study or trial"):
            artifacts.forget_checkpoints(study, 0)
    assert stored(place) == [kept]


WRITER = """
import sys
from hpo.artifacts import open_artifacts
artifacts = open_artifacts()
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    content = f"{sys.argv[1]} {number} ".encode() * 10_000
    print(artifacts.save("letters", 3, ".log", lambda file: file.write(content)), flush=True)
"""


def test_two_processes_that_write_at_once_keep_all_they_wrote(artifacts, place, stored):
    writers = [start(WRITER, name) for name in ("one", "two")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    said = []
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer, name in zip(writers, ("one", "two"), strict=True):
        with writer:
            ids = writer.communicate(timeout=30)[0].split()
        assert writer.returncode == 0
        for number, artifact in enumerate(ids):
            with artifacts.open(artifact) as file:
                assert file.read() == f"{name} {number} ".encode() * 10_000
        said += ids
    assert len(set(said)) == 40
    assert stored(place) == sorted(said)


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_usual_place_is_a_folder_in_the_home(home_folder):
    kept = open_artifacts().save("letters", 0, ".log", saying(b"x"))
    assert (home_folder / "artifacts" / kept).read_bytes() == b"x"


def test_a_bucket_without_a_prefix_is_used_from_its_root(bucket):
    whole = open_artifacts(bucket.removesuffix("/some/prefix"))
    kept = whole.save("letters", 0, ".log", saying(b"x"))
    with whole.open(kept) as file:
        assert file.read() == b"x"
    below = open_artifacts(bucket)
    below.forget_study("letters")
    assert below.usage() == 0
    assert whole.usage() == 1
