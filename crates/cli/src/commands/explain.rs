//! `explain`: the page of a code, of the rules or of the doors, compiled in.

use clap::Args;
use handclasp_core::refusal;
use handclasp_server::problem;
use serde_json::{Value, json};

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{data, json_data, table};

/// Explains a code: what was refused, why the rule exists, how to go on.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Which code, such as HC-012; without one, all of them are listed.
    code: Option<String>,
}

impl Explain {
    pub(super) fn execute(self, place: &Place) -> Result<Exit, Failure> {
        match &self.code {
            Some(code) => explain(place, code),
            None => list(place),
        }
    }
}

fn explain(place: &Place, code: &str) -> Result<Exit, Failure> {
    let Some(page) = refusal::explain(code).or_else(|| problem::explain(code)) else {
        return Err(Failure::misuse(format!("there is no code `{code}`"), "`handclasp explain` lists the codes"));
    };
    if place.terminal.json {
        json_data(&json!({ "code": code.to_ascii_uppercase(), "page": page }))?;
    } else {
        data(page.trim_end())?;
    }
    Ok(Exit::DONE)
}

fn list(place: &Place) -> Result<Exit, Failure> {
    let pages = refusal::PAGES.iter().chain(problem::PAGES).map(|(code, page)| (*code, title(code, page)));
    if place.terminal.json {
        let codes: Vec<Value> = pages.map(|(code, title)| json!({ "code": code, "title": title })).collect();
        json_data(&codes)?;
    } else {
        data(table(&["CODE", "TITLE"], pages.map(|(code, title)| vec![code.to_owned(), title.to_owned()])))?;
    }
    Ok(Exit::DONE)
}

/// The heading of a page, without the code.
fn title<'a>(code: &str, page: &'a str) -> &'a str {
    let heading = page.lines().next().unwrap_or_default().trim_start_matches('#').trim();
    heading.strip_prefix(code).unwrap_or(heading).trim_start_matches([' ', '·'])
}
