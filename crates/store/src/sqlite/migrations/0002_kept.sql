-- What is kept outside of runs: agents, contracts, API keys. Small and few beside the log.
CREATE TABLE kept (
  tenant TEXT NOT NULL,
  kind   TEXT NOT NULL,
  name   TEXT NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (tenant, kind, name)
) STRICT, WITHOUT ROWID;
