"""A search in stages: what is queued runs first, and a finer study starts from a coarse one."""

import pytest
from blobs import write_definition
from shell import Watch, end

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FINE = {
    "name": "fine",
    "space": {"rate": {"low": 0.2, "high": 0.8}},
    "warm_start": {"study": "blobs", "top": 3},
    "budget": {"trials": 5},
}


def test_a_search_in_stages(shell, watch):
    write_definition(shell.folder, budget={"trials": 8})
    shell.hpo("create", "blobs.toml")
    listed = [0.25, 0.5, 0.75]
    (shell.folder / "best.toml").write_text("".join(f"[[trials]]\nrate = {r}\n" for r in listed))
    shell.hpo("enqueue", "blobs", "--file", "best.toml")
    shell.hpo("enqueue", "blobs", "rate=0.125")
    assert (
        "trials  complete 8\n"
        in shell.hpo("run", "blobs.toml", "--workers", 2, "--no-dashboard").stdout
    )
    trials = watch.trials()
    rates = [trial.params["rate"] for trial in trials]
    assert rates[:4] == [*listed, 0.125]
    assert len(set(rates)) == 8
    begun = [trial.datetime_start for trial in trials]
    assert begun == sorted(begun)

    write_definition(shell.folder, **FINE)
    creators = [end(one) for one in [shell.start_hpo("create", "fine.toml") for _ in range(3)]]
    assert [(one.returncode, one.stdout) for one in creators] == [(0, "fine\n")] * 3
    told = 'warm start from "blobs": queued '
    assert [one.stderr.startswith(told) for one in creators].count(True) == 1
    best = sorted(trials, key=lambda trial: -trial.value)[:3]
    passed_on = [t.params["rate"] for t in best if 0.2 <= t.params["rate"] <= 0.8]
    finer = Watch(watch.database, "fine")
    assert finer.states() == ["waiting"] * len(passed_on)
    assert (
        "trials  complete 5\n"
        in shell.hpo("run", "fine.toml", "--workers", 2, "--no-dashboard").stdout
    )
    found = [trial.params["rate"] for trial in finer.trials()]
    assert found[: len(passed_on)] == passed_on
    assert len(found) == 5
