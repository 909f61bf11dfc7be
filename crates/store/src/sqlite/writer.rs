//! One thread that writes, and commits everything that waits at once.
//!
//! A request is put in line by the *call*, so its place does not depend on who polls what when. The
//! line has no end that a caller could wait at, since a call must not wait: what bounds it is that
//! each caller waits for its answer (the engine admits only so many), and, should that fail, a limit
//! on bytes, beyond which a request is turned away unwritten. That breaks no order: an append that
//! was turned away makes the ones behind it conflict.
//!
//! What is written, and when it does not fit, is not known here: see [`super::write`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use futures_util::future::BoxFuture;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure::{self, Queue};
use crate::StoreError;

/// What may wait to be written. At the speed of a laptop's disk this is a second or two of writing.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// Requests in one commit. Far above what waits under load (hundreds); it bounds how long the first
/// of a group waits for the last.
const GROUP_MAX: usize = 1_024;

/// Bytes in one commit, for the same reason. A group may exceed it by its last request.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// The thread, and the way to it. Dropping it waits until everything in line is written.
#[derive(Debug)]
pub(super) struct Writer {
    line: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (line, messages) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        let thread = thread::Builder::new().name("handclasp-store".to_owned()).spawn(move || serve(&connection, &messages, &left))?;
        Ok(Self { line: Some(line), thread: Some(thread), waiting })
    }

    /// Puts a request of about so many bytes in line. `write` may be called twice: if anything in
    /// its group fails, each of the group is written once more, on its own.
    pub(super) fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        write: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        self.put_in_line(bytes, |bytes| Message::Write(Box::new(Request { bytes, write, outcome: None, answer })), answered)
    }

    /// Moves everything from the log to the database, after what is in line. Best effort: a reader
    /// that is still at work keeps some of the log in place.
    pub(super) fn checkpoint(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        let (answer, answered) = oneshot::channel();
        self.put_in_line(0, |_| Message::Checkpoint(answer), answered)
    }

    fn put_in_line<T: Send + 'static>(
        &self,
        bytes: usize,
        message: impl FnOnce(usize) -> Message,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let refused = if waiting > WAITING_BYTES_MAX {
            Some(Queue::Full { waiting, most: WAITING_BYTES_MAX })
        } else {
            let line = self.line.as_ref().expect("the line is open until the writer is dropped");
            line.send(message(bytes)).is_err().then_some(Queue::Stopped)
        };
        if refused.is_some() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        Box::pin(async move {
            match refused {
                Some(refused) => Err(StoreError::Unavailable(refused.into())),
                None => answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable(Queue::Stopped.into()))),
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.line.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, the ones who waited know: their answers never came.
            let _ = thread.join();
        }
    }
}

enum Message {
    Write(Box<dyn Write>),
    Checkpoint(oneshot::Sender<Result<(), StoreError>>),
}

