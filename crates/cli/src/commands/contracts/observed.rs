//! Payloads that were seen: in files, and as what agents were handed in a store.
//!
//! What cannot be read is named and skipped, since one bad line says nothing about the others. Reading
//! goes payload by payload; only the draft is kept.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use handclasp_core::contract::{Draft, Observed};
use handclasp_core::handoff::Handoff;
use handclasp_core::id::{AgentName, RunId, Tenant};
use handclasp_store::{Content, Find, Store};
use serde_json::Value;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::{ids, log};

/// A payload travels inline up to 256 KiB; recorded ones may hold more, but not without end.
const PAYLOAD_BYTES_MAX: u64 = 16 << 20;

/// A JSON file is read as a whole.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Runs that are looked at in one go.
const PAGE: u32 = 500;

/// Unreadable payloads that are named; after that they are only counted.
const NAMED_MAX: u64 = 20;

/// Payloads from everywhere.
pub(super) struct Sample {
    terminal: Terminal,
    observed: Observed,
    skipped: u64,
}

impl Sample {
    pub(super) fn new(terminal: Terminal) -> Self {
        Self { terminal, observed: Observed::default(), skipped: 0 }
    }

    /// The draft, unless there was nothing to make one from.
    pub(super) fn draft(&self) -> Result<Draft, Failure> {
        if self.observed.payloads() == 0 {
            let message = format!("there is no payload to draft a contract from{}", self.skipped());
            return Err(Failure::misuse(message, "name files with payloads as JSON, or an agent that was handed some in this store"));
        }
        Ok(self.observed.draft())
    }

    /// How many payloads could not be read, as the end of a sentence.
    pub(super) fn skipped(&self) -> String {
        if self.skipped == 0 { String::new() } else { format!("; {} skipped", self.skipped) }
    }

    /// Takes in a file.
    pub(super) fn read(&mut self, path: &Path, each: bool) -> Result<(), Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let is_lines = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
        let outcome = if is_lines { self.lines(path, BufReader::new(file)) } else { self.whole(path, file, each) };
        outcome.map_err(|error| unreadable(path, &error))
    }

    fn lines(&mut self, path: &Path, mut file: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if file.by_ref().take(PAYLOAD_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.len() as u64 == PAYLOAD_BYTES_MAX && line.last() != Some(&b'\n') {
                file.skip_until(b'\n')?;
                self.skip(format_args!("{}:{number}: the line is longer than {PAYLOAD_BYTES_MAX} bytes", path.display()));
            } else if !line.trim_ascii().is_empty() {
                match serde_json::from_slice(&line) {
                    Ok(payload) => self.observed.add(&payload),
                    Err(error) => self.skip(format_args!("{}:{number}:{}: no JSON: {error}", path.display(), error.column())),
                }
            }
        }
        Ok(())
    }

    fn whole(&mut self, path: &Path, file: File, each: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let advice = "put one payload on each line of a `.jsonl` file";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {FILE_BYTES_MAX} bytes; {advice}")));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Array(payloads)) if each => {
                for payload in &payloads {
                    self.observed.add(payload);
                }
            }
            Ok(_) if each => self.skip(format_args!("{}: it holds no list, so there is no element to take", path.display())),
            Ok(payload) => self.observed.add(&payload),
            Err(error) => self.skip(format_args!("{}:{}:{}: no JSON: {error}", path.display(), error.line(), error.column())),
        }
        Ok(())
    }

    fn skip(&mut self, why: impl std::fmt::Display) {
        self.skipped += 1;
        if self.skipped <= NAMED_MAX {
            self.terminal.talk(format_args!("skipped {why}"));
        }
    }

    /// Takes in what was handed on in a store: in one run or all, to one agent or all.
    pub(super) async fn handed(&mut self, store: &dyn Store, run: Option<&str>, agent: Option<&AgentName>) -> Result<(), Failure> {
        if let Some(run) = run {
            let run = ids::run(store, run).await?;
            return self.handed_in(store, run, agent).await;
        }
        let mut before = None;
        loop {
            let page = store.find(Find { tenant: Some(Tenant::local()), before, limit: PAGE, ..Find::default() }).await?;
            let Some((_, last)) = page.last() else { return Ok(()) };
            before = Some(last.run);
            for (_, summary) in page {
                self.handed_in(store, summary.run, agent).await?;
            }
        }
    }

    async fn handed_in(&mut self, store: &dyn Store, run: RunId, agent: Option<&AgentName>) -> Result<(), Failure> {
        let state = log::state(store, run).await?;
        let is_meant = |handoff: &&Handoff| agent.is_none_or(|agent| handoff.to == *agent);
        for handoff in state.handoffs().iter().filter(is_meant) {
            match store.content(&Tenant::local(), run, handoff.payload.digest).await? {
                Content::Bytes(bytes) => match serde_json::from_slice(&bytes) {
                    Ok(payload) => self.observed.add(&payload),
                    Err(error) => self.skip(format_args!("{}: its payload is no JSON: {error}", handoff.id)),
                },
                Content::Erased => self.skip(format_args!("{}: its payload was erased", handoff.id)),
                Content::Missing => self.skip(format_args!("{}: its payload is missing", handoff.id)),
            }
        }
        Ok(())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::misuse(format!("failed to read the payloads `{}`: {error}", path.display()), "name files with payloads as JSON")
}
