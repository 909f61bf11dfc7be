//! A Python that has what the Python client is built and checked with.
//!
//! It lives under the target folder and is made when a chore first needs it; what it holds is pinned in
//! `clients/python/requirements.txt`, and a change there makes it anew.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

const FOLDER: &str = "target/python/venv";

const PINNED: &str = "clients/python/requirements.txt";

/// The interpreter, with everything installed.
pub(crate) fn interpreter() -> Result<PathBuf, String> {
    let folder = std::env::current_dir().map_err(|error| error.to_string())?.join(FOLDER);
    let interpreter = folder.join("bin/python");
    let pinned = fs::read_to_string(PINNED).map_err(|error| format!("`{PINNED}`: {error}"))?;
    // Written last, so that what was interrupted is done again.
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(interpreter);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&interpreter).args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", PINNED]))?;
    fs::write(&stamp, pinned).map_err(|error| error.to_string())?;
    Ok(interpreter)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{command:?}` ended with {status}")),
        Err(error) => Err(format!("`{command:?}` does not start: {error}")),
    }
}
