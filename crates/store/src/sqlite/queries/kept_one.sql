SELECT bytes
FROM kept
WHERE tenant = ?1 AND kind = ?2 AND name = ?3
