//! The Python client, as its users get it: built, installed, typed, linted, and played against the real
//! server.
//!
//! The package is installed under the target folder from a wheel, so that what is tested is what would be
//! published. Its tests start the binary that lies beside this one, and play `clients/scenarios`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::python;
use crate::step::beside_this;

const CLIENT: &str = "clients/python";

/// Where the package is installed.
const INSTALLED: &str = "target/python/package";

/// Types and lints of the client, its tools and its tests.
pub(crate) fn check() -> Result<(), String> {
    run(client("ruff")?.args(["check", "--no-cache", "."]))?;
    run(client("ruff")?.args(["format", "--no-cache", "--check", "."]))?;
    run(client("mypy")?.arg("--cache-dir").arg(here()?.join("target/python/mypy")))
}

/// The tests of the client and the scenarios of all clients, against the real binary.
pub(crate) fn test() -> Result<(), String> {
    let installed = here()?.join(INSTALLED);
    let mut install = client("pip")?;
    install.args(["install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--upgrade", "--target"]);
    run(install.arg(&installed).arg("."))?;
    let mut tests = client("pytest")?;
    tests.args(["-q", "-p", "no:cacheprovider"]);
    tests.env("PYTHONPATH", installed).env("HANDCLASP_BINARY", beside_this("handclasp"));
    // A server that somebody has at work is not to be tested against.
    run(tests.env_remove("HANDCLASP_URL").env_remove("HANDCLASP_KEY"))
}

/// A module of Python, run where the client is.
fn client(module: &str) -> Result<Command, String> {
    let mut command = Command::new(python::interpreter()?);
    command.current_dir(CLIENT).args(["-m", module]).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    Ok(command)
}

fn here() -> Result<PathBuf, String> {
    std::env::current_dir().map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("`{}` does not start: {error}", command.get_program().display())),
    }
}
