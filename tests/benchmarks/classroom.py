"""A class on one computer: how much memory and time the kernels of a lesson take when several run it at once.

    python tests/benchmarks/classroom.py 08                  two students
    python tests/benchmarks/classroom.py 08 --kernels 8      eight students press Run All in the same second
    python tests/benchmarks/classroom.py 00 01 02 --kernels 5

Private memory (USS) is what one more student costs; shares (PSS) add up to what all take, libraries counted once. Both
are read after Run All of every kernel, while all are alive.
"""

import argparse
import threading
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

COURSE = Path(__file__).resolve().parents[2] / "course"
MEGABYTE = 2**20


def run(path: Path, everyone: threading.Barrier, results: list[tuple[float, float, float]]) -> None:
    """Execute a lesson, wait for the others, and note private memory, share (both MB) and time (s)."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=3600, extra_arguments=["--log-level=ERROR"], resources={"metadata": {"path": str(COURSE)}}
    )
    try:
        with client.setup_kernel():
            begin = time.perf_counter()
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            seconds = time.perf_counter() - begin
            everyone.wait()
            memory = psutil.Process(client.km.provisioner.pid).memory_full_info()  # pyright: ignore
            results.append((memory.uss / MEGABYTE, memory.pss / MEGABYTE, seconds))
            everyone.wait()
    except BaseException:
        everyone.abort()
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("lessons", nargs="+", help="numbers of lessons, e.g. 08")
    parser.add_argument("--kernels", type=int, default=2, help="how many run each lesson at once")
    arguments = parser.parse_args()
    print("| lesson | kernels | private, MB | all together, MB | slowest, s |\n|---|---:|---:|---:|---:|")
    for lesson in arguments.lessons:
        (path,) = COURSE.glob(f"{lesson}_*.ipynb")
        results: list[tuple[float, float, float]] = []
        everyone = threading.Barrier(arguments.kernels)
        students = [threading.Thread(target=run, args=(path, everyone, results)) for _ in range(arguments.kernels)]
        for student in students:
            student.start()
        for student in students:
            student.join()
        if not results:
            raise SystemExit(f"lesson {lesson} has failed: see above")
        private, shares, seconds = zip(*results, strict=True)
        print(
            f"| {lesson} | {len(results)} | {max(private):.0f} | {sum(shares):.0f} | {max(seconds):.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
