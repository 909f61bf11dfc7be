//! What a command could not do, and how that is said: message, causes and hint kept apart.
//!
//! One variant for each thing that the caller does about it, which is also what the exit code says.
//! Printed as three sorts of lines for people, or with `--json` as one object, both on standard error.

use std::error::Error;

use handclasp_core::id::RunId;
use handclasp_core::refusal::Refusal;
use handclasp_engine::control::ControlError;
use handclasp_engine::{EngineError, Rejection};
use handclasp_server::ServeError;
use handclasp_store::{OpenError, StoreError};
use serde_json::{Value, json};

use crate::exit::Exit;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Ask differently.
    Misuse {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// Mend the file or the inputs. Each one is a line for people and an object for programs.
    Mistakes {
        /// What is wrong altogether.
        message: String,
        /// One by one.
        all: Vec<(String, Option<String>, Value)>,
    },
    /// The rules say no.
    Refused {
        /// The refusal's code.
        code: String,
        /// What it says.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The world broke.
    Broken {
        /// What could not be done, as what follows "failed to".
        what: String,
        /// Why not, outermost first.
        causes: Vec<String>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Nobody reads what is printed any more, as in `handclasp events … | head`.
    NobodyReads,
}

impl Failure {
    /// A wrong use with a way out.
    pub(crate) fn misuse(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Misuse { message: message.into(), hint: Some(hint.into()) }
    }

    /// Something that the system or the store would not do.
    pub(crate) fn broken(what: impl Into<String>, error: &dyn Error) -> Self {
        Self::Broken { what: what.into(), causes: chain(error), hint: None }
    }

    /// The same with a way out.
    pub(crate) fn hinted(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Broken { what, causes, .. } => Self::Broken { what, causes, hint: Some(advice.into()) },
            Self::Misuse { message, .. } => Self::Misuse { message, hint: Some(advice.into()) },
            other @ (Self::Mistakes { .. } | Self::Refused { .. } | Self::NobodyReads) => other,
        }
    }

    /// A refusal that says which run of several it is about.
    pub(crate) fn about(self, run: RunId) -> Self {
        match self {
            Self::Refused { code, message, hint } => Self::Refused { code, message: format!("{run}: {message}"), hint },
            other => other,
        }
    }

    /// The exit code that says so.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Misuse { .. } | Self::Mistakes { .. } => Exit::MISUSED,
            Self::Refused { .. } => Exit::REFUSED,
            Self::Broken { .. } => Exit::BROKEN,
            Self::NobodyReads => Exit::DONE,
        }
    }

    /// The lines for people.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut hints = Vec::new();
        match self {
            Self::Misuse { message, hint } => {
                lines.push(format!("handclasp: {message}"));
                hints.extend(hint.clone());
            }
            Self::Mistakes { message, all } => {
                for (mistake, hint, _) in all {
                    lines.push(mistake.clone());
                    lines.extend(hint.iter().map(|hint| format!("  hint: {hint}")));
                }
                lines.push(format!("handclasp: {message}"));
            }
            Self::Refused { code, message, hint } => {
                lines.push(format!("handclasp: refused: {message} [{code}]"));
                hints.push(hint.clone());
                hints.push(format!("`handclasp explain {code}` says more"));
            }
            Self::Broken { what, causes, hint } => {
                lines.push(format!("handclasp: failed to {what}"));
                lines.extend(causes.iter().map(|cause| format!("  caused by: {cause}")));
                hints.extend(hint.clone());
            }
            Self::NobodyReads => {}
        }
        lines.extend(hints.into_iter().map(|hint| format!("  hint: {hint}")));
        lines.join("\n")
    }

    /// The object for programs.
    pub(crate) fn json(&self) -> Value {
        let exit = self.exit().0;
        let error = match self {
            Self::Misuse { message, hint } => json!({ "exit": exit, "message": message, "hint": hint }),
            Self::Mistakes { message, all } => {
                let mistakes: Vec<&Value> = all.iter().map(|(_, _, mistake)| mistake).collect();
                json!({ "exit": exit, "message": message, "mistakes": mistakes })
            }
            Self::Refused { code, message, hint } => json!({ "exit": exit, "code": code, "message": message, "hint": hint }),
            Self::Broken { what, causes, hint } => {
                json!({ "exit": exit, "message": format!("failed to {what}"), "causes": causes, "hint": hint })
            }
            Self::NobodyReads => Value::Null,
        };
        json!({ "error": error })
    }
}

/// An error with everything that caused it, outermost first.
fn chain(error: &dyn Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}

/// The causes of an error, without itself.
fn causes(error: &dyn Error) -> Vec<String> {
    chain(error).split_off(1)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code().to_owned(), message: refusal.to_string(), hint: refusal.hint().to_owned() }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => refusal.into(),
            Rejection::Failed(error) => error.into(),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let failure = Self::broken("go on", &error);
        match error {
            EngineError::Store(source) => source.into(),
            EngineError::Corrupt { .. } => failure.hinted("`handclasp verify` names the first event that is wrong; restore a backup"),
            EngineError::Contended { .. } | EngineError::Closing => failure.hinted("try again"),
            EngineError::Defect { .. } => failure.hinted("nothing was written; please report this"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = match error {
            StoreError::Unavailable(_) => "try again; what was acknowledged is kept",
            StoreError::Full(_) => "make room on the disk, then `handclasp resume`",
            StoreError::ReadOnly(_) => "look at the permissions of the store's file and folder",
            StoreError::Corrupt { .. } => "`handclasp verify` names the first event that is wrong; restore a backup",
        };
        Self::broken("use the store", &error).hinted(hint)
    }
}

impl From<handclasp_client::Error> for Failure {
    fn from(error: handclasp_client::Error) -> Self {
        match error {
            handclasp_client::Error::Refused(problem) => {
                let handclasp_client::Problem { code, detail, hint, .. } = *problem;
                Self::Refused { code, message: detail, hint }
            }
            other => Self::broken("ask the server", &other),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let mut causes = chain(&error);
        let what = causes.remove(0);
        Self::Broken { what, causes, hint: Some(error.hint().to_owned()) }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let path = match &error {
            OpenError::InUse { path }
            | OpenError::NewerSchema { path, .. }
            | OpenError::NotAStore { path }
            | OpenError::Missing { path }
            | OpenError::Failed { path, .. } => path.display().to_string(),
        };
        let hint = match &error {
            OpenError::InUse { .. } => "wait until the other one has ended, or use another store with `--store`",
            OpenError::NewerSchema { .. } => "the store was written by a newer handclasp; upgrade, or restore a backup",
            OpenError::NotAStore { .. } => "name a handclasp store, or a file that does not exist yet, with `--store`",
            OpenError::Missing { .. } => "`handclasp run TEAM` and `handclasp up` make one; name another with `--store` or HANDCLASP_STORE",
            OpenError::Failed { .. } => "look at the permissions of the file and its folder, and at the room on the disk",
        };
        // The outermost line already says what "failed to open" would say again.
        let causes = if let OpenError::Failed { .. } = &error { causes(&error) } else { chain(&error) };
        Self::Broken { what: format!("open the store `{path}`"), causes, hint: Some(hint.to_owned()) }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let failure = Self::broken("reach the engine that has the store", &error);
        match error {
            ControlError::Refused { code, message, hint } => Self::Refused { code, message, hint },
            ControlError::NobodyThere(_) => {
                failure.hinted("another process holds the store, but takes no commands; try again when it has ended")
            }
            ControlError::Failed(_) | ControlError::Broken(_) => {
                failure.hinted("`handclasp show` says whether it was done; try again if not")
            }
        }
    }
}
