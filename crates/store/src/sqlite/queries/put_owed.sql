-- A lease that is put again under its token keeps the heartbeat that has come since.
INSERT INTO outbox (tenant, run, slot, kind, agent, due_ms, token, length_ms, standing)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (tenant, run, slot) DO UPDATE SET
  kind = excluded.kind,
  agent = excluded.agent,
  due_ms = iif(token = excluded.token, max(due_ms, excluded.due_ms), excluded.due_ms),
  token = excluded.token,
  length_ms = excluded.length_ms,
  standing = excluded.standing
