"""How long `hpo.data.load_dataset` takes for 12 000 rows of 784 pixels and a label, in each format.

Repeat: python benchmarks/data/reading.py [ROWS]. Results are in README.md beside this file.
"""

import gzip
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpo.data import READERS, load_dataset


def write(folder: Path, rows: int) -> None:
    """Write the same random rows in each format."""
    rng = np.random.default_rng(0)
    X = rng.random((rows, 784), dtype=np.float32)
    y = rng.integers(0, 10, rows)
    table = np.column_stack([X, y.astype(np.float32)])
    np.save(folder / "rows.npy", table)
    np.savez_compressed(folder / "rows.npz", X=X, y=y)
    pq.write_table(
        pa.table({str(i): column for i, column in enumerate(table.T)}), folder / "rows.parquet"
    )
    text = "".join(",".join(map(str, row)) + "\n" for row in table)
    (folder / "rows.csv").write_text(text)
    (folder / "rows.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    (folder / "rows.amat").write_text(text.replace(",", " "))


def measure(path: str) -> None:
    """Print how long a file takes to load, checks included, and the process' peak of memory."""
    started = time.perf_counter()
    load_dataset(path)
    seconds = time.perf_counter() - started
    # Not getrusage: its peak is inherited from the process that made the files.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [kib] = re.findall(r"VmHWM:\s+(\d+)", status)
    size = Path(path).stat().st_size / 1e6
    print(f"{Path(path).name:14} {size:6.0f} MB  {seconds:6.2f} s  peak {int(kib) / 1024:5.0f} MiB")


def main(rows: int) -> None:
    """Measure each format in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), rows)
        for suffix in READERS:
            path = str(Path(folder) / f"rows{suffix}")
            program = f"from reading import measure; measure({path!r})"
            subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)
