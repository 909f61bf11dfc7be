SELECT bytes
FROM blobs
WHERE tenant = ?1 AND run = ?2 AND digest = ?3
