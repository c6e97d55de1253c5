"""Bundles: stored, listed, resolved for jobs, removed; over real processes, with kill -9 in between."""

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest
import zipfile

from harness import BAD_INPUT, OK, SLICEMILL, EndToEnd, is_sanitized, record, records, wait_until

EX1 = {"name": "ex1", "node_version": 18}


def bundle(manifest, files=None, executables=()):
    """The bytes of a zip, the same at any time; manifest None: without an asset.json."""
    entries = dict(files or {})
    if manifest is not None:
        entries = {"asset.json": manifest if isinstance(manifest, str) else json.dumps(manifest), **entries}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if name in executables else 0o100644) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def example(version):
    return bundle({**EX1, "version": version}, {"drop_property/processor.js": "module.exports = 1;", "drop_property/schema.js": ""})


def asset_id(content):
    return hashlib.sha1(base64.b64encode(content)).hexdigest()


class Assets(EndToEnd):
    def upload(self, master, content, path="/v1/assets?blocking=true", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", master.port, timeout=120)
        with contextlib.closing(connection):
            connection.request("POST", path, content, headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def stored(self, master, content):
        status, answer = self.upload(master, content)
        self.assertIn(status, (200, 201), answer)
        self.assertEqual(answer, {"asset_id": asset_id(content)})
        return answer["asset_id"]

    def directories(self):
        path = self.data / "assets"
        return sorted(p.name for p in path.iterdir() if p.name != ".incoming") if path.exists() else []

    def generator(self, assets, operation, **top):
        return {
            "name": self.id().rpartition(".")[2], "lifecycle": "once", "workers": 1, "assets": assets,
            "operations": [{"_op": "id_range", "end": 10, "size": 5}, {"_op": operation, "property": "id"},
                           {"_op": "file_exporter", "path": str(self.output), "format": "ldjson"}],
            **top,
        }

    def test_upload_list_and_delete(self):
        master = self.start_master()
        old, new = example("0.0.1"), example("0.1.1")
        status, answer = self.upload(master, old)
        self.assertEqual((status, answer), (201, {"asset_id": asset_id(old)}))
        self.assertEqual(self.upload(master, old)[0], 200)
        self.assertEqual(self.upload(master, new, path="/assets")[0], 201)
        first = master.get("/v1/assets")[0]
        self.assertEqual(list(first), ["_created", "name", "version", "node_version", "id"])
        self.assertEqual((first["version"], first["id"], first["node_version"]), ("0.1.1", asset_id(new), 18))
        self.assertEqual([a["version"] for a in master.get("/v1/assets/ex1")], ["0.1.1", "0.0.1"])
        self.assertEqual([a["id"] for a in master.get("/v1/assets/ex1/0.0.1")], [asset_id(old)])
        self.assertEqual(master.get("/v1/assets/ex2"), [])
        self.assertEqual(len(master.get("/v1/assets?size=1&from=1&sort=version:asc")), 1)
        self.assertEqual(self.directories(), sorted([asset_id(old), asset_id(new)]))
        self.assertEqual(master.ask("DELETE", f"/v1/assets/{asset_id(old)}"), {"asset_id": asset_id(old)})
        master.ask("DELETE", f"/v1/assets/{asset_id(old)}", expect=404)
        self.assertEqual(self.directories(), [asset_id(new)])

    def test_bad_bundles_are_refused_and_leave_nothing(self):
        master = self.start_master()
        self.stored(master, example("1.0.0"))
        other = bundle({**EX1, "version": "v1.0.0"}, {"x.txt": "other bytes"})
        link = io.BytesIO(bundle({"name": "l", "version": "1.0.0"}))
        with zipfile.ZipFile(link, "a") as archive:
            info = zipfile.ZipInfo("evil")
            info.create_system = 3
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
        cases = [
            (b"no zip at all", 500, "File type not recognized as zip"),
            (b"", 500, "File type not recognized as zip"),
            (b"PK\x03\x04 and then nothing of the kind", 500, "the zip of the asset is broken"),
            (bundle(None, {"sub/asset.json": "{}"}), 422, "asset.json was not found in root directory of asset bundle"),
            (bundle("{"), 422, "asset.json is not valid JSON"),
            (bundle({"version": "1.0.0"}), 500, "name"),
            (bundle({"name": "a", "version": "1"}), 500, 'Invalid version "1"'),
            (bundle({"name": "a"}), 500, 'Invalid version "undefined"'),
            (bundle({"name": "a", "version": "1.0.0", "minimum_teraslice_version": "999.9.9"}), 500,
             "Asset requires teraslice version 999.9.9 or greater."),
            (other, 409, 'Asset name:"ex1" AND version:"1.0.0" AND node_version:18 already exists'),
            (bundle({"name": "a", "version": "1.0.0"}, {"../evil": "x"}), 500, "leads out of the bundle"),
            (bundle({"name": "a", "version": "1.0.0"}, {"/evil": "x"}), 500, "absolute path"),
            (link.getvalue(), 500, "neither a file nor a directory"),
        ]
        for content, status, words in cases:
            with self.subTest(words):
                got, answer = self.upload(master, content)
                self.assertEqual(got, status, answer)
                self.assertIn(words, answer["message"])
        status, answer = self.upload(master, b"{}", headers={"Content-Type": "application/json"})
        self.assertEqual((status, answer["message"]), (400, "/asset endpoints do not accept json"))
        self.assertEqual(len(self.directories()), 1)
        self.assertFalse((self.directory / "evil").exists() or pathlib.Path("/evil").exists())
        incoming = self.data / "assets" / ".incoming"
        wait_until(lambda: not list(incoming.iterdir()), "uploads to be swept")

    def test_limits(self):
        master = self.start_master(arguments=("--asset-size-limit", "100kB", "--asset-unpacked-limit", "1MB"))
        noise = bundle({"name": "noise", "version": "1.0.0"}, {"data": os.urandom(200_000)})
        status, answer = self.upload(master, noise)
        self.assertEqual(status, 413, answer)
        self.assertIn("100000 bytes (asset_size_limit)", answer["message"])
        status, answer = self.upload(master, iter([noise[:70_000], noise[70_000:]]))  # chunked: no length is announced
        self.assertEqual(status, 413, answer)
        bomb = bundle({"name": "bomb", "version": "1.0.0"}, {"zeros": bytes(50_000_000)})
        self.assertLess(len(bomb), 100_000)
        status, answer = self.upload(master, bomb)
        self.assertEqual(status, 413, answer)
        self.assertIn("asset_unpacked_limit", answer["message"])
        self.assertEqual(self.directories(), [])

    def test_a_large_upload_stays_out_of_memory(self):
        master = self.start_master()
        status = pathlib.Path(f"/proc/{master.process.pid}/status")

        def peak_kb():
            return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])

        self.stored(master, example("0.0.1"))
        before = peak_kb()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("asset.json", json.dumps({"name": "large", "version": "1.0.0"}))
            archive.writestr("data.bin", os.urandom(100 << 20))
        large = buffer.getvalue()
        self.assertEqual(self.stored(master, large), asset_id(large))
        # AddressSanitizer keeps what was freed; even so it stays below the bundle.
        self.assertLess(peak_kb() - before, 90_000 if is_sanitized() else 20_000, "kB")

    def test_a_killed_upload_leaves_nothing(self):
        master = self.start_master()
        kept = self.stored(master, example("0.0.1"))
        content = example("0.1.1")
        with socket.create_connection(("127.0.0.1", master.port)) as connection:
            connection.sendall(b"POST /assets HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (300_000 + len(content)))
            connection.sendall(content + bytes(290_000))
            wait_until(lambda: list((self.data / "assets" / ".incoming").glob("*/bundle.zip")), "bytes to arrive")
            master.kill_9_itself()
        master = self.start_master()
        self.assertEqual([a["id"] for a in master.get("/assets")], [kept])
        self.assertFalse((self.data / "assets" / ".incoming").exists())
        self.assertEqual(self.directories(), [kept])

    def test_killed_between_files_and_row(self):
        master = self.start_master(environment={"SLICEMILL_FAULT": "asset.renamed:kill:1"})
        content = example("0.0.1")
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            self.upload(master, content)
        wait_until(lambda: master.process.poll() is not None, "the master's death")
        self.assertEqual(self.directories(), [asset_id(content)])
        master = self.start_master()
        self.assertEqual(master.get("/assets"), [])
        self.assertEqual(self.directories(), [])
        self.stored(master, content)

    def test_a_client_that_leaves_leaves_nothing(self):
        master = self.start_master()
        incoming = self.data / "assets" / ".incoming"
        with socket.create_connection(("127.0.0.1", master.port)) as connection:
            connection.sendall(b"POST /assets HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"PK\x03\x04" + bytes(400_000))
            wait_until(lambda: list(incoming.glob("*/bundle.zip")), "bytes to arrive")
        wait_until(lambda: not list(incoming.iterdir()), "them to be swept")

    def test_jobs_resolve_pin_and_qualify(self):
        master = self.start_master()
        old, new = self.stored(master, example("0.0.1")), self.stored(master, example("0.1.1"))

        def run(assets, operation):
            submitted = master.submit(self.generator(assets, operation))
            document = master.wait_for_status(submitted["ex_id"], "completed")
            return submitted, document

        submitted, document = run(["ex1"], "drop_property")
        self.assertEqual(document["assets"], [new])
        self.assertEqual(master.get(f"/v1/jobs/{submitted['job_id']}")["assets"], ["ex1"], "jobs are stored as posted")
        self.assertEqual(self.read_output()[0], {})
        self.assertEqual(run(["ex1:0.0.1"], "drop_property")[1]["assets"], [old])
        self.assertEqual(run(["ex1:^0.0.1", "ex1:0.1.x"], "drop_property@ex1:0.1.1")[1]["assets"], [old, new])
        document = run(["ex1:0.0.1", "ex1:0.1.1"], "drop_property@ex1:0.1.1")[1]
        self.assertEqual(document["operations"][1]["_op"], f"drop_property@{new}")
        self.assertEqual(run([old], f"drop_property@{old}")[1]["assets"], [old])

        def refusal(assets, operation):
            return master.ask("POST", "/v1/jobs", self.generator(assets, operation), expect=500)["message"]

        self.assertIn('Multiple assets containing the same processor name _op: "drop_property", please specify',
                      refusal(["ex1:0.0.1", "ex1:0.1.1"], "drop_property"))
        self.assertIn('No assets found for "ex1:^2"; there is ex1: 0.0.1, 0.1.1', refusal(["ex1:^2"], "drop_property"))
        self.assertIn('No assets found for "nope"', refusal(["nope"], "drop_property"))
        self.assertIn("could not find the hashID for asset identifier ex2", refusal(["ex1"], "drop_property@ex2"))

        newer = self.stored(master, example("0.2.0-beta"))
        again = master.post(f"/v1/jobs/{submitted['job_id']}/_start")
        self.assertEqual(master.wait_for_status(again["ex_id"], "completed")["assets"], [newer], "each start resolves again")
        recovered = master.post(f"/v1/ex/{submitted['ex_id']}/_recover?cleanup_type=errors")
        self.assertEqual(master.execution(recovered["ex_id"])["assets"], [new], "a recovery keeps what its source had")

    def test_an_operation_that_only_a_bundle_has(self):
        master = self.start_master()
        self.stored(master, bundle({"name": "special", "version": "1.0.0"}, {"very_special/processor.js": ""}))
        message = master.ask("POST", "/v1/jobs", self.generator(["special"], "very_special"), expect=500)["message"]
        self.assertIn("Unable to find module for operation: very_special", message)
        self.assertIn("the asset special:1.0.0 has it", message)
        self.assertIn('"script"', message)

    def test_operations_of_a_bundle_that_is_one_script(self):
        master = self.start_master()
        script = "var parts={very_special:{Processor:a,Schema:b}};exports.ASSETS=parts;throw new Error('it is not run')"
        for name in ("first", "second"):
            self.stored(master, bundle({"name": name, "version": "1.0.0", "node_version": 99}, {"index.js": script}))
        message = master.ask("POST", "/v1/jobs", self.generator(["first"], "very_special"), expect=500)["message"]
        self.assertIn("the asset first:1.0.0 has it", message)
        message = master.ask("POST", "/v1/jobs", self.generator(["first", "second"], "very_special"), expect=500)["message"]
        self.assertIn('Multiple assets containing the same processor name _op: "very_special"', message)

    def test_a_used_bundle_stays(self):
        master = self.start_master()
        id_ = self.stored(master, example("0.0.1"))
        job = self.generator(["ex1"], "drop_property")
        job["operations"].insert(1, {"_op": "delay", "ms": 60_000})
        ex = master.submit(job)["ex_id"]
        answer = master.ask("DELETE", f"/v1/assets/{id_}", expect=409)
        self.assertIn(ex, answer["message"])
        master.post(f"/v1/ex/{ex}/_stop?timeout=100")
        master.ask("DELETE", f"/v1/assets/{id_}")
        self.assertIn("No assets found", master.ask("POST", f"/v1/ex/{ex}/_recover", expect=500)["message"])

    def test_files_of_a_bundle_are_inputs_and_executables(self):
        master = self.start_master()
        lines = "".join(json.dumps(record(n)) + "\n" for n in range(20))
        id_ = self.stored(master, bundle({"name": "data", "version": "1.0.0"}, {"in/a.ldjson": lines, "bin/tool": "#!/bin/sh\n"},
                                         executables=("bin/tool",)))
        self.assertTrue(os.access(self.data / "assets" / id_ / "bin" / "tool", os.X_OK))
        self.assertFalse(os.access(self.data / "assets" / id_ / "in" / "a.ldjson", os.X_OK))
        job = self.job("asset:data/in/a.ldjson", assets=["data"])
        ex = master.submit(job)["ex_id"]
        master.wait_for_status(ex, "completed")
        self.assert_output(records(20))
        job["operations"][0]["path"] = "asset:data/../../registry.sqlite"
        self.assertIn("leads out of the asset", master.ask("POST", "/v1/jobs", job, expect=500)["message"])

    def test_autoload(self):
        autoload = self.directory / "autoload"
        autoload.mkdir()
        (autoload / "a.zip").write_bytes(example("0.0.1"))
        (autoload / "broken.zip").write_bytes(b"PK\x03\x04")
        (autoload / "b.zip").write_bytes(example("0.1.1"))
        for _ in range(2):
            master = self.start_master(arguments=("--autoload-directory", autoload))
            wait_until(lambda: len(master.get("/assets")) == 2, "both bundles")
            master.terminate()

    def test_a_script_of_a_bundle(self):
        """The executable comes with the bundle, and starts in its directory."""
        master = self.start_master()
        program = "#!/bin/sh\n[ -f asset.json ] && exec sed 's/^{/{\"seen\":true,/'\n"
        content = bundle({"name": "tools", "version": "1.2.3"}, {"bin/mark": program}, executables=["bin/mark"])
        status, answer = self.upload(master, content)
        self.assertEqual(status, 201, answer)
        path = self.write_input(records=50)
        script = {"_op": "script", "command": "bin/mark", "asset": "tools"}
        job = self.job(path, processors=[script], assets=["tools:1.2.x"])
        ex_id = master.submit(job)["ex_id"]
        master.wait_for_status(ex_id, "completed")
        self.assert_output([{"seen": True, **each} for each in records(50)])
        unlisted = master.submit({**job, "assets": None})["ex_id"]
        document = master.wait_for_status(unlisted, "failed")
        self.assertIn("asset tools is not among the assets of the job", document["_failureReason"])


class WithoutAMaster(EndToEnd):
    """`run` and `validate` resolve what a command line names as a master resolves what it stores."""

    PROGRAM = "#!/bin/sh\n[ -f asset.json ] && exec sed 's/^{/{\"seen\":true,/'\n"

    def tools(self, version):
        return bundle({"name": "tools", "version": version}, {"bin/mark": self.PROGRAM}, executables=["bin/mark"])

    def job_file(self, assets, **options):
        script = {"_op": "script", "command": "bin/mark", "asset": "tools"}
        job = self.job(self.write_input(records=50), processors=[script], assets=assets, **options)
        path = self.directory / "job.json"
        path.write_text(json.dumps(job))
        return path

    def test_a_zip(self):
        old, new = self.directory / "old.zip", self.directory / "new.zip"
        old.write_bytes(self.tools("1.2.3"))
        new.write_bytes(self.tools("2.0.0"))
        for _ in range(2):
            result = self.slicemill("run", self.job_file(["tools:1.x"]), "--data", self.data, "--assets", old, new)
            self.assertEqual(result.returncode, OK, result.stderr)
            self.assert_output([{"seen": True, **each} for each in records(50)])
            shutil.rmtree(self.output)
        self.assertEqual(sorted(path.name for path in (self.data / "bundles").iterdir()),
                         sorted([asset_id(self.tools("1.2.3")), asset_id(self.tools("2.0.0"))]))

    def test_a_directory(self):
        directory = self.directory / "tools"
        (directory / "bin").mkdir(parents=True)
        (directory / "asset.json").write_text('{"name": "tools", "version": "1.2.3"}')
        (directory / "bin" / "mark").write_text(self.PROGRAM)
        (directory / "bin" / "mark").chmod(0o755)
        job = self.job_file(["tools"])
        result = self.slicemill("validate", job, "--assets", "tools")
        self.assertEqual(result.returncode, OK, result.stderr)
        result = self.slicemill("run", job, "--data", self.data, "--assets", "tools")
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output([{"seen": True, **each} for each in records(50)])
        self.assertFalse((self.data / "bundles").exists())

    def test_a_resumed_run_has_its_bundles(self):
        zip_file = self.directory / "tools.zip"
        zip_file.write_bytes(self.tools("1.2.3"))
        job = self.job_file(["tools"], size=400, delay_ms=100)
        process = subprocess.Popen([SLICEMILL, "run", job, "--data", self.data, "--assets", zip_file], env=self.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: self.output.is_dir() and any(not f.name.startswith(".") for f in self.output.iterdir()), "a published slice")
        process.kill()
        process.communicate()
        zip_file.unlink()
        (ledger,) = (self.data / "ledgers").iterdir()
        result = self.slicemill("run", "--resume", ledger.name, "--data", self.data)
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assert_output([{"seen": True, **each} for each in records(50)])

    def test_validate_leaves_nothing(self):
        zip_file = self.directory / "tools.zip"
        zip_file.write_bytes(self.tools("1.2.3"))
        scratch = self.directory / "tmp"
        scratch.mkdir()
        result = self.slicemill("validate", self.job_file(["tools"]), "--assets", zip_file, environment={"TMPDIR": str(scratch)})
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertEqual(list(scratch.iterdir()), [])

    def test_what_is_missing_is_named(self):
        job = self.job_file(["tools:^1"])
        for verb in ("run", "validate"):
            self.assert_one_line(self.slicemill(verb, job), BAD_INPUT, 'No assets found for "tools:^1"', "--assets")
        zip_file = self.directory / "tools.zip"
        zip_file.write_bytes(self.tools("2.0.0"))
        self.assert_one_line(self.slicemill("validate", job, "--assets", zip_file), BAD_INPUT, "there is tools: 2.0.0")
        self.assert_one_line(self.slicemill("validate", job, "--assets", "nowhere"), BAD_INPUT, "asset nowhere: cannot be opened")
        self.assert_one_line(self.slicemill("validate", job, "--assets", job), BAD_INPUT, "not recognized as zip")
        self.assert_one_line(self.slicemill("run", "--resume", "x", "--assets", zip_file), BAD_INPUT, "keeps its bundles")
        self.assert_one_line(self.slicemill("run", job, "--chaos", "seed=1", "--assets", zip_file), BAD_INPUT, "takes no --assets")


class TerasliceConfig(EndToEnd):
    CONFIG = """
teraslice:
  name: my cluster
  master: true
  workers: 3
  shutdown_timeout: 2 seconds
  assets_directory: {assets}
  env_vars:
    FROM_CONFIG: one
  slicer_port_range: "45679:46678"
  slicer_allocation_attempts: 3
  wrokers: 5
terafoundation:
  log_level: warn
  connectors:
    elasticsearch-next: {{default: {{node: "http://localhost:9200"}}}}
"""

    def test_starts_a_master(self):
        config = self.directory / "teraslice.yaml"
        config.write_text(self.CONFIG.format(assets=self.directory / "bundles"))
        for how in ({"arguments": ("--config", config)}, {"environment": {"TERAFOUNDATION_CONFIG": str(config)}}):
            # The harness names the slots itself, so they are read from the file only where it does not.
            master = self.start_master(**how)
            self.assertEqual(master.get("/")["name"], "my cluster")
            self.assertTrue((self.directory / "bundles").is_dir())
            errors = "\n".join(master.errors)
            self.assertIn("teraslice.slicer_allocation_attempts: has no meaning here", errors)
            self.assertIn("teraslice.wrokers: unknown key; did you mean 'workers'?", errors)
            self.assertIn("terafoundation.connectors: has no meaning here", errors)
            self.assertEqual(len(master.errors), 3, errors)
            ex = master.submit(self.job(self.write_input(), delay_ms=20, env_vars={"FROM_JOB": "two"}))["ex_id"]
            for assignment in ("worker", "execution_controller"):
                pid = wait_until(lambda: master.pids(assignment, ex), f"a {assignment}")[0]
                # Empty while the process is on its way from fork to its program.
                environment = wait_until(pathlib.Path(f"/proc/{pid}/environ").read_bytes, f"the environment of {pid}").split(b"\0")
                self.assertIn(b"FROM_CONFIG=one", environment)
                self.assertIn(b"FROM_JOB=two", environment)
            master.post(f"/v1/ex/{ex}/_stop")
            master.terminate()


if __name__ == "__main__":
    unittest.main()
