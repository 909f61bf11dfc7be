//! The schema, as the sum of numbered steps that only go forward.
//!
//! `schema.sql` beside this file is that sum as SQLite tells it; a test holds the two together. A
//! step that was released is never edited: the next one changes what it made.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// `HCLP` in ASCII: says in the file's header that a database is a Handclasp store (and to file(1)).
pub(super) const APPLICATION_ID: i32 = 0x4843_4c50;

const STEPS: &[&str] = &[include_str!("migrations/0001_ledger.sql"), include_str!("migrations/0002_kept.sql")];

/// The newest schema that this program knows.
pub(super) fn known() -> u32 {
    u32::try_from(STEPS.len()).expect("a few steps")
}

/// Brings the schema forward to the newest version, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    take_steps(connection, STEPS)
}

fn take_steps(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let done: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (number, step) in (1..).zip(steps).filter(|(number, _)| *number > done) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(connection: &Connection) -> String {
        let mut statement =
            connection.prepare("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name").unwrap();
        let parts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        parts.map(Result::unwrap).collect::<Vec<_>>().join("\n\n") + "\n"
    }

    #[test]
    fn the_sum_of_the_steps_is_the_golden_schema() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let now = schema(&connection);
        let golden = include_str!("schema.sql");
        assert!(now == golden, "crates/store/src/sqlite/schema.sql is not the sum of the migrations, which is:\n\n{now}");
    }

    #[test]
    fn an_older_store_goes_forward_and_keeps_its_rows() {
        let steps = ["CREATE TABLE runs (run BLOB)", "ALTER TABLE runs ADD COLUMN title TEXT NOT NULL DEFAULT 'untitled'"];
        let mut connection = Connection::open_in_memory().unwrap();
        take_steps(&mut connection, &steps[..1]).unwrap();
        connection.execute("INSERT INTO runs VALUES (x'01')", []).unwrap();
        take_steps(&mut connection, &steps).unwrap();
        let title: String = connection.query_row("SELECT title FROM runs", [], |row| row.get(0)).unwrap();
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!((title.as_str(), version), ("untitled", 2));
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        take_steps(&mut connection, &["CREATE TABLE runs (run BLOB)"]).unwrap();
        let before = schema(&connection);
        take_steps(&mut connection, &["", "CREATE TABLE more (x); CREATE TABLE runs (run BLOB)"]).unwrap_err();
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!((schema(&connection), version), (before, 1));
    }
}
