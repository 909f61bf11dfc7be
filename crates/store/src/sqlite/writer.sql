-- How the writing connection is set up. The first two are kept in the file.
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
-- Each commit is on the disk before it is answered; the second is what that takes on macOS.
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
-- Pages of log before they are moved to the database: four times the default, half of the time
-- spent moving. Dearer in the worst case (8 ms) and cheaper in all others.
PRAGMA wal_autocheckpoint = 4000;
-- What a burst leaves of the log on the disk: 64 MiB.
PRAGMA journal_size_limit = 67108864;
-- Pages kept in memory: 32 MiB, so that the right edges of all tables stay there.
PRAGMA cache_size = -32768;
-- A page that contradicts itself is noticed when it is read.
PRAGMA cell_size_check = ON;
-- What is deleted is overwritten, not only given up: otherwise copies of what is erased would stay in
-- pages that were split or freed long before. Costs next to nothing, since the log never shrinks.
PRAGMA secure_delete = ON;
