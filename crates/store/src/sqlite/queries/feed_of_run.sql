SELECT seq, run, version, bytes
FROM events
WHERE tenant = ?1 AND run = ?2 AND version > ?3
ORDER BY version
LIMIT ?4
