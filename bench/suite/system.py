"""What every measurement needs: a master of its own, turns, medians, inputs."""

import http.client
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TERMINAL = ("completed", "failed", "stopped", "terminated", "rejected")


class Unavailable(Exception):
    """A peer or a tool that is not installed."""


class Bench:
    """Where things are, and how much of everything is done."""

    def __init__(self, build, work, peers=None, quick=False, runs=3):
        self.build, self.work, self.peers, self.quick, self.runs = build, work, peers, quick, runs
        self.rows = []
        self.worse = []  # than the figures that are kept

    def amount(self, full, quick):
        return quick if self.quick else full

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise Unavailable(f"{path} is not built")
        return path

    def peer(self, package, program, *arguments):
        """What a peer's program in bench/peers prints, as JSON."""
        modules = self.peers / "node_modules"
        if not (modules / package).exists() or not shutil.which("node"):
            raise Unavailable(f"{package} is not in {self.peers}")
        done = subprocess.run(["node", ROOT / "bench/peers" / program, *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, "NODE_PATH": str(modules)})
        if done.returncode != 0:
            raise Unavailable(f"{package}: {next((line for line in done.stderr.splitlines() if 'Error' in line), done.returncode)}")
        return json.loads(done.stdout)

    def in_turns(self, **ways):
        """Runs every way once, then all of them again: the machine's drift meets each alike. Times or rates by name; a way that is not
        installed is left out."""
        results = {name: [] for name in ways}
        for turn in range(self.runs):
            for name, way in ways.items():
                if results[name] is None:
                    continue
                try:
                    results[name].append(way())
                except Unavailable as missing:
                    print(f"  left out: {missing}", flush=True)
                    results[name] = None
        return {name: values for name, values in results.items() if values}

    def row(self, group, what, unit, values, against=None, target=None, of_less=False, note=None):
        """One line of the table. against: (name, values) in the same unit; the ratio is above 1 where ours is better."""
        row = {"group": group, "what": what, "unit": unit, "median": statistics.median(values), "least": min(values), "most": max(values),
               "runs": len(values)}
        if against and row["median"] > 0:
            other = statistics.median(against[1])
            row["against"] = {"what": against[0], "median": other, "least": min(against[1]), "most": max(against[1])}
            row["ratio"] = other / row["median"] if of_less else row["median"] / other
        if target:
            row["target"] = target
        if note:
            row["note"] = note
        self.rows.append(row)
        print("  " + as_text(row), flush=True)
        return row


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def as_text(row):
    text = f"{row['what']}: {number(row['median'])} {row['unit']} [{number(row['least'])}..{number(row['most'])}]"
    if "against" in row:
        text += f", {row['against']['what']} {number(row['against']['median'])}: {row['ratio']:.2f}"
    if "target" in row:
        text += f" (aim: {row['target']})"
    return text


class Client:
    """One connection to a master."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def body(self, method, path, body=None):
        """Status and bytes."""
        self.connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def ask(self, method, path, body=None):
        status, text = self.body(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {text.decode()}")
        return json.loads(text)


class Master:
    """data: a directory that outlives the master; without one it has its own."""

    def __init__(self, bench, *arguments, data=None, environment=None):
        self.owned = data is None
        self.data = data or bench.work / f"data{time.monotonic_ns()}"
        self.process = subprocess.Popen([bench.program("slicemill"), "master", "--port", "0", "--data", self.data, *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"the master says {line!r}")
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client = Client(self.port)
        self.ask = self.client.ask

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(self.process.terminate)

    def kill(self):
        self.end(self.process.kill)

    def end(self, how):
        self.client.connection.close()
        how()
        self.process.wait()
        if self.owned:
            shutil.rmtree(self.data, ignore_errors=True)

    def submit(self, job):
        return self.ask("POST", "/v1/jobs", job)["ex_id"]

    def wait(self, ex_id, statuses=TERMINAL, every_s=0.005):
        while True:
            document = self.ask("GET", f"/v1/ex/{ex_id}")
            if document["_status"] in statuses:
                return document
            if document["_status"] in TERMINAL:
                raise RuntimeError(f"{ex_id} is {document['_status']}: {document.get('_failureReason')}")
            time.sleep(every_s)

    def pids(self, ex_id=None):
        roles = {"execution_controller": [], "worker": []}
        for node in self.ask("GET", "/v1/cluster/state").values():
            for entry in node["active"]:
                if entry.get("assignment") in roles and (ex_id is None or entry.get("ex_id") == ex_id):
                    roles[entry["assignment"]].append(entry["pid"])
        return roles


def run_seconds(bench, job, name="run", env=None):
    """`slicemill run` of a job, with a data directory of its own."""
    path = bench.work / f"{name}.json"
    path.write_text(json.dumps(job))
    data = bench.work / f"{name}-data"
    began = time.monotonic()
    subprocess.run([bench.program("slicemill"), "run", path, "--data", data], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    seconds = time.monotonic() - began
    shutil.rmtree(data, ignore_errors=True)
    return seconds


def command_seconds(command, **options):
    began = time.monotonic()
    subprocess.run([str(part) for part in command], check=True, stdout=options.pop("stdout", subprocess.DEVNULL), **options)
    return time.monotonic() - began


def needs(tool):
    if not shutil.which(tool):
        raise Unavailable(f"{tool} is not installed")
    return tool


def rss_mb(pid):
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def pss_mb(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)


def cpu_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cpu": model, "cpus": os.cpu_count(), "memory_gb": round(memory / 1e6), "kernel": platform.release(), "load": os.getloadavg()[0]}
