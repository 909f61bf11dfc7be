SELECT min(due_ms)
FROM outbox INDEXED BY outbox_deliveries
WHERE kind = 'deliver' AND tenant = ?1 AND agent = ?2 AND due_ms > ?3
