SELECT tenant, summary
FROM runs
WHERE tenant = ?1 AND condition = ?2 AND run < ?3
ORDER BY run DESC
LIMIT ?4
