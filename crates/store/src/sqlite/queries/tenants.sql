-- One seek for each tenant, instead of a walk over all runs.
WITH RECURSIVE known (tenant) AS (
  SELECT min(tenant) FROM runs
  UNION ALL
  SELECT (SELECT min(runs.tenant) FROM runs WHERE runs.tenant > known.tenant) FROM known WHERE known.tenant IS NOT NULL
)
SELECT tenant FROM known WHERE tenant IS NOT NULL
