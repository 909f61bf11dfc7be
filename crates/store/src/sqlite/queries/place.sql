SELECT seq
FROM events
WHERE tenant = ?1 AND run = ?2 AND version = ?3
