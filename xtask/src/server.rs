//! The real server, started for a chore and stopped with it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `handclasp up` over a store of its own, for as long as this is kept.
pub(crate) struct Server {
    child: Child,
    /// Where it is reached.
    pub(crate) url: String,
}

impl Server {
    /// Starts that program over an empty store.
    pub(crate) fn start(program: &Path, store: &Path) -> Result<Self, String> {
        for end in ["", "-wal", "-shm"] {
            let mut file = store.as_os_str().to_owned();
            file.push(end);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
                _ => {}
            }
        }
        let mut command = Command::new(program);
        command.arg("--store").arg(store).args(["up", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(said)?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it was asked for")).read_line(&mut line).map_err(said)?;
        let mut server = Self { child, url: String::new() };
        let (_, url) = line.split_once("\"url\":\"").ok_or_else(|| format!("`up --json` said no address: {line}"))?;
        url.split('"').next().unwrap_or_default().clone_into(&mut server.url);
        Ok(server)
    }

    /// What it takes of the memory now, in bytes, as Linux counts it.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(said)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("there is no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(said)?;
        Ok(kibibytes * 1024)
    }

    /// Whether it has stood what was done to it.
    pub(crate) fn is_alive(&mut self) -> Result<(), String> {
        match self.child.try_wait().map_err(said)? {
            None => Ok(()),
            Some(status) => Err(format!("the server has ended: {status}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which was said before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn said(error: impl ToString) -> String {
    error.to_string()
}
