//! The control socket: how another process on this machine writes while this one has the store.
//!
//! One engine per store. Whoever else wants to change something, or make and take back keys, says so
//! here, one JSON object per line, and gets one per line back. Only the user who runs the engine can connect.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::Request;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::engine::Engine;
use crate::error::Rejection;
use crate::keys::Key;
use crate::limits;

/// The longest path that every system takes for a socket.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Where the socket of a store lies: beside it, or where that path would be too long, in the
/// system's folder for temporary files under a name made from it.
pub fn socket_path(store: &Path) -> PathBuf {
    let absolute = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
    let mut beside = absolute.clone().into_os_string();
    beside.push(".sock");
    if beside.len() <= SOCKET_PATH_BYTES_MAX {
        return beside.into();
    }
    let name = Digest::of(absolute.as_os_str().as_encoded_bytes()).short();
    std::env::temp_dir().join(format!("handclasp-{name}.sock"))
}

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    /// Submit a command.
    Submit { request: Box<Request>, contents: Blobs },
    /// Keep a new key; its secret stays with whoever made it.
    AddKey(Box<Key>),
    /// Take back the key with this id.
    RevokeKey(String),
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Return {
    Reply(Box<Reply>),
    /// Whether there was something to do.
    Done(bool),
    Refused {
        code: String,
        message: String,
        hint: String,
    },
    Failed(String),
}

/// A command that got no reply over the control socket.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Nobody listens: no engine has the store.
    #[error("no engine listens at `{}`", .0.display())]
    NobodyThere(PathBuf),
    /// The rules say no.
    #[error("{message}")]
    Refused {
        /// The refusal's code.
        code: String,
        /// What it says.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The engine could not do it.
    #[error("the engine that has the store failed: {0}")]
    Failed(String),
    /// The connection broke; the command may or may not have been done.
    #[error("the connection to the engine that has the store broke")]
    Broken(#[source] io::Error),
}

/// Answers on the control socket of a store until dropped.
pub async fn serve(engine: Engine, store: &Path) -> io::Result<()> {
    let path = socket_path(store);
    // Whoever left this socket is gone: the store's lock is ours.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let _socket = Socket(path);
    loop {
        let (stream, _) = listener.accept().await?;
        let engine = engine.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(&engine, stream).await {
                tracing::debug!(%error, "a control connection broke");
            }
        });
    }
}

struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn answer(engine: &Engine, stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let bound = limits::CONTROL_LINE_BYTES_MAX as u64;
        if (&mut reader).take(bound).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_slice::<Call>(&line) {
            Err(error) => Return::Failed(format!("it does not understand the command ({error}); are both of the same version?")),
            Ok(call) => done(engine, call).await,
        };
        let mut bytes = serde_json::to_vec(&answer).map_err(io::Error::other)?;
        bytes.push(b'\n');
        writer.write_all(&bytes).await?;
    }
}

async fn done(engine: &Engine, call: Call) -> Return {
    let outcome = match call {
        Call::Submit { request, contents } => submitted(engine, *request, contents).await,
        Call::AddKey(key) => engine.add_key(*key).await.map(Return::Done),
        Call::RevokeKey(id) => engine.revoke_key(&id).await.map(Return::Done),
    };
    match outcome {
        Ok(answer) => answer,
        Err(Rejection::Refused(refusal)) => {
            Return::Refused { code: refusal.code().to_owned(), message: refusal.to_string(), hint: refusal.hint().to_owned() }
        }
        Err(Rejection::Failed(error)) => Return::Failed(error.to_string()),
    }
}

/// Submits a command, if this engine can decide it: what follows from an answer are handoffs to agents
/// that only their own team's engine knows.
async fn submitted(engine: &Engine, request: Request, contents: Blobs) -> Result<Return, Rejection> {
    if !engine.knows(&request.tenant, request.run).await? {
        let what = "the run belongs to another team than the one that is at work on this store now; try again when that has ended";
        return Ok(Return::Failed(what.to_owned()));
    }
    engine.submit(request, contents).await.map(|reply| Return::Reply(Box::new(reply)))
}

/// Sends one command to the engine that has the store.
pub async fn send(store: &Path, request: Request, contents: Blobs) -> Result<Reply, ControlError> {
    match ask(store, &Call::Submit { request: Box::new(request), contents }).await? {
        Return::Reply(reply) => Ok(*reply),
        other => Err(other.into()),
    }
}

/// Has the engine that has the store keep a new key; `false` if there is one with its id.
pub async fn add_key(store: &Path, key: Key) -> Result<bool, ControlError> {
    match ask(store, &Call::AddKey(Box::new(key))).await? {
        Return::Done(new) => Ok(new),
        other => Err(other.into()),
    }
}

/// Has the engine that has the store take back a key; `false` if there is none with this id.
pub async fn revoke_key(store: &Path, id: &str) -> Result<bool, ControlError> {
    match ask(store, &Call::RevokeKey(id.to_owned())).await? {
        Return::Done(known) => Ok(known),
        other => Err(other.into()),
    }
}

async fn ask(store: &Path, call: &Call) -> Result<Return, ControlError> {
    let path = socket_path(store);
    let stream = UnixStream::connect(&path).await.map_err(|_| ControlError::NobodyThere(path))?;
    let (reader, mut writer) = stream.into_split();
    let mut bytes = serde_json::to_vec(call).map_err(|error| ControlError::Broken(io::Error::other(error)))?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await.map_err(ControlError::Broken)?;
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await.map_err(ControlError::Broken)?;
    serde_json::from_str(&line).map_err(|error| ControlError::Broken(io::Error::other(error)))
}

impl From<Return> for ControlError {
    /// What is no answer to what was asked.
    fn from(answer: Return) -> Self {
        match answer {
            Return::Refused { code, message, hint } => Self::Refused { code, message, hint },
            Return::Failed(what) => Self::Failed(what),
            Return::Reply(_) | Return::Done(_) => Self::Failed("it answered something else; are both of the same version?".to_owned()),
        }
    }
}
