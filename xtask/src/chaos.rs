//! The chaos test: server, workers and sender are killed at random, and what really happened is counted.
//!
//! The test itself is in `clients/python/chaos`, since it is the Python client that works in it; here it is
//! given the fresh binary and a folder. `cargo xtask test` plays a short storm, `cargo xtask chaos` one as
//! long as it is told to.

use std::process::Command;

use crate::python;
use crate::step::beside_this;

/// Enough for every kind of death in every moment of a handoff, and over within a minute on a busy machine.
const SHORT: [&str; 2] = ["--handoffs", "160"];

/// The storm that every commit has to weather.
pub(crate) fn short() -> Result<(), String> {
    play(&SHORT)
}

/// A storm with these options.
pub(crate) fn play(options: &[&str]) -> Result<(), String> {
    let mut storm = Command::new(python::interpreter()?);
    storm.args(["-m", "chaos", "--binary"]).arg(beside_this("handclasp")).arg("--folder").arg(beside_this("chaos")).args(options);
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let client = here.join("clients/python");
    let path = std::env::join_paths([client.join("src"), client]).map_err(|error| error.to_string())?;
    storm.env("PYTHONPATH", path).env("PYTHONUNBUFFERED", "1");
    // Processes that start again and again had better not compile the client each time.
    storm.env("PYTHONPYCACHEPREFIX", here.join("target/python/compiled"));
    match storm.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("something was lost, or done twice, or would not start ({status})")),
        Err(error) => Err(error.to_string()),
    }
}
