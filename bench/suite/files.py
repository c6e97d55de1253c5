"""From file to file: filter and projection of records, against DuckDB, jq and the tools that only unpack."""

import json
import os
import shutil
import subprocess
import time

from .system import Master, command_seconds, needs, run_seconds

FIELDS = ["timestamp", "host", "http.method", "http.status", "http.path", "user.name"]


def record(i):
    """About 340 bytes as JSON."""
    return {"id": i, "timestamp": f"2026-01-{i % 28 + 1:02d}T{i % 24:02d}:{i % 60:02d}:00.000Z", "host": f"web-{i % 40}.example.org",
            "http": {"method": ["GET", "POST", "PUT"][i % 3], "status": [200, 200, 200, 304, 404, 500][i % 6], "path": f"/items/{i * 7919 % 100003}",
                     "bytes": i * 31 % 65536, "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"},
            "user": {"name": f"user{i % 977}", "country": ["DE", "FR", "US", "JP"][i % 4]}, "tags": ["edge", f"rack{i % 12}"]}


def write_repeated(path, block, megabytes, header=b""):
    """Megabytes, and how often the block was written."""
    times = 0
    with open(path, "wb") as out:
        written = out.write(header)
        while written < megabytes * 1_000_000:
            written += out.write(block)
            times += 1
    return written / 1e6, times


def write_ldjson(path, megabytes):
    """Megabytes and records."""
    block = "".join(json.dumps(record(i), separators=(",", ":")) + "\n" for i in range(20_000)).encode()
    size, times = write_repeated(path, block, megabytes)
    return size, 20_000 * times


def write_csv(path, megabytes):
    """Every seventh record has a quoted field with the delimiter, a quote and a line's end in it."""
    lines = []
    for i in range(20_000):
        r = record(i)
        agent = r["http"]["agent"] if i % 7 else 'Mozilla, "quoted"\nand on'
        if any(c in agent for c in ',"\n'):
            agent = '"' + agent.replace('"', '""') + '"'
        lines.append(f"{i},{r['timestamp']},{r['host']},{r['http']['method']},{r['http']['status']},{r['http']['path']},{agent},{r['user']['name']}\n")
    return write_repeated(path, "".join(lines).encode(), megabytes, b"id,timestamp,host,method,status,path,agent,name\n")[0]


def job(path, output, format="ldjson", status="http.status", fields=None, **exporter):
    return {"name": "files", "workers": 2, "operations": [
        {"_op": "file_reader", "path": str(path), "format": format},
        {"_op": "filter", "field": status, "min": 400},
        {"_op": "selection", "fields": fields or FIELDS},
        {"_op": "file_exporter", "path": str(output), **exporter}]}


def ours(bench, the_job):
    output = bench.work / "out"
    shutil.rmtree(output, ignore_errors=True)
    return run_seconds(bench, the_job)


def through_master(bench, the_job):
    shutil.rmtree(bench.work / "out", ignore_errors=True)
    with Master(bench) as master:
        began = time.monotonic()
        master.wait(master.submit(the_job))
        return time.monotonic() - began


def duckdb(bench, format, path):
    output = bench.work / "duckdb.out"
    seconds = bench.peer("@duckdb/node-api", "duckdb.js", format, path, output)["seconds"]
    output.unlink()
    return seconds


def jq(bench, path):
    with open(bench.work / "jq.out", "wb") as out:
        return command_seconds([needs("jq"), "-c", "select(.http.status >= 400) | [.timestamp, .host, .http.method, .http.status, .http.path, .user.name]",
                                path], stdout=out)


def simdjson_alone(bench, path):
    """Two threads, synced: what the machine allows."""
    output = bench.work / "limit.out"
    done = subprocess.run([bench.program("bench/ldjson_filter"), path, output, "400"], check=True, stdout=subprocess.PIPE)
    for part in range(2):
        os.unlink(f"{output}.{part}")
    return json.loads(done.stdout)["seconds"]


def simdjson_behind(bench, tool, files):
    """A tool unpacks into it, two files at a time."""
    pipeline = f'{tool} -dc "$1" | "{bench.program("bench/ldjson_filter")}" - "$1.limit.out" 400'
    seconds = command_seconds(["xargs", "-P2", "-n1", "sh", "-c", pipeline, "sh"], input="\n".join(map(str, files)), text=True)
    for file in files:
        os.unlink(f"{file}.limit.out.0")
    return seconds


def as_rates(seconds, megabytes):
    return {name: [megabytes / each for each in values] for name, values in seconds.items()}


