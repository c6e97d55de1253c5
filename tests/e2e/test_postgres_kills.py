"""A table is copied to another one while workers, controller, master and the server itself are killed and connections are cut in COMMIT: both
tables are the same, row by row, every time. E2E_POSTGRES_ROUNDS=200 for longer, E2E_POSTGRES_SEED=7 to repeat."""

import json
import os
import random
import unittest

from cut_proxy import CutProxy
from harness import OK, TERMINAL, EndToEnd, wait_until
from postgres_server import PASSWORD, PostgresServer

ROUNDS = int(os.environ.get("E2E_POSTGRES_ROUNDS", "20"))
SEED = int(os.environ.get("E2E_POSTGRES_SEED", "1"))
ROWS = 12_000
SLICE = 200
SETTINGS = {"SLICEMILL_BEAT": "150ms", "SLICEMILL_LEASE": "1500ms"}


class Kills(EndToEnd):
    def setUp(self):
        super().setUp()
        self.server = PostgresServer(self)
        self.proxy = CutProxy(self, self.server.port)
        url = self.server.url().replace(str(self.server.port), str(self.proxy.port)) + "?sslmode=disable"
        self.config = self.directory / "slicemill.yaml"
        self.config.write_text(json.dumps({"connections": {"target": {"type": "postgres", "url": url, "password": PASSWORD}}}))
        self.config.chmod(0o600)
        self.server.sql(f"""
          CREATE TABLE source AS SELECT n AS id, md5(n::text) AS t, n::numeric / 7 AS v, n % 2 = 0 AS b, '2024-01-01'::timestamptz + n * interval '1 s' AS at,
                                        jsonb_build_object('n', n) AS j FROM generate_series(1, {ROWS}) n;
          ALTER TABLE source ADD PRIMARY KEY (id);""")
        self.master = self.start()
        self.port = self.master.port

    def start(self, **more):
        return self.start_master(environment=SETTINGS, arguments=("--config", self.config), **more)

    # ---- what happens ----

    def kill_worker(self):
        self.kill_process("worker")

    def kill_controller(self):
        self.kill_process("execution_controller")

    def kill_process(self, kind):
        if self.master.status(self.ex_id) not in TERMINAL and self.master.pids(kind, self.ex_id):
            self.master.kill_9(kind, self.ex_id)

    def kill_master(self):
        self.master.kill_9_itself()
        self.master = self.start(port=self.port)

    def kill_server(self):
        self.server.kill()
        self.server.start()

    def cut(self):
        self.proxy.cut_at(self.random.randint(1, 4), before=self.random.random() < 0.5)

    def kill_server_and_controller(self):
        self.server.kill()
        self.kill_controller()
        self.server.start()

    def round(self, number):
        self.random = random.Random(SEED * 1000 + number)
        upserts = number % 4 == 3
        table = f"copy_{number}"
        self.server.sql(f"CREATE TABLE {table} (LIKE source{' INCLUDING ALL' if upserts or number % 2 else ''})")
        mode = {"mode": "upsert", "key": "id"} if upserts else {}
        self.ex_id = self.master.submit({
            "name": "kills", "lifecycle": "once", "workers": 3, "max_retries": 30, "operations": [
                {"_op": "postgres_reader", "_connection": "target", "table": "source", "size": SLICE, "on_unavailable": "wait"}, {"_op": "delay", "ms": 40},
                {"_op": "postgres_sender", "_connection": "target", "table": table, "on_unavailable": "wait", **mode}]})["ex_id"]
        actions = [self.kill_worker, self.kill_controller, self.kill_master, self.kill_server, self.cut, self.kill_server_and_controller]
        done = []
        for share in sorted(self.random.sample(range(3, ROWS // SLICE - 5), 4)):
            wait_until(lambda: self.master.stats(self.ex_id).get("processed", 0) >= share or self.master.status(self.ex_id) in TERMINAL,
                       lambda: f"{share} slices of round {number} after {done}: {self.master.execution(self.ex_id)}")
            action = self.random.choice(actions)
            done.append(f"{action.__name__} at {share}")
            action()
        document = self.master.wait_for_status(self.ex_id, "completed")
        figures = document["_slicer_stats"]
        self.assertEqual((figures["processed"], figures["failed"]), (ROWS // SLICE, 0), done)
        differences = self.server.sql(f"SELECT count(*) FROM ((SELECT * FROM source EXCEPT ALL SELECT * FROM {table}) UNION ALL "
                                      f"(SELECT * FROM {table} EXCEPT ALL SELECT * FROM source)) d")
        self.assertEqual(differences, "0", done)
        result = self.slicemill("verify", self.ex_id, "--master", self.master.url, "--config", self.config)
        self.assertEqual(result.returncode, OK, f"{done}: {result.stdout}{result.stderr}")
        return done

    def test_every_row_once_whatever_dies(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                print(f"round {number}: {', '.join(self.round(number))}", flush=True)


if __name__ == "__main__":
    unittest.main()
