-- The sqlite3 command's load: the lines of data.jsonl into a temporary table, then into
-- a table like explog's view, with its indexes.
CREATE TABLE experiments (
  seq              INTEGER PRIMARY KEY,
  id               TEXT    NOT NULL,
  client_id        TEXT    NOT NULL,
  run_id           TEXT    NOT NULL,
  problem          TEXT    NOT NULL,
  solution         TEXT    NOT NULL,
  score            REAL    NOT NULL,
  timestamp        TEXT    NOT NULL,
  account_snapshot TEXT    NOT NULL,
  sources_used     TEXT    NOT NULL,
  instant          INTEGER NOT NULL
) STRICT;
CREATE TEMP TABLE lines (line TEXT);
.mode ascii
.separator "\001" "\n"
.import --schema temp data.jsonl lines
INSERT INTO experiments(id, client_id, run_id, problem, solution, score, timestamp, account_snapshot, sources_used, instant)
SELECT lower(line ->> 'id'), line ->> 'client_id', line ->> 'run_id', line ->> 'problem', line ->> 'solution',
  min(1.0, max(0.0, line ->> 'score')), line ->> 'timestamp', line ->> 'account_snapshot', line ->> 'sources_used',
  CAST(round((julianday(line ->> 'timestamp') - 2440587.5) * 86400e3) AS INTEGER) * 1000
FROM lines;
CREATE UNIQUE INDEX idx_experiments_id ON experiments(id);
CREATE INDEX idx_experiments_client_run ON experiments(client_id, run_id);
CREATE INDEX idx_experiments_client_instant ON experiments(client_id, instant);
SELECT count(*) FROM experiments;
