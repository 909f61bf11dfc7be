//! The published description of the HTTP API, held against taste and against the real server.
//!
//! `@redocly/cli` lints `api/openapi.json` with its recommended rules. `schemathesis` makes up thousands
//! of requests from it, good and bad ones, and sends them to `handclasp up`: no answer may be a 5xx, or
//! one that the description does not have. Both are pinned in `xtask/api` and live under the target
//! folder; `xtask/api/hooks.py` says what the made-up requests are about.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::step::beside_this;

const DESCRIPTION: &str = "api/openapi.json";
const PYTHON_PACKAGES: &str = "xtask/api/requirements.txt";
const NODE_PACKAGES: &str = "xtask/api/package.json";

/// A minute finds what there is to find; an hour is for whoever has it.
const SECONDS: &str = "60";

/// Requests made up for each endpoint and phase.
const EXAMPLES: &str = "15";

/// The same requests each time, so that what fails can be seen again.
const SEED: &str = "1";

/// Lints the description.
pub(crate) fn lint() -> Result<(), String> {
    let (home, venv) = (home()?, venv()?);
    let program = home.join("node_modules/.bin/redocly");
    let stamp = home.join("package.json");
    let wanted = fs::read_to_string(NODE_PACKAGES).map_err(said)?;
    if !program.exists() || fs::read_to_string(&stamp).map_err(said)? != wanted {
        fs::write(&stamp, wanted).map_err(said)?;
        let mut install = with_node(&venv, &venv.join("bin/npm"))?;
        run(install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&home))?;
    }
    let mut lint = with_node(&venv, &program)?;
    run(lint.args(["lint", "--extends", "recommended", DESCRIPTION]).env("REDOCLY_TELEMETRY", "off"))
}

/// Sends made-up requests to the real server.
pub(crate) fn fuzz() -> Result<(), String> {
    let (home, venv, here) = (home()?, venv()?, std::env::current_dir().map_err(said)?);
    let mut server = Server::start(&beside_this("handclasp"), &home.join("store.db"))?;
    // It leaves notes where it runs.
    let mut fuzz = Command::new(venv.join("bin/schemathesis"));
    fuzz.current_dir(&home).arg("run").arg(here.join(DESCRIPTION));
    fuzz.args(["--url", &server.url, "--no-color", "--seed", SEED]);
    fuzz.args(["--max-examples", EXAMPLES, "--max-time", SECONDS, "--request-timeout", "10", "--continue-on-failure"]);
    // A stream of events has no end. And no schema can say what the rules refuse.
    fuzz.args(["--exclude-operation-id", "followEvents", "--checks", "all", "--exclude-checks", "positive_data_acceptance"]);
    fuzz.args(["--warnings", "off"]);
    fuzz.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", here.join("xtask/api")).env("PYTHONDONTWRITEBYTECODE", "1");
    fuzz.env("HANDCLASP_URL", &server.url);
    let fuzzed = run(&mut fuzz);
    server.is_alive()?;
    fuzzed
}

/// Where everything is that this chore needs.
fn home() -> Result<PathBuf, String> {
    let home = std::env::current_dir().map_err(said)?.join("target/api");
    fs::create_dir_all(&home).map_err(said)?;
    Ok(home)
}

/// A Python with what is pinned, and with a Node.js.
fn venv() -> Result<PathBuf, String> {
    let venv = home()?.join("venv");
    let wanted = fs::read_to_string(PYTHON_PACKAGES).map_err(said)?;
    // Written last, so that what was interrupted is done again.
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(venv);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip")).args(["install", "-q", "--disable-pip-version-check", "-r", PYTHON_PACKAGES]))?;
    fs::write(&stamp, wanted).map_err(said)?;
    Ok(venv)
}

/// A program that finds the Node.js of this folder before any other.
fn with_node(venv: &Path, program: &Path) -> Result<Command, String> {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(venv.join("bin")).chain(std::env::split_paths(&others));
    let mut command = Command::new(program);
    command.env("PATH", std::env::join_paths(paths).map_err(said)?);
    Ok(command)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("`{}` does not start: {error}", command.get_program().display())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn said(error: impl ToString) -> String {
    error.to_string()
}
