SELECT version, head
FROM runs
WHERE tenant = ?1 AND run = ?2
