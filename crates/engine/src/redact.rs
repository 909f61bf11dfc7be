//! Secrets never reach a log: what looks like one is struck out of everything that is written down for
//! people.
//!
//! Agents quote what they are sent, and rules quote agents. The log of events keeps payloads as they
//! are; a refusal's note, a line of the program's own log and a panic do not need them. The shapes are
//! those of the commonest services; a secret without a shape can only be known by the name beside it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::LazyLock;

use regex::Regex;

/// What a secret looks like, and what is left of it.
const SHAPES: &[(&str, &str)] = &[
    // Our own keys. The id is no secret, and says which key to take back.
    (r"\bhck_([0-9a-z]+)_[0-9A-Za-z]+", "hck_${1}_[redacted]"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", "[redacted private key]"),
    // A header or a field, however it is quoted on its way into a message.
    (r#"(?i)\b(authorization\\?["']?\s*[:=]\s*\\?["']?)(?:[a-z]+\s+)?[^\s"',;}\\]+"#, "${1}[redacted]"),
    (r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{16,}", "${1} [redacted]"),
    (
        concat!(
            r#"(?i)((?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?token|refresh[_-]?token|private[_-]?key)\\?["']?\s*[:=]\s*)"#,
            r#"(?:\\"[^"]*"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&}\\]+)"#,
        ),
        "${1}[redacted]",
    ),
    // A URL with a password in it.
    (r"(://)[^/\s:@]*:[^/\s@]+@", "${1}[redacted]@"),
    // A JSON Web Token.
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "[redacted]"),
    // OpenAI, Anthropic and others; Stripe.
    (r"\bsk-[A-Za-z0-9_-]{16,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}", "[redacted]"),
    // AWS, GitHub, GitLab, Google, Slack.
    (r"\bA(?:KI|SI)A[0-9A-Z]{16}\b", "[redacted]"),
    (r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}", "[redacted]"),
    (r"\bAIza[A-Za-z0-9_-]{30,}", "[redacted]"),
    (r"\bxox[a-z]-[A-Za-z0-9-]{10,}", "[redacted]"),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| SHAPES.iter().map(|(shape, left)| (Regex::new(shape).expect("a pattern of ours"), *left)).collect());

/// The text without what looks like a secret.
pub fn redact(text: &str) -> Cow<'_, str> {
    PATTERNS.iter().fold(Cow::Borrowed(text), |text, (pattern, left)| match pattern.replace_all(&text, *left) {
        Cow::Borrowed(_) => text,
        Cow::Owned(redacted) => Cow::Owned(redacted),
    })
}

/// Writes without what looks like a secret. A secret is seen only in one piece, so text is held back
/// until its line ends.
#[derive(Debug)]
pub struct Redacting<W: Write> {
    to: W,
    held: Vec<u8>,
}

impl<W: Write> Redacting<W> {
    /// In front of `to`.
    pub fn new(to: W) -> Self {
        Self { to, held: Vec::new() }
    }

    fn release(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.to.write_all(redact(&String::from_utf8_lossy(&held)).as_bytes())
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.ends_with(b"\n") {
            self.release()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.release()?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Redacting<W> {
    fn drop(&mut self) {
        // A log that cannot be written has nobody to tell.
        let _ = self.flush();
    }
}

/// From now on, panics are told without secrets: their messages quote what the code was working on.
pub fn panics() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        let mut to = Redacting::new(io::stderr().lock());
        let thread = std::thread::current();
        let _ = writeln!(to, "thread '{}' {panic}", thread.name().unwrap_or("<unnamed>"));
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = writeln!(to, "{backtrace}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here, so that nobody's scanner takes the file for a leak.
    fn secrets() -> Vec<String> {
        let long = "Zk3".repeat(12);
        vec![
            format!("hck_1a2b3c4d_{}", "7x".repeat(16)),
            format!("sk-proj-{long}"),
            format!("sk_live_{long}"),
            format!("AKIA{}", "J7Q4".repeat(4)),
            format!("ghp_{long}"),
            format!("github_pat_{long}"),
            format!("glpat-{long}"),
            format!("AIza{long}"),
            format!("xoxb-{long}"),
            format!("eyJhbGciOiJI.{long}.{long}"),
            format!("-----BEGIN RSA PRIVATE KEY-----\n{long}\n{long}\n-----END RSA PRIVATE KEY-----"),
        ]
    }

    #[test]
    fn a_secret_is_struck_out_wherever_it_stands_and_the_rest_stays() {
        for secret in secrets() {
            for (before, after) in [("", ""), ("found `", "` at /key"), ("{\"note\":\"", "\"}"), ("key=", " ok"), ("(", ")")] {
                let redacted = redact(&format!("start {before}{secret}{after} end")).into_owned();
                let tail = &secret[secret.len() - 10..];
                assert!(!redacted.contains(tail), "{redacted}");
                assert!(redacted.starts_with(&format!("start {before}")) && redacted.ends_with(&format!("{after} end")), "{redacted}");
            }
        }
    }

    #[test]
    fn what_stands_beside_a_telling_name_is_struck_out() {
        let hidden = "hunter2hunter2";
        for text in [
            format!("password={hidden}"),
            format!("password: '{hidden} {hidden}'"),
            format!("{{\"password\":\"{hidden}\",\"user\":\"eve\"}}"),
            format!("\"{{\\\"api_key\\\":\\\"{hidden}\\\"}}\""),
            format!("Authorization: Bearer {hidden}"),
            format!("\"authorization\": \"Basic {hidden}\""),
            format!("postgres://eve:{hidden}@db/handclasp"),
            format!("db_password = \"{hidden}\""),
            format!("CLIENT_SECRET={hidden}&next=1"),
        ] {
            let redacted = redact(&text).into_owned();
            assert!(!redacted.contains(hidden), "{redacted}");
            assert_eq!(redact(&redacted), redacted, "what is struck out stays so");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "the token is 7 and the handoff `hnd_01m7wy5ked8vb11r2q540r8vcy_5` is at `/payload/secretary`",
            "a bearer of good news; basic understanding; the password is asked for",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "http://127.0.0.1:4040/v1/runs?limit=5 sk-8 AKIA eyJ",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn a_secret_that_is_written_in_pieces_is_struck_out_too() {
        let mut written = Vec::new();
        {
            let mut log = Redacting::new(&mut written);
            for piece in ["WARN key=hck_1a2b3c4d_", "7x7x7x7x", "7x7x\n", "next ", "line"] {
                log.write_all(piece.as_bytes()).unwrap();
            }
        }
        assert_eq!(String::from_utf8(written).unwrap(), "WARN key=hck_1a2b3c4d_[redacted]\nnext line");
    }
}
