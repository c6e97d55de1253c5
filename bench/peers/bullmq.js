// Usage: node bullmq.js SOCKET JOBS. Jobs that do nothing, by two worker processes; prints jobs per second from the first job to the last.
const { fork } = require("child_process");
const { Queue, QueueEvents, Worker } = require("bullmq");

const [socket, jobs] = process.argv.slice(2);
const connection = { path: socket, maxRetriesPerRequest: null };

if (process.env.BULLMQ_WORKER) {
  const worker = new Worker("noop", async () => {}, { connection, concurrency: 100 });
  worker.on("ready", () => process.send("ready"));
  process.on("message", () => worker.close().then(() => process.exit(0)));
} else {
  main();
}

async function main() {
  const queue = new Queue("noop", { connection, defaultJobOptions: { removeOnComplete: true } });
  const events = new QueueEvents("noop", { connection });
  await events.waitUntilReady();
  const count = Number(jobs);
  for (let first = 0; first < count; first += 1000)
    await queue.addBulk(Array.from({ length: Math.min(1000, count - first) }, (_, i) => ({ name: "n", data: { start: first + i } })));
  let done = 0;
  const all = new Promise((resolve) => events.on("completed", () => ++done === count && resolve()));
  const workers = [0, 1].map(() => fork(__filename, [socket, jobs], { env: { ...process.env, BULLMQ_WORKER: "1" } }));
  const began = process.hrtime.bigint();
  await all;
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  workers.forEach((worker) => worker.send("end"));
  console.log(JSON.stringify({ jobs_per_s: count / seconds }));
  await queue.close();
  await events.close();
}
