INSERT INTO kept (tenant, kind, name, bytes)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant, kind, name) DO UPDATE SET
  bytes = excluded.bytes
