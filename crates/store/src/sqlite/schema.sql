CREATE TABLE blobs (
  tenant TEXT    NOT NULL,
  run    BLOB    NOT NULL,
  digest BLOB    NOT NULL,
  size   INTEGER NOT NULL,
  bytes  BLOB,
  PRIMARY KEY (tenant, run, digest)
) STRICT;

CREATE TABLE events (
  seq     INTEGER PRIMARY KEY,
  tenant  TEXT    NOT NULL,
  run     BLOB    NOT NULL,
  version INTEGER NOT NULL,
  bytes   BLOB    NOT NULL,
  UNIQUE (tenant, run, version)
) STRICT;

CREATE TABLE kept (
  tenant TEXT NOT NULL,
  kind   TEXT NOT NULL,
  name   TEXT NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (tenant, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE opening_keys (
  tenant     TEXT NOT NULL,
  key_digest BLOB NOT NULL,
  run        BLOB NOT NULL,
  content    BLOB NOT NULL,
  PRIMARY KEY (tenant, key_digest)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX outbox_deliveries ON outbox (tenant, agent, due_ms, run, slot) WHERE kind = 'deliver';

CREATE INDEX outbox_for_people ON outbox (tenant, run, slot) WHERE kind IN ('inbox', 'dead_letter');

CREATE INDEX outbox_timers ON outbox (due_ms, tenant, run, slot) WHERE kind <> 'deliver' AND due_ms IS NOT NULL;

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

CREATE INDEX runs_by_condition ON runs (tenant, condition, run);

CREATE INDEX runs_by_trace ON runs (tenant, trace_id, run);

CREATE TABLE snapshots (
  tenant  TEXT    NOT NULL,
  run     BLOB    NOT NULL,
  version INTEGER NOT NULL,
  head    BLOB    NOT NULL,
  state   BLOB    NOT NULL,
  PRIMARY KEY (tenant, run)
) STRICT;
