// Usage: node duckdb.js ldjson|csv INPUT OUTPUT. The bench's filter and projection by DuckDB with two threads, its columns given, synced.
const fs = require("fs");
const { DuckDBInstance } = require("@duckdb/node-api");

const [format, input, output] = process.argv.slice(2);
const READERS = {
  ldjson: `read_ndjson('${input}', columns={timestamp:'VARCHAR', host:'VARCHAR', http:'STRUCT("method" VARCHAR, status INTEGER, path VARCHAR)', user:'STRUCT(name VARCHAR)'})`,
  csv: `read_csv('${input}', header=true, auto_detect=false, delim=',', quote='"', escape='"', columns={id:'BIGINT', timestamp:'VARCHAR', host:'VARCHAR', method:'VARCHAR', status:'INTEGER', path:'VARCHAR', agent:'VARCHAR', name:'VARCHAR'})`,
};
const FIELDS = { ldjson: "timestamp, host, http.method AS method, http.status AS status, http.path AS path, user.name AS name", csv: "timestamp, host, method, status, path, name" };
const WHERE = { ldjson: "http.status >= 400", csv: "status >= 400" };

(async () => {
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "2" })).connect();
  const began = process.hrtime.bigint();
  await connection.run(`COPY (SELECT ${FIELDS[format]} FROM ${READERS[format]} WHERE ${WHERE[format]}) TO '${output}' (FORMAT json)`);
  const file = fs.openSync(output, "r+");
  fs.fsyncSync(file);
  fs.closeSync(file);
  console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - began) / 1e9 }));
})();
