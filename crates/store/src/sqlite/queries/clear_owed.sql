DELETE FROM outbox
WHERE tenant = ?1 AND run = ?2 AND slot = ?3
