SELECT min(due_ms)
FROM outbox INDEXED BY outbox_timers
WHERE kind <> 'deliver' AND due_ms > ?1
