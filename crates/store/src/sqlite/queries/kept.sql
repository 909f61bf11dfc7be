SELECT tenant, kind, name, bytes
FROM kept
WHERE tenant = ?1 AND kind = ?2 AND name >= ?3
ORDER BY name
LIMIT ?4
