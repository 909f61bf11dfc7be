SELECT tenant, summary
FROM runs
WHERE tenant = ?1 AND run < ?2
ORDER BY run DESC
LIMIT ?3
