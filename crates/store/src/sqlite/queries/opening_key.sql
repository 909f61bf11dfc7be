SELECT run, content
FROM opening_keys
WHERE tenant = ?1 AND key_digest = ?2
