INSERT INTO events (tenant, run, version, bytes)
VALUES (?1, ?2, ?3, ?4)