/// A request, whatever it answers.
trait Write: Send {
    fn bytes(&self) -> usize;
    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Request<F, T> {
    bytes: usize,
    write: F,
    outcome: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Write for Request<F, T>
where
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.outcome = Some((self.write)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = self.outcome;
        // Nobody may be waiting any more; what was asked for is done all the same.
        let _ = self.answer.send(committed.map(|()| outcome.expect("what was committed was written before")));
    }
}

type Group = Vec<Box<dyn Write>>;

fn serve(connection: &Connection, messages: &Receiver<Message>, waiting: &AtomicUsize) {
    let mut next = messages.recv().ok();
    while let Some(message) = next.take() {
        match message {
            Message::Write(first) => {
                let (group, behind) = gather(first, messages);
                let bytes = group.iter().map(|request| request.bytes()).sum();
                commit(connection, group);
                waiting.fetch_sub(bytes, Ordering::Relaxed);
                next = behind;
            }
            Message::Checkpoint(answer) => {
                let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                let _ = answer.send(moved.map_err(failure::of));
            }
        }
        if next.is_none() {
            next = messages.recv().ok();
        }
    }
}

/// Everything that waits, up to the bounds; and the message behind it if that was taken and is none.
fn gather(first: Box<dyn Write>, messages: &Receiver<Message>) -> (Group, Option<Message>) {
    let mut bytes = first.bytes();
    let mut group = vec![first];
    while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
        match messages.try_recv() {
            Ok(Message::Write(request)) => {
                bytes += request.bytes();
                group.push(request);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}

/// Writes a group in one transaction. If one of them cannot be written, the others are not held up.
fn commit(connection: &Connection, mut group: Group) {
    if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
        return fail(connection, group, error);
    }
    match group.iter_mut().try_for_each(|request| request.write(connection)) {
        Ok(()) => match run(connection, "COMMIT") {
            Ok(()) => group.into_iter().for_each(|request| request.answer(Ok(()))),
            Err(error) => fail(connection, group, error),
        },
        Err(_) if group.len() > 1 => {
            roll_back(connection);
            for request in group {
                commit(connection, vec![request]);
            }
        }
        Err(error) => fail(connection, group, error),
    }
}

fn fail(connection: &Connection, group: Group, error: rusqlite::Error) {
    roll_back(connection);
    let error = Arc::new(error);
    for request in group {
        request.answer(Err(failure::of_group(&error)));
    }
}

/// Some errors have rolled back by themselves.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // There is nobody left to tell: the error that led here is the answer.
        let _ = run(connection, "ROLLBACK");
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// A parent that must exist when a commit ends, not before: a way to make `COMMIT` itself fail.
    const TABLES: &str = "
        PRAGMA foreign_keys = ON;
        CREATE TABLE parents (number INTEGER PRIMARY KEY);
        CREATE TABLE children (number INTEGER PRIMARY KEY, parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);";

    fn insert(sql: &'static str) -> impl Fn(&Connection) -> rusqlite::Result<usize> + Send {
        move |connection| connection.execute(sql, [])
    }

    fn numbers(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
        connection.prepare("SELECT number FROM children ORDER BY number")?.query_map([], |row| row.get(0))?.collect()
    }

    /// A writer that is held up by its first request until the sender is dropped, so that what comes
    /// behind it is one group.
    fn held_up() -> (Writer, Sender<()>) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        let writer = Writer::start(connection).unwrap();
        let (go_on, wait) = mpsc::channel::<()>();
        let (began, begins) = mpsc::channel();
        drop(writer.write(0, move |_| {
            let _ = began.send(());
            let _ = wait.recv();
            Ok(())
        }));
        begins.recv().unwrap();
        (writer, go_on)
    }

    #[tokio::test]
    async fn one_that_cannot_be_written_does_not_hold_up_its_group() {
        let (writer, go_on) = held_up();
        let first = writer.write(0, insert("INSERT INTO children VALUES (1, NULL)"));
        let twice = writer.write(0, insert("INSERT INTO children VALUES (1, NULL)"));
        let last = writer.write(0, insert("INSERT INTO children VALUES (2, NULL)"));
        drop(go_on);
        assert_eq!(first.await.unwrap(), 1);
        assert!(matches!(twice.await, Err(StoreError::Unavailable(_))));
        assert_eq!(last.await.unwrap(), 1);
        assert_eq!(writer.write(0, numbers).await.unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_for_all_and_leaves_nothing() {
        let (writer, go_on) = held_up();
        let sound = writer.write(0, insert("INSERT INTO children VALUES (1, NULL)"));
        let orphan = writer.write(0, insert("INSERT INTO children VALUES (2, 99)"));
        drop(go_on);
        assert!(matches!(sound.await, Err(StoreError::Unavailable(_))));
        assert!(matches!(orphan.await, Err(StoreError::Unavailable(_))));
        assert_eq!(writer.write(0, numbers).await.unwrap(), [0; 0]);
        assert_eq!(writer.write(0, insert("INSERT INTO children VALUES (3, NULL)")).await.unwrap(), 1, "and the next goes through");
    }

    #[tokio::test]
    async fn too_much_in_line_turns_the_next_away_at_once_and_only_for_now() {
        let (writer, go_on) = held_up();
        let large = writer.write(WAITING_BYTES_MAX + 1, insert("INSERT INTO children VALUES (1, NULL)"));
        let away = writer.write(1, insert("INSERT INTO children VALUES (2, NULL)")).now_or_never();
        assert!(matches!(away, Some(Err(StoreError::Unavailable(_)))));
        drop(go_on);
        assert_eq!(large.await.unwrap(), 1);
        while writer.waiting.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        assert_eq!(writer.write(1, numbers).await.unwrap(), [1]);
    }

    #[test]
    fn what_is_in_line_is_written_before_the_writer_is_gone() {
        let (writer, go_on) = held_up();
        let last = writer.write(0, insert("INSERT INTO children VALUES (1, NULL)"));
        drop(go_on);
        drop(writer);
        assert_eq!(last.now_or_never().expect("answered by now").unwrap(), 1);
    }
}
