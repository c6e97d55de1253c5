"""How long a user waits: for a job to run and to complete, for verbs on a busy job, for many executions at once."""

import datetime
import shutil
import time

from .system import ROOT, TERMINAL, Master, percentile, pss_mb, rss_mb
from .slices import job as slices_job


def one_slice():
    return {"name": "one", "workers": 1, "operations": [{"_op": "id_range", "start": 0, "end": 1, "size": 1}, {"_op": "noop"}]}


def milliseconds_to(master, statuses):
    """From the request to the first answer that shows the status, asked for every 2 ms; then waits until the job's processes are gone."""
    began = time.monotonic()
    ex_id = master.submit(one_slice())
    master.wait(ex_id, statuses, every_s=0.002)
    took = 1e3 * (time.monotonic() - began)
    master.wait(ex_id)
    while any(master.pids(ex_id).values()):
        time.sleep(0.002)
    return took


def measure_submit(bench):
    jobs = bench.amount(100, 5)
    with Master(bench) as master:
        milliseconds_to(master, ("completed",))
        running = [milliseconds_to(master, ("running", "completed")) for _ in range(jobs)]
        completed = [milliseconds_to(master, ("completed",)) for _ in range(jobs)]
    for values, what, target in ((running, "running", "<= 25"), (completed, "completed (1 slice)", "<= 40")):
        bench.row("lifecycle", f"POST to {what}, half of the jobs", "ms", [percentile(values, 0.5)], target=target,
                  note=f"of {jobs} jobs one after the other, fresh processes each")
        bench.row("lifecycle", f"POST to {what}, 99 of 100 jobs", "ms", [percentile(values, 0.99)], target="<= 100")


def busy_slices(master, ex_id):
    try:
        return master.ask("GET", f"/v1/ex/{ex_id}/controller")[0]["processed"]
    except RuntimeError:  # its controller is not there yet
        return 0


def measure_verbs(bench):
    """A busy job of 1 ms slices on two workers."""
    busy = slices_job(1_000_000)
    busy["operations"].insert(1, {"_op": "delay", "ms": 1})
    took = {"_pause": [], "_resume": [], "_stop": []}
    with Master(bench) as master:
        for _ in range(bench.amount(20, 2)):
            ex_id = master.submit(busy)
            while busy_slices(master, ex_id) < 10:
                time.sleep(0.01)
            for verb, values in took.items():
                began = time.monotonic()
                master.ask("POST", f"/v1/ex/{ex_id}/{verb}")
                values.append(1e3 * (time.monotonic() - began))
    for verb, values in took.items():
        bench.row("lifecycle", f"{verb} of a busy job answered (blocking)", "ms", values, target="<= 50" if verb == "_stop" else None,
                  note="1 ms slices, so the last one ends within 1 ms of the request")


def begun_at(directory):
    """When slices began, ascending, on the clock of time.monotonic()."""
    return sorted(float(line) for path in directory.glob("begun.*") for line in path.read_text().splitlines())


def measure_begins(bench):
    """When slices begin around a verb: each of them tells a script, which notes the time."""
    child, directory = bench.work / "begins.py", bench.work / "begins"
    child.write_text("import os, sys, time, slicemill\nlog = open(f'{sys.argv[1]}/begun.{os.getpid()}', 'w', buffering=1)\ndef note(records):\n"
                     "    log.write(f'{time.monotonic()}\\n')\n    time.sleep(0.001)\n    return records\nslicemill.run(note)\n")
    busy = slices_job(1_000_000)
    busy["operations"].insert(1, {"_op": "script", "command": "python3", "args": [str(child), str(directory)], "framing": "length"})
    late = {"_pause": [], "_stop": []}
    resumed = []
    with Master(bench, environment={"PYTHONPATH": str(ROOT / "sdk/python")}) as master:
        for _ in range(bench.amount(50, 2)):
            directory.mkdir()
            ex_id = master.submit(busy)
            for verb, values in late.items():
                known = len(begun_at(directory))
                while len(begun_at(directory)) < known + 10:
                    time.sleep(0.01)
                master.ask("POST", f"/v1/ex/{ex_id}/{verb}")
                answered = time.monotonic()
                time.sleep(0.3)  # what begins in it is what is measured
                values.append(1e3 * (begun_at(directory)[-1] - answered))
                if verb == "_pause":
                    asked, known = time.monotonic(), len(begun_at(directory))
                    master.ask("POST", f"/v1/ex/{ex_id}/_resume")
                    while len(begun_at(directory)) == known:
                        time.sleep(0.005)
                    resumed.append(1e3 * (begun_at(directory)[known] - asked))
            shutil.rmtree(directory)
    for verb, values in late.items():
        bench.row("lifecycle", f"the last slice begins after {verb} was answered, 99 of 100", "ms", [percentile(values, 0.99)], target="<= 100",
                  note=f"of {len(values)}, each by a busy job of 1 ms slices; below zero: before the answer")
    bench.row("lifecycle", "the first slice begins after _resume was sent, 99 of 100", "ms", [percentile(resumed, 0.99)])


