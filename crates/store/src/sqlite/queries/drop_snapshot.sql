DELETE FROM snapshots
WHERE tenant = ?1 AND run = ?2
