//! The suite that every store must pass: what each method of the contract promises.
//!
//! Each check is a small function that is named like the promise and gets a store of its own. A
//! failure says which promise broke. Stores outside this crate run it too (feature `conformance`):
//!
//! ```ignore
//! conformance::exercise(async || Arc::new(MyStore::empty().await)).await;
//! ```

mod appending;
mod contents;
mod feed;
mod kept;
mod lists;
mod owed;
mod refusals;
pub mod sample;

use std::sync::Arc;

use crate::Store;

macro_rules! check {
    ($fresh:expr; $($module:ident { $($check:ident)* })*) => {
        $($($module::$check(&*$fresh().await).await;)*)*
    };
}

/// Runs every check, each on a store that `fresh` makes: empty, and not shared with another one.
pub async fn exercise(fresh: impl AsyncFn() -> Arc<dyn Store>) {
    check! { fresh;
        appending {
            a_run_opens_and_goes_on
            bytes_come_back_as_they_were
            a_conflict_leaves_no_trace
            an_opening_key_opens_one_run
            calls_take_effect_in_their_order
            calls_behind_a_conflict_conflict
            a_dropped_future_takes_its_append_back_never
            an_append_of_nothing_changes_what_is_owed
            an_append_follows_the_very_log_that_its_caller_saw
            tenants_do_not_see_each_other
            a_snapshot_spares_the_events_before_it
            reading_pages_through_the_log
        }
        contents {
            a_content_is_kept_once_per_run
            an_erased_content_stays_erased
            erasing_drops_the_snapshot
        }
        owed {
            a_slot_is_put_replaced_and_cleared
            what_is_due_comes_oldest_first
            deliveries_come_for_the_agents_that_ask
            the_next_row_says_when_to_ask_again
            both_lists_keep_to_the_limit
            a_heartbeat_moves_its_lease
            a_stale_heartbeat_does_nothing
            a_lease_put_again_keeps_its_heartbeat
            open_rows_come_in_the_order_of_their_keys
            open_rows_are_filtered_and_paged
            queued_deliveries_are_counted_by_agent
        }
        feed {
            a_tenants_events_come_in_the_order_of_their_appends
            a_feed_goes_on_from_anywhere
            the_newest_place_is_where_a_new_follower_starts
            a_follower_misses_nothing_of_what_is_written_meanwhile
            one_look_passes_over_so_many_events
        }
        kept {
            a_thing_is_kept_replaced_and_discarded
            only_what_is_expected_is_replaced
            of_several_writers_one_wins
            kinds_and_tenants_do_not_meet
            what_is_kept_is_listed_in_pages
        }
        lists {
            runs_come_newest_first
            runs_are_found_by_what_they_are
            a_run_moves_between_conditions
            runs_are_paged_across_tenants
            rebuilding_replaces_what_can_be_computed
            rebuilding_an_unknown_run_does_nothing
        }
        refusals {
            refusals_come_newest_first
            refusals_are_bounded
        }
    }
}
