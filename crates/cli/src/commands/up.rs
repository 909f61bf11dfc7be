//! `up`: serves the HTTP API, with a team's own agents beside it if one is named.

use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use clap::Args;
use handclasp_engine::post::Drivers;
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_server::Bound;
use handclasp_store::sqlite::Access;
use serde_json::json;

use super::Place;
use crate::config::{Flags, LogFormat};
use crate::drive::answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::house::House;
use crate::stopping::asked_to_stop;
use crate::team_file::TeamFile;
use crate::terminal::{Terminal, json_line};

/// Serves the HTTP API on one local port.
///
/// Agents anywhere hand off over it, in any language; the store is made if it is not there. With a
/// team, its agents work here too: they take what others hand to them, and hand on to others. Ctrl-C
/// or SIGTERM stops it: no new work is given out, waiting requests are sent home, what is under way is
/// answered, and the team's agents give back what they hold. With `--json` the first line on standard
/// output is an object with `url` and `pid`. Each flag is also a setting: `handclasp config show`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// A team file, or a folder with a `team.yaml` in it.
    team: Option<PathBuf>,
    /// Where to listen, 127.0.0.1:4040 if nothing says otherwise; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// When an API key is asked for: `auto` as soon as there has ever been one, `required` always.
    #[arg(long, value_name = "WHEN")]
    keys: Option<String>,
    /// The certificate to serve with, as a PEM file.
    #[arg(long, value_name = "PATH")]
    tls_cert: Option<String>,
    /// The certificate's private key, as a PEM file.
    #[arg(long, value_name = "PATH")]
    tls_key: Option<String>,
    /// A proxy in front speaks TLS, and nobody else can reach this server.
    #[arg(long)]
    behind_tls_proxy: bool,
    /// Requests per second, for each key and each address that sends none.
    #[arg(long, value_name = "NUMBER")]
    rate_per_s: Option<String>,
    /// Connections at the same time.
    #[arg(long, value_name = "NUMBER")]
    connections_max: Option<String>,
    /// How many seconds requests may go on after the stop.
    #[arg(long, value_name = "SECONDS")]
    drain_s: Option<String>,
    /// What is logged: a level, or directives.
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// How it is logged: `text` or `json`.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Up {
    /// What of this command is a setting.
    pub(super) fn flags(&self, flags: &mut Flags) {
        flags.set("listen", self.listen.clone());
        flags.set("keys", self.keys.clone());
        flags.set("tls_cert", self.tls_cert.clone());
        flags.set("tls_key", self.tls_key.clone());
        flags.set("behind_tls_proxy", self.behind_tls_proxy.then(|| "true".to_owned()));
        flags.set("rate_per_s", self.rate_per_s.clone());
        flags.set("connections_max", self.connections_max.clone());
        flags.set("drain_s", self.drain_s.clone());
        flags.set("log", self.log.clone());
        flags.set("log_format", self.log_format.clone());
    }

    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let as_json = place.settings.log_format == LogFormat::Json;
        // A log that programs read is not talked into.
        let terminal = Terminal { quiet: place.terminal.quiet || as_json, ..place.terminal };
        let team = self.team.as_deref().map(TeamFile::read).transpose()?;
        let (registry, drivers) = match &team {
            Some(team) => (team.registry()?, team.drivers()),
            None => (Registry::default(), Drivers::new()),
        };
        let store = place.store.own(Access::Create)?;
        let engine = Engine::new(store, Arc::new(SystemClock), registry);
        engine.recover().await?;
        engine.learn().await?;
        let options = place.settings.options.clone();
        let house = House { engine, options, drivers };
        let control = tokio::spawn(answer(house.engine.clone(), place.store.path().to_owned()));
        let stop = asked_to_stop(terminal, "no new work is given out; what is under way is answered");
        let greet = |bound: &Bound| {
            if as_json {
                tracing::info!(url = bound.url, pid = process::id(), "serving");
            }
            greet(terminal, place, bound);
        };
        let outcome = house.serve(stop, greet).await;
        control.abort();
        outcome?;
        terminal.talk("stopped; everything that was acknowledged is kept");
        Ok(Exit::DONE)
    }
}

/// Says where the server is, and what to paste.
fn greet(terminal: Terminal, place: &Place, bound: &Bound) {
    let url = &bound.url;
    if terminal.json {
        // Whoever started it and does not listen may still use it.
        let _ = json_line(&json!({ "url": url, "pid": process::id() }));
        return;
    }
    let store = place.store.path().display();
    terminal.talk(format_args!(
        "\
serving {url}  (store: {store}; Ctrl-C stops)

with curl:
  curl -X PUT {url}/v1/agents/echo -H 'Content-Type: application/json' -d '{{}}'
  curl {url}/v1/runs -H 'Content-Type: application/json' -d '{{\"task\": \"Say hello.\", \"offer\": {{\"to\": \"echo\", \"payload\": \"hello\"}}}}'
  curl {url}/v1/agents/echo/claims -H 'Content-Type: application/json' -d '{{\"wait_ms\": 10000, \"accept\": true}}'

with Python (pip install ./clients/python in the repository), the receiver:
  from handclasp import Handclasp
  hc = Handclasp(\"{url}\")
  @hc.agent(\"echo\")
  def echo(handoff):
      return handoff.payload
  hc.run()

and the sender:
  from handclasp import Handclasp
  hc = Handclasp(\"{url}\")
  print(hc.offer(\"echo\", \"hello\", task=\"Say hello.\").result())

all that it can do: {url}/openapi.json"
    ));
}
