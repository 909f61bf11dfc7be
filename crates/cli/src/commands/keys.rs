//! `keys`: who may come in over the network, for what, until when.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use handclasp_core::id::{AgentName, Tenant};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::keys::{self, Key};
use handclasp_engine::{Clock as _, Engine, Registry, SystemClock, control};
use handclasp_server::Scope;
use handclasp_server::keys::{SCOPES_DEFAULT, Wanted, make};
use handclasp_store::OpenError;
use handclasp_store::sqlite::Access;
use serde_json::{Value, json};

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{count, data, json_data, moment, table};

/// Makes, lists and takes back API keys.
///
/// As soon as there has ever been a key in a store, servers over that store ask for one, also those that
/// run already. A key that is revoked is refused at once.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Create),
    /// Lists all keys of the store: without their secrets, which nothing can tell again.
    List,
    /// Takes back a key, at once and for good.
    Revoke {
        /// Which key, by its id: the letters between `hck_` and the next `_`.
        id: String,
    },
}

/// Makes a key and prints it, this once.
///
/// It opens one tenant's data, for the scopes that are named. Without any it is for `read`, `offer` and
/// `work`: a program that hands off work and takes some. What changes things for others, or decides for
/// people, is named: `resolve`, `cancel`, `redrive`, `register`, `publish`.
#[derive(Debug, Args)]
struct Create {
    /// What it is for; shown in the list.
    #[arg(long)]
    name: Option<String>,
    /// Whose data it opens.
    #[arg(long, default_value = "local")]
    tenant: Tenant,
    /// What it may be used for. Can be given more than once.
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Vec<Word>,
    /// As which agent it may work; any, if none is named. Can be given more than once.
    #[arg(long, value_name = "AGENT")]
    agent: Vec<AgentName>,
    /// How long it is good, such as `12h`, `30d` or `8w`; for ever, if nothing is said.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires: Option<Millis>,
}

/// [`Scope`], as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    /// Look at anything of the tenant.
    Read,
    /// Open runs and offer work.
    Offer,
    /// Claim work, and do what its holder does.
    Work,
    /// Answer questions and approvals.
    Resolve,
    /// Stop runs and handoffs.
    Cancel,
    /// Send dead letters once more.
    Redrive,
    /// Say who the agents are.
    Register,
    /// Publish contracts.
    Publish,
}

impl From<Word> for Scope {
    fn from(word: Word) -> Self {
        match word {
            Word::Read => Self::Read,
            Word::Offer => Self::Offer,
            Word::Work => Self::Work,
            Word::Resolve => Self::Resolve,
            Word::Cancel => Self::Cancel,
            Word::Redrive => Self::Redrive,
            Word::Register => Self::Register,
            Word::Publish => Self::Publish,
        }
    }
}

impl Keys {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Create(create) => create.execute(place).await,
            Verb::List => list(place).await,
            Verb::Revoke { id } => revoke(place, &id).await,
        }
    }
}

impl Create {
    async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let now = SystemClock.now();
        let scopes: BTreeSet<Scope> = self.scope.into_iter().map(Scope::from).collect();
        let wanted = Wanted {
            tenant: self.tenant,
            name: self.name,
            scopes: if scopes.is_empty() { SCOPES_DEFAULT.into() } else { scopes },
            agents: (!self.agent.is_empty()).then(|| self.agent.into_iter().collect()),
            expires_at: self.expires.map(|time| now + time),
        };
        // Two ids that meet are as good as impossible; a key that replaces another must be.
        let (key, text) = loop {
            let (key, text) = make(wanted.clone(), now).map_err(|error| Failure::broken("get random bytes from the system", &error))?;
            if add(place, &key).await? {
                break (key, text);
            }
        };
        if place.terminal.json {
            let mut shown = shown(&key, now);
            shown["key"] = Value::from(text);
            json_data(&shown)?;
        } else {
            let until = key.expires_at.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", moment(at)));
            place.terminal.talk(format_args!("key `{}` of tenant `{}`, good {until}, for: {}", key.id, key.tenant, words(&key.scopes)));
            place.terminal.talk("this is the only time that it is shown; send it as `Authorization: Bearer hck_…`");
            data(text)?;
        }
        Ok(Exit::DONE)
    }
}

