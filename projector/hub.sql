-- The view of benchmarks. It may be read by any tool; only explog writes it, and only
-- from the log. A TIMESTAMP is 'YYYY-MM-DD HH:MM:SS.ffffff' in UTC, a BOOLEAN 0 or 1;
-- ids count up in log order.

-- One row a text: the same text is one prompt, whatever its file.
CREATE TABLE prompts (
  id          INTEGER PRIMARY KEY,
  prompt_text TEXT NOT NULL,
  prompt_hash TEXT NOT NULL UNIQUE,         -- SHA-256 of the text, hexadecimal
  key         TEXT NOT NULL UNIQUE          -- of the prompt in the log
);

-- Names are compared without case; the first spelling is kept.
CREATE TABLE models (
  id         INTEGER PRIMARY KEY,
  model_name TEXT NOT NULL COLLATE NOCASE,
  provider   TEXT NOT NULL COLLATE NOCASE,
  UNIQUE (model_name, provider)
);

-- One row a text, whatever the ids under which it was given.
CREATE TABLE narratives (
  seq            INTEGER PRIMARY KEY,       -- of the event in the log
  key            TEXT NOT NULL UNIQUE,      -- of the narrative in the log
  narrative_text TEXT NOT NULL
);

-- What experiments run over: narratives in order, with their flags as they were given.
CREATE TABLE sets (
  seq   INTEGER PRIMARY KEY,                -- of the event in the log
  key   TEXT NOT NULL UNIQUE,               -- of the set in the log
  label TEXT NOT NULL                       -- name of the column with the manual flags; may be empty
);
CREATE TABLE set_narratives (
  id           INTEGER PRIMARY KEY,
  set_seq      INTEGER NOT NULL REFERENCES sets(seq),
  narrative_id TEXT    NOT NULL,
  text_key     TEXT    NOT NULL REFERENCES narratives(key),
  manual_flag  BOOLEAN                      -- NULL: it has none
);
CREATE INDEX idx_set_narratives_set ON set_narratives(set_seq);

-- Flags that were corrected, as they are now.
CREATE TABLE relabels (
  id           INTEGER PRIMARY KEY,
  label        TEXT NOT NULL,
  narrative_id TEXT NOT NULL,
  text_key     TEXT NOT NULL REFERENCES narratives(key),
  manual_flag  BOOLEAN,                     -- NULL: it has none
  relabelled   TIMESTAMP NOT NULL,
  UNIQUE (label, narrative_id, text_key)
);

-- One row for each benchmark. What its results come to is NULL where it is undefined
-- (0/0) or unknown.
CREATE TABLE experiments (
  id                INTEGER PRIMARY KEY,
  uuid              TEXT NOT NULL UNIQUE,   -- key of the definition in the log
  definition        TEXT NOT NULL,          -- shared by those that ask the same of the same
  name              TEXT NOT NULL,          -- may repeat
  author            TEXT,
  prompt_id         INTEGER REFERENCES prompts(id), -- the system message
  template_id       INTEGER REFERENCES prompts(id), -- the user message; NULL: the narrative alone. The same as prompt_id: there is no system message
  model_id          INTEGER REFERENCES models(id),
  set_seq           INTEGER REFERENCES sets(seq),
  label             TEXT NOT NULL,          -- of the set
  repeats           INTEGER NOT NULL,       -- how often each narrative is asked about
  parameters        TEXT NOT NULL,          -- JSON object
  input_price       REAL,                   -- US dollars for a million tokens
  output_price      REAL,
  notes             TEXT,
  prompt_version    TEXT,                   -- as its author named it
  defined           TIMESTAMP NOT NULL,
  status            TEXT NOT NULL DEFAULT 'defined', -- running, finished, paused, aborted
  reason            TEXT,                   -- of an abort
  start_key         TEXT,                   -- of the last start in the log
  start_time        TIMESTAMP,              -- first
  end_time          TIMESTAMP,              -- last; NULL: running, or it was killed

  planned           INTEGER NOT NULL DEFAULT 0, -- rows of results: each repeat counts
  total_narratives  INTEGER NOT NULL DEFAULT 0, -- of these, processed: the outcome is not not_run
  labelled          INTEGER NOT NULL DEFAULT 0, -- rows of results with a manual flag
  manual_true       INTEGER NOT NULL DEFAULT 0, -- of these, with one that is TRUE
  positives         INTEGER NOT NULL DEFAULT 0, -- flagged TRUE by the model
  negatives         INTEGER NOT NULL DEFAULT 0, -- flagged FALSE by the model
  -- The confusion matrix: outcome ok, and a manual flag.
  true_positives    INTEGER NOT NULL DEFAULT 0,
  false_negatives   INTEGER NOT NULL DEFAULT 0,
  false_positives   INTEGER NOT NULL DEFAULT 0,
  true_negatives    INTEGER NOT NULL DEFAULT 0,
  percent_overlap   REAL,
  accuracy          REAL,
  precision         REAL,
  recall            REAL,
  specificity       REAL,
  npv               REAL,                   -- negative predictive value
  f1                REAL,
  balanced_accuracy REAL,
  mcc               REAL,
  kappa             REAL,
  coverage          REAL,                   -- share of the labelled that are in the matrix
  -- Results by outcome.
  ok                INTEGER NOT NULL DEFAULT 0,
  unparsed          INTEGER NOT NULL DEFAULT 0,
  refused           INTEGER NOT NULL DEFAULT 0,
  filtered          INTEGER NOT NULL DEFAULT 0,
  truncated         INTEGER NOT NULL DEFAULT 0,
  error             INTEGER NOT NULL DEFAULT 0,
  not_run           INTEGER NOT NULL DEFAULT 0,
  unusable_true     INTEGER NOT NULL DEFAULT 0, -- labelled TRUE, asked about, no ok answer
  unusable_false    INTEGER NOT NULL DEFAULT 0, -- the same, labelled FALSE
  calls             INTEGER NOT NULL DEFAULT 0, -- attempts that were started
  possibly_billed   INTEGER NOT NULL DEFAULT 0, -- of these, started and never finished
  input_tokens      INTEGER NOT NULL DEFAULT 0, -- as reported, of all attempts
  output_tokens     INTEGER NOT NULL DEFAULT 0,
  cost              REAL,                   -- US dollars; NULL: no price, or tokens not reported
  mean_latency_ms   REAL,                   -- of the attempts that were answered
  -- What cost and mean_latency_ms are computed from.
  answered          INTEGER NOT NULL DEFAULT 0, -- attempts that brought a reply
  unreported        INTEGER NOT NULL DEFAULT 0, -- of these, without a number of tokens
  latency_ns        INTEGER NOT NULL DEFAULT 0  -- of these, the sum
);
CREATE INDEX idx_experiments_label ON experiments(label);

