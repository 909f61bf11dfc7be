//! What a caller is told is in the log, now and for ever; what is not in the log, nobody was told.

use handclasp_core::Reply;
use handclasp_core::blob::Digest;
use handclasp_core::command::{Command, Request};
use handclasp_core::id::{HandoffId, InterruptId, Token};
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Timestamp;

use super::handoff::{End, HandoffSeen, Tenure};
use super::witness::{QuestionSeen, Witness};
use super::{Held, Laws, broken, require};

/// A command and when it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    /// Commits before it was sent.
    pub(crate) moment: u64,
    pub(crate) at: Timestamp,
    /// Whether its key, with this very content, was in the log when it was sent.
    pub(crate) known: bool,
}

impl Laws {
    /// Whether a command's key has an outcome already.
    pub(crate) fn knows(&self, request: &Request) -> bool {
        let Some(key) = &request.key else { return false };
        let used = self.runs.get(&request.run).and_then(|witness| witness.keys.get(key));
        used.is_some_and(|used| used.content == Digest::of_json(&request.command))
    }

    /// A command was answered: then what the answer says is true.
    pub(crate) fn acknowledged(&mut self, asked: Asked<'_>, reply: &Reply) -> Held {
        let request = asked.request;
        if let (Command::Open(_), Some(key), Reply::Opened { run, .. }) = (&request.command, &request.key, reply) {
            let first = *self.opened.entry(key.clone()).or_insert(*run);
            require(first == *run, "keys", || format!("one key opened {first} and {run}"))?;
        }
        let run = if let Reply::Opened { run, .. } = reply { *run } else { request.run };
        let Some(witness) = self.runs.get_mut(&run) else {
            return broken("acknowledged", format!("{run} was answered for, and has no log"));
        };
        if let Some(used) = request.key.as_ref().and_then(|key| witness.keys.get(key)).filter(|_| run == request.run) {
            let goes_stale = matches!(request.command, Command::EffectBegin { .. });
            require(used.reply == *reply || goes_stale, "keys", || format!("one key had the outcomes {:?} and {reply:?}", used.reply))?;
        }
        if let Command::Heartbeat { handoff, token } = request.command {
            witness.heard(handoff, token, asked.at);
        }
        witness.fenced(asked, reply)?;
        witness.says(request, reply)
    }
}

/// A command was refused: then its key has no outcome.
pub(crate) fn refused(asked: Asked<'_>, refusal: &Refusal) -> Held {
    // Being told to go ahead is the one outcome that goes stale: the token says so.
    let stale = matches!(asked.request.command, Command::EffectBegin { .. });
    require(!asked.known || stale, "keys", || format!("a command with a known key was refused: {refusal} ({:?})", asked.request))
}

impl Witness {
    /// A token that was worth nothing when the command was sent brings nothing about (law 4).
    fn fenced(&self, asked: Asked<'_>, reply: &Reply) -> Held {
        let Some((handoff, token)) = shown(&asked.request.command) else { return Ok(()) };
        let Some(seen) = self.handoff(handoff) else { return Ok(()) };
        let Some(tenure) = seen.tenures.get(&token) else {
            return broken("tokens fence", format!("token {token} of {handoff} was never given out, and was taken"));
        };
        let gone = tenure.ended.is_some_and(|(moment, _)| moment <= asked.moment);
        let first_outcome = match reply {
            Reply::Completed { .. } => seen.result.is_some_and(|(_, under)| under == token),
            Reply::EffectProceed { .. } => false,
            _ => asked.known,
        };
        require(!gone || first_outcome, "tokens fence", || {
            format!("token {token} of {handoff} had ended ({:?}) before this was sent, and {reply:?} came back", tenure.ended)
        })
    }