/// Keeps a key, through whoever has the store; `false` if there is one with its id.
async fn add(place: &Place, key: &Key) -> Result<bool, Failure> {
    match place.store.own(Access::Create) {
        Ok(store) => Ok(Engine::new(store, Arc::new(SystemClock), Registry::default()).add_key(key.clone()).await?),
        Err(OpenError::InUse { .. }) => Ok(control::add_key(place.store.path(), key.clone()).await?),
        Err(other) => Err(other.into()),
    }
}

async fn revoke(place: &Place, id: &str) -> Result<Exit, Failure> {
    let known = match place.store.own(Access::Existing) {
        Ok(store) => Engine::new(store, Arc::new(SystemClock), Registry::default()).revoke_key(id).await?,
        Err(OpenError::InUse { .. }) => control::revoke_key(place.store.path(), id).await?,
        Err(other) => return Err(other.into()),
    };
    if !known {
        return Err(Failure::misuse(format!("there is no key `{id}` in this store"), "`handclasp keys list` lists them"));
    }
    if place.terminal.json {
        json_data(&json!({ "id": id, "revoked": true }))?;
    } else {
        place.terminal.talk(format_args!("key `{id}` is revoked"));
    }
    Ok(Exit::DONE)
}

async fn list(place: &Place) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    let all = keys::all(place.store.read()?.as_ref()).await?;
    if place.terminal.json {
        json_data(&all.iter().map(|key| shown(key, now)).collect::<Vec<_>>())?;
        return Ok(Exit::DONE);
    }
    if all.is_empty() {
        place.terminal.talk("no keys");
        return Ok(Exit::DONE);
    }
    let rows = all.iter().map(|key| {
        vec![
            key.id.clone(),
            key.tenant.to_string(),
            standing(key, now),
            key.expires_at.map(moment).unwrap_or_default(),
            words(&key.scopes),
            key.agents.as_ref().map_or_else(|| "any".to_owned(), words),
            key.name.clone().unwrap_or_default(),
        ]
    });
    data(table(&["KEY", "TENANT", "STANDING", "EXPIRES", "SCOPES", "AGENTS", "NAME"], rows))?;
    Ok(Exit::DONE)
}

fn words(all: &BTreeSet<impl ToString>) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn standing(key: &Key, now: Timestamp) -> String {
    serde_json::to_value(key.standing(now)).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A key as data: everything but the hash of its secret.
fn shown(key: &Key, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant,
        "name": key.name,
        "scopes": key.scopes,
        "agents": key.agents,
        "created_at_ms": key.created_at,
        "expires_at_ms": key.expires_at,
        "revoked_at_ms": key.revoked_at,
        "standing": key.standing(now),
    })
}

/// A number and a unit.
fn duration(text: &str) -> Result<Millis, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err("expected a number and one of s, m, h, d, w, such as `30d`".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a whole number before the unit".to_owned())?;
    // A date is written as milliseconds in 63 bits; a thousand years are enough for anybody.
    let most = 1_000 * 365 * 24 * 60 * 60;
    let all = number.checked_mul(seconds).filter(|all| (1..=most).contains(all));
    all.map(Millis::seconds).ok_or_else(|| format!("expected 1 second to {}", count(1_000_u64, "year")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let day = 24 * 60 * 60;
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("12h", 43_200), ("30d", 30 * day), ("8w", 56 * day)] {
            assert_eq!(duration(text), Ok(Millis::seconds(seconds)), "{text}");
        }
        for wrong in ["", "30", "d", "0d", "-1d", "1.5h", "1y", "30 d", "99999999999w", "18446744073709551616s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
