-- What every view has beside its own tables.

-- What the view contains: the log it was folded from, by which version of the
-- view, up to which event, and the log's chain hash after that event.
CREATE TABLE explog_view (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  log_id          TEXT    NOT NULL,
  version         INTEGER NOT NULL,
  checkpoint      INTEGER NOT NULL,
  checkpoint_hash TEXT    NOT NULL
) STRICT;

-- Events that could not be understood. They stay in the log; a later version of
-- explog may understand them.
CREATE TABLE dead_events (
  seq     INTEGER PRIMARY KEY,
  type    INTEGER NOT NULL,
  version INTEGER NOT NULL,
  reason  TEXT    NOT NULL
) STRICT;
