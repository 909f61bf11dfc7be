//! The end that a person or a supervisor asks for: Ctrl-C or SIGTERM, once politely, twice at once.

use std::fmt::Display;
use std::process;

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::terminal::Terminal;

/// Ends at the first Ctrl-C or SIGTERM, and says what happens now. The second one ends the program at
/// once: leases run out by themselves, and nothing that was acknowledged is lost.
///
/// Signals are listened for from the call on, not from the first time that somebody waits: whoever was told
/// that the server is ready may stop it in the next moment.
pub(crate) fn asked_to_stop(terminal: Terminal, what_now: impl Display) -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without handlers the signals end the program, which is all that a second one would do.
            return std::future::pending().await;
        };
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        terminal.talk(format_args!("stopping: {what_now}; once more to stop at once"));
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            process::exit(i32::from(Exit::INTERRUPTED.0));
        });
    }
}
