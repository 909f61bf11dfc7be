SELECT tenant, run, slot, due_ms, standing
FROM outbox INDEXED BY outbox_deliveries
WHERE kind = 'deliver' AND tenant = ?1 AND agent = ?2 AND due_ms <= ?3
ORDER BY due_ms, run, slot
LIMIT ?4
