-- One seek for each tenant that keeps anything; it need not have a run.
WITH RECURSIVE known (tenant) AS (
  SELECT min(tenant) FROM kept
  UNION ALL
  SELECT (SELECT min(kept.tenant) FROM kept WHERE kept.tenant > known.tenant) FROM known WHERE known.tenant IS NOT NULL
)
SELECT tenant FROM known WHERE tenant IS NOT NULL