def measure(bench):
    megabytes = bench.amount(1_000, 20)
    path = bench.work / "input.ldjson"
    size, _ = write_ldjson(path, megabytes)
    small = bench.work / "small.ldjson"
    small_size, _ = write_ldjson(small, bench.amount(50, 5))
    the_job = job(path, bench.work / "out")
    rates = as_rates(bench.in_turns(master=lambda: through_master(bench, the_job), run=lambda: ours(bench, the_job),
                                    duckdb=lambda: duckdb(bench, "ldjson", path), limit=lambda: simdjson_alone(bench, path)), size)
    rates.update(as_rates(bench.in_turns(jq=lambda: jq(bench, small)), small_size))
    what = f"{size:,.0f} MB ldjson, filter and projection, to files"
    for name, title, target in (("duckdb", "DuckDB, 2 threads, columns given", ">= 1.3"), ("jq", "jq", None),
                                ("limit", "simdjson alone, 2 threads, on demand", None)):
        if name in rates:
            bench.row("files", f"{what}, `slicemill run`", "MB/s", rates["run"], (title, rates[name]), target)
    bench.row("files", f"{what}, master and 2 worker processes", "MB/s", rates["master"], ("DuckDB", rates["duckdb"]) if "duckdb" in rates else None)
    measure_csv(bench)
    measure_compressed(bench, small if bench.quick else path)
    measure_generated(bench)


def measure_csv(bench):
    path = bench.work / "input.csv"
    size = write_csv(path, bench.amount(500, 10))
    the_job = job(path, bench.work / "out", "csv", "status", ["timestamp", "host", "method", "status", "path", "name"])
    rates = as_rates(bench.in_turns(run=lambda: ours(bench, the_job), duckdb=lambda: duckdb(bench, "csv", path)), size)
    bench.row("files", f"{size:,.0f} MB csv with quoted fields, filter and projection", "MB/s", rates["run"],
              ("DuckDB, 2 threads, columns given", rates["duckdb"]) if "duckdb" in rates else None, ">= 1")


def measure_compressed(bench, path):
    """Two files at a time, as the two workers do."""
    for tool, ending in (("gzip", ".gz"), ("zstd", ".zst")):
        if not shutil.which(tool):
            print(f"  left out: {tool} is not installed", flush=True)
            continue
        directory = bench.work / tool
        directory.mkdir()
        size = path.stat().st_size // 2 / 1e6
        files = []
        for part in range(2):
            files.append(directory / f"part{part}.ldjson{ending}")
            with open(files[-1], "wb") as out, open(path, "rb") as source:
                text = source.read(path.stat().st_size // 2)
                subprocess.run([tool, "-1", "-c"], input=text[:text.rfind(b"\n") + 1], stdout=out, check=True)
        the_job = job(directory, bench.work / "out")
        seconds = bench.in_turns(run=lambda: ours(bench, the_job), limit=lambda: simdjson_behind(bench, tool, files),
                                 tool=lambda: command_seconds(["xargs", "-P2", "-n1", tool, "-dc"], input="\n".join(map(str, files)), text=True))
        what = f"2 files of {size:,.0f} MB {ending}, filter and projection"
        bench.row("files", what, "s", seconds["run"], (f"2 x {tool} -dc | simdjson alone, at once", seconds["limit"]), "<= 1.2 of its time", of_less=True)
        bench.row("files", what, "s", seconds["run"], (f"2 x {tool} -dc at once, to nowhere", seconds["tool"]), of_less=True)
        shutil.rmtree(directory)


def measure_generated(bench):
    records = bench.amount(10_000_000, 200_000)
    the_job = {"name": "generated", "workers": 2, "operations": [
        {"_op": "data_generator", "size": records, "slice_size": 10_000, "seed": 1}, {"_op": "filter", "field": "bytes", "min": 1000}, {"_op": "noop"}]}
    rates = bench.in_turns(run=lambda: records / run_seconds(bench, the_job))
    bench.row("files", "data_generator -> filter -> noop", "records/s", rates["run"], target=">= 2,000,000")


def curves(bench):
    """MB/s by size of a slice and by bytes of a record, in `slicemill run`."""
    path = bench.work / "curve.ldjson"
    size, _ = write_ldjson(path, bench.amount(500, 5))
    points = {"slice_size": [], "record_size": []}
    for slice_size in bench.amount([10_000, 100_000, 1_000_000, 10_000_000, 100_000_000], [100_000, 1_000_000]):
        the_job = job(path, bench.work / "out")
        the_job["operations"][0]["size"] = slice_size
        points["slice_size"].append([slice_size, size / ours(bench, the_job)])
    for padding in bench.amount([0, 200, 1_000, 5_000, 50_000], [0, 1_000]):
        line = (json.dumps({"http": {"status": 404}, "host": "h", "pad": "x" * padding}) + "\n").encode()
        size, _ = write_repeated(path, line * max(1, 1_000_000 // len(line)), bench.amount(300, 5))
        points["record_size"].append([len(line), size / ours(bench, job(path, bench.work / "out"))])
    os.unlink(path)
    return points
