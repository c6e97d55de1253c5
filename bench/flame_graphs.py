#!/usr/bin/env python3
"""Where the time of a controller and of a worker goes, as pictures: bench/results/flames_<what>.svg.

    bench/flame_graphs.py [--build build/release] [--hertz 499]

Two jobs through a master with two workers: slices of one record (id_range -> noop; controller and worker), and 1 GB of ldjson five times with
a filter and a selection of fields (worker). perf samples the processor time of one process with its callers, from its first slices to its end.
A box is a function, as wide as the share of samples in it and in what it calls, which stands above it; hold the mouse over a box for its
name and share.
"""

import argparse
import html
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from suite import files, slices
from suite.lifecycle import busy_slices
from suite.system import ROOT, Bench, Master

WIDTH, ROW, LETTER = 1200, 17, 6.6
LEAST = 0.0015  # narrower boxes are left out: share of all samples
# How calls are handed on, which says nothing of where time goes.
PLUMBING = re.compile(r"^(std::|boost::asio|boost_asio|__invoke|_M_invoke|(operator|invoke|complete|do_complete|asio_handler_invoke)$|do_syscall|entry_SYSCALL|__x64_)")


def short(symbol):
    """A function without its arguments, templates and our own namespace."""
    name = re.sub(r"\(anonymous namespace\)::", "", symbol)
    while (bare := re.sub(r"<[^<>]*>", "", name)) != name and not name.startswith("<"):
        name = bare
    name = re.sub(r"\(.*", "", name).replace("slicemill::", "")
    return name.split(" ")[-1] or symbol


def stacks(text):
    """Callers first, of each sample that `perf script` printed."""
    for sample in text.split("\n\n"):
        frames = [short(match.group(1)) for match in re.finditer(r"^\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)?(?: \(.*\))?$", sample, re.M)]
        frames = [frame for frame in frames if frame != "[unknown]" and not PLUMBING.match(frame)]
        if frames:
            yield frames[::-1]


def tree_of(samples):
    root = {"count": 0, "calls": {}}
    for frames in samples:
        node = root
        node["count"] += 1
        for frame in frames:
            node = node["calls"].setdefault(frame, {"count": 0, "calls": {}})
            node["count"] += 1
    return root


def depth_of(node, least):
    return 1 + max((depth_of(each, least) for each in node["calls"].values() if each["count"] >= least), default=0)


def svg(title, root):
    total, least = root["count"], root["count"] * LEAST
    height = (depth_of(root, least) + 1) * ROW + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', f'<text x="6" y="14" font-size="13">{html.escape(title)}</text>']

    def draw(name, node, left, level):
        width = WIDTH * node["count"] / total
        top = height - (level + 1) * ROW
        hue = 15 + sum(map(ord, name.split("::")[0])) % 40
        label = name if len(name) * LETTER < width - 4 else name[:max(0, int((width - 4) / LETTER) - 1)]
        tip = html.escape(f"{name}: {100 * node['count'] / total:.1f} %")
        parts.append(f'<g><title>{tip}</title><rect x="{left:.1f}" y="{top}" width="{max(width - 0.4, 0.2):.1f}" height="{ROW - 1}" '
                     f'fill="hsl({hue},80%,72%)"/>' + (f'<text x="{left + 2:.1f}" y="{top + 12}">{html.escape(label)}</text>' if len(label) > 2 else "") + "</g>")
        for called, below in sorted(node["calls"].items()):
            if below["count"] >= least:
                draw(called, below, left, level + 1)
            left += WIDTH * below["count"] / total

    draw("all", root, 0, 0)
    return "\n".join(parts + ["</svg>\n"])


def record(bench, title, job, role, output, hertz):
    """Samples the first process of that role for as long as the job runs."""
    data = bench.work / "perf.data"
    with Master(bench) as master:
        ex_id = master.submit(job)
        while busy_slices(master, ex_id) == 0:  # perf follows the threads that are there when it begins
            time.sleep(0.002)
        pids = master.pids(ex_id)[role]
        perf = subprocess.Popen(["perf", "record", "--quiet", "--freq", str(hertz), "--call-graph", "dwarf,16384", "--pid", str(pids[0]), "--output", data],
                                stderr=subprocess.DEVNULL)
        document = master.wait(ex_id)
        if document["_status"] != "completed":
            raise SystemExit(f"flame_graphs.py: the job is {document['_status']}")
        perf.wait(timeout=120)  # until the process has ended
    script = subprocess.run(["perf", "script", "--input", data, "--fields", "comm,ip,sym", "--no-inline"], check=True, capture_output=True, text=True)
    root = tree_of(stacks(script.stdout))
    output.write_text(svg(f"{title}, {root['count']} samples", root))
    print(f"{output}: {root['count']} samples")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--hertz", type=int, default=499)
    arguments = parser.parse_args()
    if not shutil.which("perf"):
        raise SystemExit("flame_graphs.py: perf is missing (Debian: linux-perf)")
    results = ROOT / "bench/results"
    with tempfile.TemporaryDirectory(prefix="slicemill-flames-") as work:
        bench = Bench(arguments.build, pathlib.Path(work))
        busy = slices.job(5_000_000)
        record(bench, "controller, 5,000,000 slices of one record", busy, "execution_controller", results / "flames_controller.svg", arguments.hertz)
        record(bench, "worker, the same slices", busy, "worker", results / "flames_worker_slices.svg", arguments.hertz)
        sources = bench.work / "in"
        sources.mkdir()
        files.write_ldjson(sources / "0", 1_000)
        for copy in range(1, 5):
            os.link(sources / "0", sources / str(copy))
        record(bench, "worker, 5 GB ldjson, filter and selection", files.job(sources, bench.work / "out"), "worker", results / "flames_worker_ldjson.svg",
               arguments.hertz)


if __name__ == "__main__":
    main()
