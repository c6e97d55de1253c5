"""Verifies the models in this folder with spin, and sees that each planted fault is found. Prints one line for each.

    run_models.py                 everything
    run_models.py leases          one model
    run_models.py leases FAULT    the steps that lead to a planted fault
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# How a violation shows: an assertion or an invalid end state (safety), or steps that go round for ever (cycles).
SAFETY = "safety"
CYCLES = "cycles"

# model: (checks of the right model, planted faults: how each is found, with so many disturbances,
# and with these further bounds,
# steps that must be reachable: an assertion there fails)
MODELS = {
    "leases": (
        [(SAFETY, 2), (CYCLES, 1)],
        {
            "LATE_RESULT": (SAFETY, 2),
            "ATTEMPT_REUSED": (SAFETY, 2),
            "ACK_BEFORE_SYNC": (SAFETY, 0),
            "RESULT_BEFORE_SYNC": (SAFETY, 0),
            "PUBLISH_BEFORE_COMMIT": (SAFETY, 1),
            "SETTLE_BEFORE_PUBLISH": (SAFETY, 1),
            "SUCCESSOR_EARLY": (SAFETY, 1),
            "NO_ROLL_FORWARD": (SAFETY, 1),
            "FORGET_LEASE": (SAFETY, 1),
            "ADOPT_LATE": (SAFETY, 2),
            "ADOPT_UNSEEN": (SAFETY, 2),
            "ORDER_TWICE": (SAFETY, 1),
            "HELLO_TWICE": (SAFETY, 3, "-DDEATHS=false"),
        },
        ["ADOPTED_RESULT", "ADOPTED_LEASE", "PROMOTED", "REVOKED_RESULT"],
    ),
    "claims": (
        [(SAFETY, 3), (CYCLES, 2)],
        {
            "NO_UNIQUE_KEY": (SAFETY, 1),
            "NO_PROBE": (SAFETY, 1),
            "RESULT_BEFORE_COMMIT": (SAFETY, 1),
            "ADOPT_OWN_FACTS": (SAFETY, 1),
            "ROWS_BEFORE_CLAIM": (SAFETY, 1),
            "NO_FENCE_BEFORE_ERROR": (SAFETY, 2),
            "NO_FENCE_AT_STOP": (SAFETY, 1),
            "FENCE_BY_PROBE": (SAFETY, 2),
            "VOID_TAKEN_OVER": (SAFETY, 3),
        },
        ["ADOPTED", "FENCE_TOO_LATE", "CLAIM_OVER_VOID"],
    ),
    "levels": (
        [(SAFETY, 1, "-DDEATHS=false"), (SAFETY, 1, "-DEVENTS=0"), (CYCLES, 1, "-DEVENTS=0")],
        {
            "LEAVE_TOLD_ONCE": (CYCLES, 1),
            "ACK_TOLD_ONCE": (CYCLES, 1, "-DEVENTS=0"),
            "RECALL_TOLD_ONCE": (CYCLES, 1, "-DEVENTS=0"),
            "MISSING_NOT_ASKED": (CYCLES, 1, "-DEVENTS=0"),
            "WANTED_TOLD_ONCE": (SAFETY, 1),
            "GOODBYE_UNACKNOWLEDGED": (SAFETY, 0),
            "ACK_OVER_GAP": (SAFETY, 1, "-DDEATHS=false"),
            "DROP_RECALLED": (SAFETY, 0, "-DEVENTS=0"),
            "LEAVING_UNHEARD": (SAFETY, 0),
            "NOT_RECALLED_AGAIN": (SAFETY, 1, "-DDEATHS=false"),
            "BUSY_FIRST": (CYCLES, 0, "-DEVENTS=0"),
        },
        [],
    ),
}

MEMORY_MB = 1000
SECONDS = 300
INSTALL = "the model checker spin and gcc are needed: scripts/deps.sh installs them (Debian packages spin, gcc)"


class Checked:
    def __init__(self, errors, violation, states, seconds):
        self.errors = errors
        self.violation = violation
        self.states = states
        self.seconds = seconds


def defines_of(fault, bounds):
    return ([f"-D{fault}"] if fault else []) + [f"-DDISTURBANCES={bounds[0]}", *bounds[1:]]


def check(model, fault, kind, bounds, directory):
    """Exhaustive: every state that the bounds allow. RuntimeError: it could not be run to its end."""
    began = time.monotonic()
    run(["spin", "-a", *defines_of(fault, bounds), os.path.join(HERE, f"{model}.pml")], directory)
    # A fault is found soon: there the compiler is what takes time.
    optimised = "-O0" if fault else "-O1"
    mode = ["-DSAFETY"] if kind == SAFETY else ["-DNP"]
    run(["gcc", optimised, "-w", *mode, "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], directory)
    output = run(["./pan", "-m100000"] + ([] if kind == SAFETY else ["-l"]), directory)
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"(\d+) states, stored", output)
    incomplete = "Search not completed" in output and "errors: 0" in output
    if errors is None or states is None or incomplete or "max search depth too small" in output:
        raise RuntimeError(f"{model} {fault or ''}: the search did not end:\n{output}")
    violation = re.search(r"^pan:1: (.*)$", output, re.MULTILINE)
    return Checked(
        int(errors.group(1)),
        violation.group(1) if violation else "",
        int(states.group(1)),
        time.monotonic() - began,
    )


def run(command, directory):
    done = subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS
    )
    if done.returncode != 0 or "Error:" in done.stdout:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


def one_check(job):
    model, fault, kind, *bounds = job
    with tempfile.TemporaryDirectory(prefix="slicemill-model-") as directory:
        try:
            return job, check(model, fault, kind, bounds, directory), ""
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return job, None, str(error)


def judge(job, checked):
    """"" if it came out as it must."""
    fault = job[1]
    if fault:
        return "" if checked.errors else "not found"
    if checked.errors:
        return f"violated: {checked.violation}"
    return ""


def jobs_of(models):
    for model in models:
        for how in MODELS[model][0]:
            yield model, "", *how
    for model in models:
        for fault, how in MODELS[model][1].items():
            yield model, f"FAULT_{fault}", *how
        for step in MODELS[model][2]:
            yield model, f"REACH_{step}", *MODELS[model][0][0]


def verify(models):
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for job, checked, trouble in pool.map(one_check, jobs_of(models)):
            model, fault, kind, *bounds = job
            what = f"{model:8}{fault if fault else 'right, ' + kind:32} {bounds[0]} disturbances"
            if checked is not None:
                trouble = judge(job, checked)
                found = f": {checked.violation}" if fault and not trouble else ""
                what += f" {checked.states:>9} states {checked.seconds:5.1f} s{found}"
            print(f"{'FAILED' if trouble else 'ok    '} {what}", flush=True)
            if trouble:
                failed += 1
                print(trouble, flush=True)
    return failed


def show_steps(model, fault):
    kind, *bounds = MODELS[model][1][fault]
    with tempfile.TemporaryDirectory(prefix="slicemill-model-") as directory:
        checked = check(model, f"FAULT_{fault}", kind, bounds, directory)
        if not checked.errors:
            return 1
        source = os.path.join(HERE, f"{model}.pml")
        trail = os.path.join(directory, f"{model}.pml.trail")
        steps = ["spin", "-t", "-p", "-k", trail, *defines_of(f"FAULT_{fault}", bounds), source]
        return subprocess.run(steps, cwd=directory, check=False).returncode


def main(arguments):
    if shutil.which("spin") is None or shutil.which("gcc") is None:
        print(INSTALL, file=sys.stderr)
        return 1
    if len(arguments) == 2:
        return show_steps(*arguments)
    began = time.monotonic()
    failed = verify(arguments or list(MODELS))
    print(f"{failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
