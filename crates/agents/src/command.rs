//! Any command as an agent: the briefing on stdin, the result on stdout, the exit code as the verdict.

use std::time::Duration;

use futures_util::future::BoxFuture;
use handclasp_core::command::{AgentError, ReadBack};
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::limits::Usage;
use handclasp_engine::turn::Interruption;
use handclasp_engine::{Driver, Rejection, Turn};
use process_wrap::tokio::ChildWrapper;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::launch::{Form, Launch};
use crate::lines::LINE_BYTES_MAX;
use crate::process::not_started;
use crate::tail::{Tail, last_words};
use crate::wire::{Ending, Worked};

/// `EX_TEMPFAIL` of sysexits.h: failed, and trying again can help.
const EXIT_RETRYABLE: i32 = 75;

/// Runs any command, afresh for each attempt.
pub(crate) struct AnyCommand {
    launch: Launch,
    form: Form,
}

/// What a command came to.
enum Output {
    Said(String),
    Failed { kind: &'static str, message: String, retryable: bool, hint: Option<&'static str> },
    Interrupted(Interruption),
}

impl AnyCommand {
    pub(crate) fn new(launch: Launch, form: Form) -> Self {
        Self { launch, form }
    }

    async fn turn(&self, turn: &Turn) -> Result<(), Rejection> {
        // It cannot speak, so it cannot decline either; what it got is on record as delivered.
        turn.accept(ReadBack::delivered()).await?;
        let mut child = match self.launch.start() {
            Ok(child) => child,
            Err(error) => {
                not_started(turn, &self.launch, &error).await;
                return Ok(());
            }
        };
        let Some(Ok(mut tail)) = child.stderr().take().map(Tail::of) else { return Ok(()) };
        let output = self.output(turn, child.as_mut()).await;
        let _ = child.start_kill();
        let heard = tail.rest().await;
        match output {
            Output::Interrupted(Interruption::TakenAway) => Ok(()),
            Output::Interrupted(Interruption::ShuttingDown) => turn.release().await.map(drop),
            Output::Said(text) => self.said(turn, &text, &heard).await,
            Output::Failed { kind, message, retryable, hint } => {
                let words = last_words(&heard);
                let message = if words.is_empty() { message } else { format!("{message}: {words}") };
                fail(turn, kind, message, retryable, hint).await
            }
        }
    }

    /// Feeds the command and reads it, while its lease is kept alive for it.
    async fn output(&self, turn: &Turn, child: &mut dyn ChildWrapper) -> Output {
        let deadline = Instant::now() + Duration::from_millis(self.launch.timeout.0);
        let mut beat = interval(Duration::from_millis((turn.lease().0 / 3).max(10)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interruption = turn.interruption();
        let talk = talk(child, self.briefing(turn));
        tokio::pin!(talk);
        loop {
            tokio::select! {
                biased;
                why = interruption.seen() => return Output::Interrupted(why),
                output = &mut talk => return output,
                _ = beat.tick() => {
                    let _ = turn.heartbeat().await;
                }
                () = sleep_until(deadline) => {
                    let message = format!("it was not done within {}", self.launch.timeout);
                    let hint = Some("make it faster, or raise the agent's `timeout`");
                    return Output::Failed { kind: "timed_out", message, retryable: true, hint };
                }
            }
        }
    }

    fn briefing(&self, turn: &Turn) -> Vec<u8> {
        match self.form {
            Form::Markdown => handclasp_briefing::markdown(turn.briefing()).into_bytes(),
            Form::Json => serde_json::to_vec(turn.briefing()).expect("briefings serialise"),
        }
    }

    async fn said(&self, turn: &Turn, text: &str, heard: &str) -> Result<(), Rejection> {
        let submitted = match Worked::ending_of_text(text, heard) {
            Err(problem) => return fail(turn, "garbage", problem, true, Some("see docs/agent-protocol.md")).await,
            Ok(Ending::Complete(completion, blobs)) => turn.complete(*completion, blobs).await,
            Ok(Ending::Delegate(offer, continuation, blobs)) => turn.delegate(*offer, continuation, blobs).await,
            Ok(Ending::Park(question, continuation, blobs)) => {
                let park = Some(handclasp_core::command::Park { continuation });
                turn.ask(question, 0, park, blobs).await
            }
        };
        match submitted {
            Ok(_) => Ok(()),
            // A command cannot be asked to mend its result; another attempt may do better.
            Err(Rejection::Refused(refusal)) => {
                let message = format!("its result was refused: {refusal} [{}]", refusal.code());
                fail(turn, "refused", message, true, Some(refusal.hint())).await
            }
            Err(failed) => Err(failed),
        }
    }
}

/// Writes the briefing, reads everything, and looks at how the command ended.
async fn talk(child: &mut dyn ChildWrapper, briefing: Vec<u8>) -> Output {
    let (stdin, stdout) = (child.stdin().take(), child.stdout().take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its briefing may still know what to do.
            let _ = stdin.write_all(&briefing).await;
        }
    };
    let mut bytes = Vec::new();
    let listen = async {
        match stdout {
            Some(stdout) => stdout.take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await,
            None => Ok(0),
        }
    };
    let ((), read) = tokio::join!(feed, listen);
    if bytes.len() > LINE_BYTES_MAX || read.is_err() {
        let message = format!("its output is longer than {LINE_BYTES_MAX} bytes, or cannot be read");
        return Output::Failed { kind: "output_too_long", message, retryable: false, hint: Some("write less to standard output") };
    }
    let status = match child.wait().await {
        Ok(status) => status,
        Err(error) => {
            return Output::Failed { kind: "exited", message: format!("it cannot be waited for: {error}"), retryable: true, hint: None };
        }
    };
    match status.code() {
        Some(0) => {
            let Ok(text) = String::from_utf8(bytes) else {
                let message = "its output is not UTF-8".to_owned();
                return Output::Failed { kind: "garbage", message, retryable: false, hint: Some("write UTF-8 to standard output") };
            };
            Output::Said(text)
        }
        Some(EXIT_RETRYABLE) => {
            Output::Failed { kind: "exited", message: "it ended with exit code 75".to_owned(), retryable: true, hint: None }
        }
        Some(code) => Output::Failed { kind: "exited", message: format!("it ended with exit code {code}"), retryable: false, hint: None },
        // Killed by a signal: by somebody, or for lack of memory. That may be otherwise next time.
        None => Output::Failed { kind: "killed", message: format!("it ended with {status}"), retryable: true, hint: None },
    }
}

async fn fail(turn: &Turn, kind: &str, message: String, retryable: bool, hint: Option<&str>) -> Result<(), Rejection> {
    let error = AgentError { kind: kind.to_owned(), message, retryable, attempted: None, hint: hint.map(str::to_owned) };
    turn.fail(error, Usage::default()).await.map(drop)
}

impl Driver for AnyCommand {
    fn work(&self, turn: Turn) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.turn(&turn).await {
                Ok(()) | Err(Rejection::Refused(_)) => {}
                Err(error) => tracing::error!(handoff = %turn.handoff(), %error, "a turn could not be recorded"),
            }
        })
    }

    fn run_ended(&self, _tenant: &Tenant, _run: RunId) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
