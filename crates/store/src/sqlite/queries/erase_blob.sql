UPDATE blobs
SET bytes = NULL
WHERE tenant = ?1 AND run = ?2 AND digest = ?3
