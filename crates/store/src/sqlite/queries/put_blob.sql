INSERT INTO blobs (tenant, run, digest, size, bytes)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO NOTHING
