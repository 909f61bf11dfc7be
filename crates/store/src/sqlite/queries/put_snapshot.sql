INSERT INTO snapshots (tenant, run, version, head, state)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (tenant, run) DO UPDATE SET
  version = excluded.version,
  head = excluded.head,
  state = excluded.state
