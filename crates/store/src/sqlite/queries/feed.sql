-- `seq` is bounded on both sides: other tenants' rows are passed over, but not without end. The index
-- by tenant would find no others, and then all of the tenant's rows would have to be sorted.
SELECT seq, run, version, bytes
FROM events NOT INDEXED
WHERE seq > ?2 AND seq <= ?3 AND tenant = ?1
ORDER BY seq
LIMIT ?4
