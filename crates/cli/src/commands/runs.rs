//! `runs`: lists runs.

use clap::{Args, ValueEnum};
use handclasp_core::id::Tenant;
use handclasp_core::run::Condition;
use handclasp_store::Find;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{data, json_data, moment, preview, table};

/// Titles and reasons are cut here; `show` has all of them.
const TEXT_CHARS: usize = 60;

/// Lists runs, newest first.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only runs that stand so. Can be given more than once.
    #[arg(long, value_enum, value_name = "CONDITION")]
    condition: Vec<Standing>,
    /// All of them, instead of the newest.
    #[arg(long)]
    all: bool,
    /// How many at the most.
    #[arg(long, default_value_t = 20, value_name = "NUMBER", conflicts_with = "all")]
    limit: u32,
}

/// [`Condition`], as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Standing {
    Running,
    // As the list and the JSON write it.
    #[value(alias = "waiting_for_person")]
    WaitingForPerson,
    Stopped,
    Completed,
    Failed,
    Cancelled,
}

impl From<Standing> for Condition {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Running => Self::Running,
            Standing::WaitingForPerson => Self::WaitingForPerson,
            Standing::Stopped => Self::Stopped,
            Standing::Completed => Self::Completed,
            Standing::Failed => Self::Failed,
            Standing::Cancelled => Self::Cancelled,
        }
    }
}

impl Runs {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        let limit = if self.all { u32::MAX } else { self.limit };
        let conditions = self.condition.into_iter().map(Condition::from).collect();
        let found = store.find(Find { tenant: Some(Tenant::local()), conditions, limit, ..Find::default() }).await?;
        if terminal.json {
            let summaries: Vec<_> = found.iter().map(|(_, summary)| summary).collect();
            json_data(&summaries)?;
            return Ok(Exit::DONE);
        }
        if found.is_empty() {
            terminal.talk("no runs");
            return Ok(Exit::DONE);
        }
        let rows = found.iter().map(|(_, summary)| {
            vec![
                summary.run.to_string(),
                moment(summary.opened_at),
                summary.condition.as_str().to_owned(),
                summary.handoffs.to_string(),
                preview(&summary.title, TEXT_CHARS),
                preview(summary.reason.as_deref().unwrap_or_default(), TEXT_CHARS),
            ]
        });
        data(table(&["RUN", "OPENED", "CONDITION", "HANDOFFS", "TITLE", "REASON"], rows))?;
        Ok(Exit::DONE)
    }
}