    fn says(&self, request: &Request, reply: &Reply) -> Held {
        let lie = || broken("acknowledged", format!("{:?} was answered with {reply:?}, and the log does not say so", request.command));
        let holds = match reply {
            Reply::Opened { first, .. } => first.is_none_or(|first| self.handoff(first).is_some()),
            Reply::Offered { handoff } => self.handoff(*handoff).is_some(),
            Reply::Claimed { handoff, token, .. } => self.tenure(*handoff, *token).is_some(),
            Reply::Completed { handoff, result, next } => {
                let kept = self.handoff(*handoff).and_then(|seen| seen.result);
                kept.is_some_and(|(kept, _)| kept == *result) && next.is_none_or(|next| self.handoff(next).is_some())
            }
            Reply::Asked { interrupt, answer } => {
                let asked = self.question(*interrupt);
                asked.is_some_and(|asked| answer.is_none() || *answer == asked.answer)
            }
            Reply::Resolved { interrupt, answer } => self.question(*interrupt).is_some_and(|asked| asked.answer.as_ref() == Some(answer)),
            Reply::EffectProceed { effect } => {
                let Some((handoff, token)) = shown(&request.command) else { return lie() };
                let seen = self.handoff(handoff).and_then(|seen| seen.effects.get(effect));
                seen.is_some_and(|seen| seen.token == token)
            }
            Reply::EffectKnown { effect, outcome } => {
                let Some((handoff, _)) = shown(&request.command) else { return lie() };
                let seen = self.handoff(handoff).and_then(|seen| seen.effects.get(effect));
                seen.and_then(|seen| seen.outcome).is_some_and(|(_, known)| known == *outcome)
            }
            Reply::Done => self.is_done(&request.command),
        };
        if holds { Ok(()) } else { lie() }
    }

    fn is_done(&self, command: &Command) -> bool {
        let ended = |handoff: HandoffId, token: Token, how: End| {
            self.tenure(handoff, token).is_some_and(|tenure| tenure.ended.is_some_and(|(_, end)| end == how))
        };
        match command {
            Command::Accept { handoff, token, .. } | Command::Progress { handoff, token, .. } => {
                self.tenure(*handoff, *token).is_some_and(|tenure| tenure.accepted)
            }
            Command::Decline { handoff, token, .. } => ended(*handoff, *token, End::Declined),
            Command::Release { handoff, token } => ended(*handoff, *token, End::Released),
            Command::Fail { handoff, token, .. } => ended(*handoff, *token, End::Failed),
            Command::LoseLease { handoff, token, .. } => ended(*handoff, *token, End::Lost),
            Command::OpenChild { child, .. } => self.children.contains_key(child),
            Command::ChildClosed { child, .. } => self.children.get(child).is_some_and(|child| child.settled.is_some()),
            Command::EffectFinish { handoff, effect, .. } | Command::EffectReconcile { handoff, effect, .. } => {
                self.handoff(*handoff).and_then(|seen| seen.effects.get(effect)).is_some()
            }
            Command::Cancel { handoff: Some(handoff), .. } => self.handoff(*handoff).is_some_and(HandoffSeen::is_over),
            Command::Cancel { handoff: None, .. } => self.closed.is_some(),
            _ => true,
        }
    }

    fn tenure(&self, handoff: HandoffId, token: Token) -> Option<&Tenure> {
        self.handoff(handoff)?.tenures.get(&token)
    }

    /// The questions that wait for a person.
    pub(crate) fn inbox(&self) -> impl Iterator<Item = &QuestionSeen> {
        self.questions.iter().filter(|question| question.is_open())
    }

    /// Whether a question has been answered or withdrawn.
    pub(crate) fn is_settled(&self, id: InterruptId) -> bool {
        self.question(id).is_some_and(|question| !question.is_open())
    }
}

/// The handoff and token that a command shows.
pub(crate) fn shown(command: &Command) -> Option<(HandoffId, Token)> {
    use handclasp_core::offer::By;
    match command {
        Command::Offer { by: By::Holder { handoff, token }, .. }
        | Command::Accept { handoff, token, .. }
        | Command::Decline { handoff, token, .. }
        | Command::Release { handoff, token }
        | Command::Heartbeat { handoff, token }
        | Command::Progress { handoff, token, .. }
        | Command::Ask { handoff, token, .. }
        | Command::EffectBegin { handoff, token, .. }
        | Command::EffectFinish { handoff, token, .. }
        | Command::EffectReconcile { handoff, token, .. }
        | Command::Complete { handoff, token, .. }
        | Command::Fail { handoff, token, .. }
        | Command::LoseLease { handoff, token, .. }
        | Command::OpenChild { handoff, token, .. } => Some((*handoff, *token)),
        _ => None,
    }
}
