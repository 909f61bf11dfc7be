//! The stores from outside: the same suite, a race between them, and what happens to real files.

mod suite;
