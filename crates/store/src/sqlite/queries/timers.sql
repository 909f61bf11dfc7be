SELECT tenant, run, slot, due_ms, standing
FROM outbox INDEXED BY outbox_timers
WHERE kind <> 'deliver' AND due_ms <= ?1
ORDER BY due_ms, tenant, run, slot
LIMIT ?2