def ended_at(master):
    """When controllers wrote that their executions had ended, by execution."""
    times = {}
    for path in (master.data / "logs").glob("*/controller.log"):
        for line in path.read_text().splitlines():
            if f"execution {path.parent.name} is " in line:
                times[path.parent.name] = datetime.datetime.fromisoformat(line.split()[0]).timestamp()
    return times


def together(bench, executions, slices):
    """Seconds until all have ended, how many failed, memory at most, and how old a status was at most that the list showed."""
    the_job = slices_job(slices)
    the_job["operations"].insert(1, {"_op": "delay", "ms": 5})
    with Master(bench, "--slots", str(executions * 3 + 10)) as master:
        began = time.monotonic()
        ids = [master.submit(the_job) for _ in range(executions)]
        most_pss = most_rss = 0
        shown_alive = {}  # when it was last asked for and shown as not ended
        while True:
            time.sleep(0.5)
            asked = time.time()
            listed = master.ask("GET", f"/v1/ex?size={executions}")
            states = [each["_status"] for each in listed]
            shown_alive.update({each["ex_id"]: asked for each in listed if each["_status"] not in TERMINAL})
            roles = master.pids()
            most_rss = max(most_rss, rss_mb(master.process.pid))
            most_pss = max(most_pss, sum(pss_mb(pid) for pids in roles.values() for pid in pids) + pss_mb(master.process.pid))
            if all(state in TERMINAL for state in states):
                break
        seconds = time.monotonic() - began
        failed = sum(master.wait(ex_id)["_status"] != "completed" for ex_id in ids)
        truth = ended_at(master)
        oldest = max([shown_alive.get(ex_id, 0) - truth[ex_id] for ex_id in ids])
    return {"seconds": seconds, "failed": failed, "pss": most_pss, "rss": most_rss, "oldest": max(oldest, 0)}


def measure_many(bench):
    executions = bench.amount(200, 10)
    many = together(bench, executions, 1_000)
    bench.row("many", f"{executions} executions at once, 2 workers each, 1,000 slices of 5 ms: all ended after", "s", [many["seconds"]],
              note=f"{many['failed']} of them not completed")
    bench.row("many", "a status in their list is older than the truth by at most", "s", [many["oldest"]], target="<= 2",
              note="shown as not ended, after its controller had written that it had; asked for every half second")
    bench.row("many", "memory of all processes (PSS), at most", "MB", [many["pss"]], target="<= 8,000")
    bench.row("many", "master's resident memory, at most", "MB", [many["rss"]], target="<= 150")


def measure_verbs_among_many(bench, slice_ms, target=None):
    """Each verb goes to another one of the executions in turn, one request after the other. 100 workers with slices of 5 ms keep more than two
    processors busy, with slices of 100 ms one sixth of them."""
    executions = bench.amount(100, 5)
    endless = {"name": "endless", "lifecycle": "persistent", "workers": 1,
               "operations": [{"_op": "data_generator", "size": 10}, {"_op": "delay", "ms": slice_ms}, {"_op": "noop"}]}
    took = {"_pause": [], "_resume": []}
    with Master(bench, "--slots", str(executions * 2 + 10)) as master:
        ids = [master.submit(endless) for _ in range(executions)]
        for ex_id in ids:
            while busy_slices(master, ex_id) < 10:
                time.sleep(0.05)
        for _ in range(bench.amount(3, 1)):
            for ex_id in ids:
                for verb, values in took.items():
                    began = time.monotonic()
                    master.ask("POST", f"/v1/ex/{ex_id}/{verb}")
                    values.append(1e3 * (time.monotonic() - began))
        for ex_id in ids:
            master.ask("POST", f"/v1/ex/{ex_id}/_stop?blocking=false&force=true")
        for ex_id in ids:
            master.wait(ex_id)
    for verb, values in took.items():
        bench.row("many", f"{verb} among {executions} executions with slices of {slice_ms} ms answered, 99 of 100", "ms", [percentile(values, 0.99)],
                  target=target, note=f"of {len(values)}; half of them within {percentile(values, 0.5):.0f} ms, all within {max(values):.0f} ms")


def curves(bench):
    """Seconds until all of so many executions at once have ended, 100 slices of 5 ms each."""
    return {"executions": [[executions, together(bench, executions, 100)["seconds"]] for executions in bench.amount([1, 5, 20, 50, 100, 200], [1, 4])]}


def measure(bench):
    measure_submit(bench)
    measure_verbs(bench)
    measure_begins(bench)
    measure_many(bench)
    measure_verbs_among_many(bench, 100, target="<= 100")
    measure_verbs_among_many(bench, 5)
