import argparse
import json
import pathlib
import shutil
import sys
import tempfile

from . import files, idle, lifecycle, loops, plots, postgres, requests, scripts, slices, small_jobs, tasks
from .system import ROOT, Bench, Unavailable, as_text, machine

GROUPS = {"loops": loops.measure, "slices": slices.measure, "files": files.measure, "scripts": scripts.measure, "lifecycle": lifecycle.measure,
          "idle": idle.measure, "requests": requests.measure, "small_jobs": small_jobs.measure,
          "tasks": tasks.measure, "postgres": postgres.measure}


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Limits of the machine, peers and slicemill in turns on the same inputs.")
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path, help="where slicemill is built (build/release)")
    parser.add_argument("--peer", default=ROOT / "build/peers", type=pathlib.Path, help="where DuckDB and BullMQ are installed (build/peers)")
    parser.add_argument("--quick", action="store_true", help="small amounts, once: whether all of it still works; stores nothing")
    parser.add_argument("--runs", default=5, type=int, help="turns (5)")
    parser.add_argument("--only", choices=sorted([*GROUPS, "curves"]), action="append", help="these groups")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="slicemill-bench-"))
    bench = Bench(options.build.resolve(), work, options.peer.resolve(), options.quick, 1 if options.quick else options.runs)
    results = work / "results" if options.quick else ROOT / "bench/results"
    results.mkdir(exist_ok=True)
    try:
        for name, measure in GROUPS.items():
            if options.only and name not in options.only:
                continue
            print(name, flush=True)
            before, where = len(bench.rows), machine()
            try:
                measure(bench)
            except Unavailable as missing:
                print(f"  left out: {missing}", flush=True)
            store(results / f"{name}.json", {"machine": where, "rows": bench.rows[before:]})
        if not options.only or "curves" in options.only:
            print("curves", flush=True)
            where = machine()
            store(results / "curves.json", {"machine": where, "curves": {**slices.curves(bench), **files.curves(bench), **lifecycle.curves(bench)}})
            plots.draw(results)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print()
    for row in bench.rows:
        print(as_text(row))
    for worse in bench.worse:
        print(f"worse than the figures that are kept in bench/results: {worse}")
    return 1 if bench.worse else 0


def store(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
