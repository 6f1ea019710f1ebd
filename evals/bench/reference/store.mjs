// The reference stack of the bench: what one would write in Node for the same job.
// Records are validated with zod, clamped, and put into a table like explog's view
// by better-sqlite3, in one transaction.
//
//   node store.mjs import DB FILE
//   node store.mjs export DB > FILE
//   node store.mjs count DB [CLIENT]
//   node store.mjs query DB CLIENT SINCE LIMIT > FILE
//   node store.mjs versions
//
// SQLite's journal is its default, a rollback journal with synchronous FULL. For one
// large transaction that is faster than a write-ahead log, and as durable.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import Database from "better-sqlite3";
import { z } from "zod";

const Experiment = z.object({
  id: z.uuid(),
  client_id: z.string().min(1),
  run_id: z.string().min(1),
  problem: z.string(),
  solution: z.string(),
  score: z.number(),
  timestamp: z.iso.datetime({ offset: true }),
  account_snapshot: z.record(z.string(), z.unknown()),
  sources_used: z.array(z.string()),
});

function create(path) {
  const db = new Database(path);
  db.exec(`CREATE TABLE IF NOT EXISTS experiments (
    id TEXT PRIMARY KEY, client_id TEXT NOT NULL, run_id TEXT NOT NULL, problem TEXT NOT NULL, solution TEXT NOT NULL,
    score REAL NOT NULL, timestamp TEXT NOT NULL, account_snapshot TEXT NOT NULL, sources_used TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS idx_experiments_client_run ON experiments (client_id, run_id);`);
  return db;
}

// lines yields the lines of a file, many at a time; node:readline takes a quarter
// longer.
async function* lines(file) {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 20 })) {
    const whole = (rest + chunk).split("\n");
    rest = whole.pop();
    yield whole;
  }
  if (rest !== "") yield [rest];
}

async function load(path, file) {
  const db = create(path);
  const insert = db.prepare("INSERT OR IGNORE INTO experiments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  let read = 0;
  let added = 0;
  db.exec("BEGIN IMMEDIATE");
  for await (const some of lines(file)) {
    for (const line of some) {
      const r = Experiment.parse(JSON.parse(line));
      const score = Math.min(1, Math.max(0, r.score));
      const { changes } = insert.run(r.id.toLowerCase(), r.client_id, r.run_id, r.problem, r.solution, score,
        r.timestamp, JSON.stringify(r.account_snapshot), JSON.stringify(r.sources_used));
      read++;
      added += changes;
    }
  }
  db.exec("COMMIT");
  db.close();
  console.log(`Imported ${read} records: ${added} new`);
}

// write prints rows as JSONL. (json_object() in SQL would be faster, but it rounds
// scores to 15 digits.)
function write(rows) {
  let out = "";
  for (const r of rows) {
    r.account_snapshot = JSON.parse(r.account_snapshot);
    r.sources_used = JSON.parse(r.sources_used);
    out += JSON.stringify(r) + "\n";
    if (out.length > 1 << 20) {
      process.stdout.write(out);
      out = "";
    }
  }
  process.stdout.write(out);
}

function read(command, path, args) {
  const db = new Database(path, { readonly: true });
  if (command === "export") {
    write(db.prepare("SELECT * FROM experiments ORDER BY rowid").iterate());
  } else if (command === "query") {
    const [client, since, limit] = args;
    write(db.prepare("SELECT * FROM experiments WHERE client_id = ? AND timestamp >= ? ORDER BY rowid LIMIT ?")
      .iterate(client, since, Number(limit)));
  } else if (command === "count") {
    const where = args.length > 0 ? " WHERE client_id = ?" : "";
    console.log(db.prepare("SELECT count(*) AS n FROM experiments" + where).get(...args).n);
  }
  db.close();
}

const [command, path, ...args] = process.argv.slice(2);
if (command === "versions") {
  const require = createRequire(import.meta.url);
  const version = (name) => `${name} ${require(name + "/package.json").version}`;
  const sqlite = new Database(":memory:").prepare("SELECT sqlite_version()").pluck().get();
  console.log(`Node ${process.version}, ${version("better-sqlite3")} (SQLite ${sqlite}), ${version("zod")}`);
} else if (command === "import") {
  await load(path, args[0]);
} else {
  read(command, path, args);
}
