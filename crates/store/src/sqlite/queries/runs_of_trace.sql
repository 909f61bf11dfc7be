SELECT tenant, summary
FROM runs
WHERE tenant = ?1 AND trace_id = ?2 AND run < ?3
ORDER BY run DESC