-- One row for each narrative of an experiment and each repeat, from the moment when the
-- experiment was defined.
CREATE TABLE results (
  id                INTEGER PRIMARY KEY,
  experiment_id     INTEGER NOT NULL REFERENCES experiments(id),
  narrative_id      TEXT    NOT NULL,
  repeat            INTEGER NOT NULL,       -- from 0
  text_key          TEXT    NOT NULL REFERENCES narratives(key),
  manual_flag       BOOLEAN,                -- as it is now; NULL: it has none
  outcome           TEXT    NOT NULL DEFAULT 'not_run', -- ok, unparsed, refused, filtered, truncated, error
  problem           TEXT,                   -- why it is not ok
  flag              BOOLEAN,                -- NULL: the outcome is not ok
  confidence        REAL,
  indicators        TEXT,                   -- JSON array of strings
  rational          TEXT,
  reasoning_steps   TEXT,                   -- JSON array of strings
  is_false_positive BOOLEAN,                -- NULL: no flag, or no manual flag
  is_false_negative BOOLEAN,
  step              TEXT,                   -- that took the flag out of the reply
  parser            INTEGER,                -- its version; NULL: the reply was not parsed
  raw_reply         TEXT,
  seq               INTEGER,                -- of the event that brought the reply, or changed the flag beside it
  reasoning         TEXT,                   -- that came beside the reply
  finish            TEXT,                   -- how the reply ended; NULL: there is none
  call              TEXT,                   -- that was answered
  attempt           INTEGER,                -- that was answered
  attempts          INTEGER NOT NULL DEFAULT 0,
  possibly_billed   INTEGER NOT NULL DEFAULT 0, -- attempts that were started and never finished
  input_tokens      INTEGER,                -- of the last attempt that finished; NULL: not reported
  output_tokens     INTEGER,
  latency_ms        REAL,                   -- of the last attempt that finished
  UNIQUE (experiment_id, narrative_id, repeat)
);

-- One row for each attempt to ask.
CREATE TABLE calls (
  id            INTEGER PRIMARY KEY,
  call          TEXT    NOT NULL,           -- key of the question
  attempt       INTEGER NOT NULL,           -- from 1
  experiment_id INTEGER NOT NULL REFERENCES experiments(id),
  result_id     INTEGER NOT NULL REFERENCES results(id),
  started       TIMESTAMP,
  finished      TIMESTAMP,                  -- NULL, with all that follows: no end was logged
  finish        TEXT,                       -- NULL: there is no answer
  model         TEXT,                       -- that answered, as it names itself
  status        INTEGER,                    -- of HTTP
  input_tokens  INTEGER,
  output_tokens INTEGER,
  latency_ns    INTEGER,
  error         TEXT,                       -- why there is no answer
  error_kind    TEXT
);
CREATE INDEX idx_calls_result ON calls(result_id);
