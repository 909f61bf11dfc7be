INSERT INTO opening_keys (tenant, key_digest, run, content)
VALUES (?1, ?2, ?3, ?4)
