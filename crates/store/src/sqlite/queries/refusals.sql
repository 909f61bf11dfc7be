-- The table is bounded, and most of it is one tenant's: walking back from its end needs no index.
SELECT tenant, run, at_ms, principal, command, code, message, pointer
FROM refusals
WHERE tenant = ?1
ORDER BY seq DESC
LIMIT ?2
