SELECT agent, count(*)
FROM outbox INDEXED BY outbox_deliveries
WHERE kind = 'deliver' AND tenant = ?1
GROUP BY agent
