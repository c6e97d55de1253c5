"""What a task costs: many commands that do nothing, beside the tool that starts as many of them, and tasks that wait for each other."""

from .system import command_seconds, run_seconds


def job(tasks, workers=2):
    return {"name": "tasks", "workers": workers, "tasks": tasks}


def measure(bench):
    count = bench.amount(2000, 100)
    numbers = bench.work / "numbers"
    numbers.write_text("".join(f"{n}\n" for n in range(count)))

    def by_xargs():
        with numbers.open("rb") as source:
            return command_seconds(["xargs", "-P2", "-n1", "true"], stdin=source)

    took = bench.in_turns(xargs=by_xargs, tasks=lambda: run_seconds(bench, job([{"each": list(range(count)), "argv": ["true"]}])))
    rates = {way: [count / seconds for seconds in values] for way, values in took.items()}
    bench.row("tasks", f"{count} tasks `true`, 2 at a time", "tasks/s", rates["tasks"], ("xargs -P2", rates["xargs"]), ">= 0.8")
    chain = bench.amount(500, 20)
    seconds = [run_seconds(bench, job([{"argv": ["true"]}] * chain, workers=1)) for _ in range(bench.runs)]
    bench.row("tasks", f"{chain} tasks `true`, each behind the one before", "tasks/s", [chain / value for value in seconds])
    numbers.unlink()
