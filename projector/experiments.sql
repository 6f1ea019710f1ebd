-- The view of experiment records. It may be read by any tool; only explog writes
-- it, and only from the log.

-- One row a record. The nine fields stand under their own names.
CREATE TABLE experiments (
  seq              INTEGER PRIMARY KEY,     -- of the event in the log
  id               TEXT    NOT NULL,        -- the key: unique by an index that is made after a bulk load
  client_id        TEXT    NOT NULL,
  run_id           TEXT    NOT NULL,
  problem          TEXT    NOT NULL,
  solution         TEXT    NOT NULL,
  score            REAL    NOT NULL,        -- clamped to 0..1
  timestamp        TEXT    NOT NULL,        -- RFC 3339, as given
  account_snapshot TEXT    NOT NULL,        -- JSON object
  sources_used     TEXT    NOT NULL,        -- JSON array of strings
  instant          INTEGER NOT NULL,        -- the timestamp in microseconds since 1970, UTC
  score_text       TEXT,                    -- the score's spelling where it is not the shortest
  extra            TEXT                     -- fields that the schema does not know, JSON object
) STRICT;

-- How many records each client has.
CREATE TABLE clients (
  client_id TEXT    NOT NULL UNIQUE,
  records   INTEGER NOT NULL
) STRICT;

-- One row for each input that could not become a record.
CREATE TABLE rejects (
  seq       INTEGER PRIMARY KEY,
  id        TEXT    NOT NULL,               -- key, derived from reason and raw bytes
  reason    TEXT    NOT NULL,
  faults    TEXT    NOT NULL,               -- JSON array of {reason, field, problem}
  source    TEXT    NOT NULL,
  line      INTEGER NOT NULL,               -- from 1; 0 where there are no lines
  "offset"  INTEGER NOT NULL,               -- bytes from the start of the source
  record_id TEXT,                           -- the stored record that it is in conflict with
  length    INTEGER,                        -- of the whole input, where raw is only its beginning
  sha256    TEXT,                           -- the same
  raw       BLOB    NOT NULL
) STRICT;

-- One row for each start of a program whose output was captured.
CREATE TABLE runs (
  seq         INTEGER PRIMARY KEY,          -- of the start
  id          TEXT    NOT NULL UNIQUE,      -- key of the start
  run_id      TEXT    NOT NULL,
  client_id   TEXT    NOT NULL,             -- as given to capture; may be empty
  attempt     INTEGER NOT NULL,             -- from 1
  command     TEXT    NOT NULL,             -- JSON array: the program and its arguments
  host        TEXT    NOT NULL,
  dir         TEXT    NOT NULL,
  git_commit  TEXT    NOT NULL,
  started     TEXT    NOT NULL,             -- RFC 3339, UTC
  ended       TEXT,                         -- NULL, with all that follows: no end was logged
  outcome     TEXT,                         -- exited, killed, timed_out, not_started, unsaved
  exit_code   INTEGER,                      -- -1: none
  signal      TEXT,                         -- that ended it
  new         INTEGER,                      -- what became of its records
  duplicate   INTEGER,
  conflicting INTEGER,
  rejected    INTEGER
) STRICT;
