//! The statements by name. Each is a file; an index says in the schema which of them it serves.

macro_rules! queries {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: &str = include_str!(concat!("queries/", $file, ".sql"));)*

        /// All of them, by file name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

queries! {
    OPEN_RUN = "open_run";
    ADVANCE_RUN = "advance_run";
    PUT_EVENT = "put_event";
    PUT_BLOB = "put_blob";
    PUT_OWED = "put_owed";
    CLEAR_OWED = "clear_owed";
    CLEAR_ALL_OWED = "clear_all_owed";
    PUT_SNAPSHOT = "put_snapshot";
    DROP_SNAPSHOT = "drop_snapshot";
    PUT_OPENING_KEY = "put_opening_key";
    OPENING_KEY = "opening_key";
    BEAT = "beat";
    ERASE_BLOB = "erase_blob";
    REBUILD_RUN = "rebuild_run";
    PUT_REFUSAL = "put_refusal";
    TRIM_REFUSALS = "trim_refusals";
    RUN = "run";
    SNAPSHOT = "snapshot";
    EVENTS = "events";
    DELIVERIES = "deliveries";
    NEXT_DELIVERY = "next_delivery";
    TIMERS = "timers";
    NEXT_TIMER = "next_timer";
    OPEN = "open";
    OPEN_FOR_PEOPLE = "open_for_people";
    TENANTS = "tenants";
    NEWEST_RUNS = "newest_runs";
    RUNS_IN_CONDITION = "runs_in_condition";
    RUNS_OF_TRACE = "runs_of_trace";
    CONTENT = "content";
    REFUSALS = "refusals";
    WAITING = "waiting";
    FEED = "feed";
    FEED_OF_RUN = "feed_of_run";
    NEWEST_EVENT = "newest_event";
    PLACE = "place";
    PUT_KEPT = "put_kept";
    DISCARD_KEPT = "discard_kept";
    KEPT_ONE = "kept_one";
    KEPT = "kept";
    TENANTS_KEEPING = "tenants_keeping";
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::sqlite::migrations;

    fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.raw_query().mapped(|row| row.get::<_, String>("detail"));
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn no_query_walks_a_table_or_sorts() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut connection).unwrap();
        for (name, sql) in ALL {
            let plan = plan(&connection, sql);
            let walks = |step: &&String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            let excused = |step: &&String| match *name {
                // Bounded by `REFUSALS_KEPT`, and stopped by its limit.
                "refusals" => *step == "SCAN refusals",
                // Its own short list of tenants.
                "tenants" | "tenants_keeping" => step.starts_with("SCAN known"),
                _ => false,
            };
            let faults: Vec<_> = plan.iter().filter(walks).filter(|step| !excused(step)).collect();
            assert!(faults.is_empty(), "queries/{name}.sql: {faults:?} in {plan:#?}");
        }
    }
}
