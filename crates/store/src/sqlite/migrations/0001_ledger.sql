-- The line of each run in lists, and what guards its log: the version and hash of the last event.
-- `run` is a ULID as 16 bytes, big-endian, here and everywhere: keys are in the order of time.
CREATE TABLE runs (
  tenant    TEXT    NOT NULL,
  run       BLOB    NOT NULL,
  version   INTEGER NOT NULL,
  head      BLOB    NOT NULL,
  condition TEXT    NOT NULL,
  trace_id  TEXT    NOT NULL,
  summary   TEXT    NOT NULL,
  PRIMARY KEY (tenant, run)
) STRICT, WITHOUT ROWID;

-- Read by runs_in_condition.sql. Changes only when the condition does.
CREATE INDEX runs_by_condition ON runs (tenant, condition, run);

-- Read by runs_of_trace.sql. Its keys may be random, but there is one per run, not one per event.
CREATE INDEX runs_by_trace ON runs (tenant, trace_id, run);

-- The log. Rows lie in the order of arrival with a slim index above them: clustered by run, rows of
-- a kilobyte would spill into half-empty overflow pages (measured: twice the time per append, three
-- times the bytes written, a file a third larger). `seq` is that order, over all tenants: one
-- connection appends, nothing is ever deleted, and a place that was rolled back was never seen. It is
-- the row's own number, so it costs nothing; it has a name so that VACUUM leaves it alone.
CREATE TABLE events (
  seq     INTEGER PRIMARY KEY,
  tenant  TEXT    NOT NULL,
  run     BLOB    NOT NULL,
  version INTEGER NOT NULL,
  bytes   BLOB    NOT NULL,
  UNIQUE (tenant, run, version)
) STRICT;

-- Contents by hash, lying like the events. Without bytes: erased.
CREATE TABLE blobs (
  tenant TEXT    NOT NULL,
  run    BLOB    NOT NULL,
  digest BLOB    NOT NULL,
  size   INTEGER NOT NULL,
  bytes  BLOB,
  PRIMARY KEY (tenant, run, digest)
) STRICT;

-- What the world is owed: queue, leases, timers, inbox and dead letters. The other columns repeat
-- what `standing` (JSON) says, except `due_ms`, which heartbeats move.
CREATE TABLE outbox (
  tenant    TEXT NOT NULL,
  run       BLOB NOT NULL,
  slot      TEXT NOT NULL,
  kind      TEXT NOT NULL,
  agent     TEXT,
  due_ms    INTEGER,
  token     INTEGER,
  length_ms INTEGER,
  standing  TEXT NOT NULL,
  PRIMARY KEY (tenant, run, slot)
) STRICT, WITHOUT ROWID;

-- Read by deliveries.sql, next_delivery.sql and waiting.sql.
CREATE INDEX outbox_deliveries ON outbox (tenant, agent, due_ms, run, slot) WHERE kind = 'deliver';

-- Read by timers.sql and next_timer.sql.
CREATE INDEX outbox_timers ON outbox (due_ms, tenant, run, slot) WHERE kind <> 'deliver' AND due_ms IS NOT NULL;

-- Read by open_for_people.sql: few rows among many, and none on the way of an ordinary handoff.
CREATE INDEX outbox_for_people ON outbox (tenant, run, slot) WHERE kind IN ('inbox', 'dead_letter');

-- The latest state of each run that was worth keeping. Disposable.
CREATE TABLE snapshots (
  tenant  TEXT    NOT NULL,
  run     BLOB    NOT NULL,
  version INTEGER NOT NULL,
  head    BLOB    NOT NULL,
  state   BLOB    NOT NULL,
  PRIMARY KEY (tenant, run)
) STRICT;

-- Which run a caller's key opened. The key's hash is random; there is at most one per run.
CREATE TABLE opening_keys (
  tenant     TEXT NOT NULL,
  key_digest BLOB NOT NULL,
  run        BLOB NOT NULL,
  content    BLOB NOT NULL,
  PRIMARY KEY (tenant, key_digest)
) STRICT, WITHOUT ROWID;

-- The newest refusals, for the health signals.
CREATE TABLE refusals (
  seq       INTEGER PRIMARY KEY,
  tenant    TEXT    NOT NULL,
  run       BLOB    NOT NULL,
  at_ms     INTEGER NOT NULL,
  principal TEXT    NOT NULL,
  command   TEXT    NOT NULL,
  code      TEXT    NOT NULL,
  message   TEXT    NOT NULL,
  pointer   TEXT
) STRICT;
