//! Every bound of the engine in one place, each with its reason.

use handclasp_core::time::Millis;

/// Commands between their arrival and their answer. Far above what two cores can decide at once;
/// below it, waiting costs the caller time, above it, it would cost us memory.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 4_096;

/// A payload, a result or an effect's arguments: what is checked against a contract, put into a briefing or
/// read by whoever decides about it. Larger content is an artifact: an item of the ledger, fetched by those who need it.
pub const PAYLOAD_BYTES_MAX: u64 = 256 * 1024;

/// Any one content. The agent protocol's longest line is as long.
pub const CONTENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// All contents of one command together: a few large artifacts at once.
pub const COMMAND_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Two writers racing for one run settle within a few rounds; more than this is a livelock.
pub const ROUNDS_MAX: u32 = 16;

/// Runs kept in memory. An open run is a few kilobytes, so this is some tens of megabytes; a run
/// that is not kept is read again when somebody needs it.
pub const DESKS_MAX: usize = 10_000;

/// Contents that a desk keeps at hand between an offer and its claim.
pub const DESK_CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// Contents that a desk knows to hold their contracts: those of the handoffs under way. What is not
/// known is checked again.
pub const DESK_VERDICTS_MAX: usize = 256;

/// A state is kept after so many events, so that loading a long run replays at most so many: some ten
/// milliseconds. Most runs end before, and a state is not worth its bytes once the run is over.
pub const SNAPSHOT_EVERY: u64 = 1_024;

/// Rows of the outbox that are attended to in one go.
pub const POST_BATCH_MAX: u32 = 256;

/// Turns under way in one engine, over all agents: each is a process and a few buffers.
pub const TURNS_MAX: usize = 256;

/// Refusals between two writes of the refusal log. A flood of them must not slow the desk down; the
/// log says by its last entries what kind of flood it is.
pub const REFUSALS_WAITING_MAX: usize = 1_024;

/// A delivery that was refused is tried again after this; the refusal is in the log.
pub const REFUSED_DELIVERY_WAIT: Millis = Millis::seconds(5);

/// A child run that was told to open or to stop is told again after this, in case it was lost.
pub const CHILD_REMINDER: Millis = Millis::seconds(600);

/// A run of a team that this engine does not run is left alone for so long.
pub const STRANGER_WAIT: Millis = Millis::seconds(60);

/// The post looks at the outbox at least this often: heartbeats are written down then, and a missed
/// bell does no harm.
pub const POST_SLEEP_MAX: Millis = Millis::seconds(5);

/// A store that has not answered for so many seconds will not come back by waiting.
pub const UNANSWERED_MAX: u32 = 30;

/// Commits that a slow watcher may lag behind before it has to read the log instead.
pub const COMMITS_WATCHED_MAX: usize = 1_024;

/// One line on the control socket: a command with its contents.
pub const CONTROL_LINE_BYTES_MAX: usize = 96 * 1024 * 1024;

/// Hints at waiting work that are kept for one agent: some seconds of work for many workers. What
/// waits beyond is found in the store when these are used up.
pub const HINTS_MAX: usize = 4_096;

/// Rows that are read when the hints are used up.
pub const REFILL_MAX: u32 = 256;

/// Handoffs that one request can take: enough to hide the way there and back, few enough that others
/// get their share.
pub const CLAIMS_AT_ONCE_MAX: u32 = 64;

/// An agent's line is kept so long after somebody last asked for its work.
pub const LINE_KEPT: Millis = Millis::seconds(600);

/// What was given out under a key is remembered so long: longer than any client tries again.
pub const GIVEN_KEPT: Millis = Millis::seconds(600);

/// Keys of claims that are remembered before old ones are looked for: some megabytes.
pub const GIVEN_KEPT_MAX: usize = 16_384;
