"""Instructions and allocations of the hot loops: the same on a busy machine and on an idle one, so they show what a change costs."""

import json
import re
import shutil
import subprocess

from .system import ROOT, Unavailable

STORED = ROOT / "bench/results/loops.json"
# Other versions of a library count a little differently; what is worse than this is ours.
TOLERATED = 1.1


def stored():
    """What the loops took when the figures were kept, by title."""
    rows = json.loads(STORED.read_text())["rows"] if STORED.exists() else []
    return {row["what"]: row["median"] for row in rows}


def instructions(program, loop):
    log = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no", "--toggle-collect=slicemill::counted*",
                          program, loop], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return int(re.search(r"Collected : (\d+)", log).group(1))


def measure(bench):
    program, kept = bench.program("bench/hot_loops"), stored()
    has_valgrind = shutil.which("valgrind") is not None
    for loop in subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        figures = json.loads(subprocess.run([program, loop], check=True, stdout=subprocess.PIPE, text=True).stdout)
        per, count = figures["per"], figures["count"]
        values = {f"{loop}: allocations": (figures["allocations"] / count, f"/{per}"), f"{loop}: bytes allocated": (figures["allocated_bytes"] / count, f"/{per}")}
        if has_valgrind:
            values[f"{loop}: instructions"] = (instructions(program, loop) / count, f"/{per}")
        for what, (value, unit) in values.items():
            before = kept.get(what)
            bench.row("loops", what, unit, [value], ("kept", [before]) if before else None, of_less=True)
            if before is not None and value > before * TOLERATED + 0.01:
                bench.worse.append(f"{what}: {value:.3f}{unit}, it was {before:.3f}")
    if not has_valgrind:
        raise Unavailable("valgrind is not installed: no instructions")
