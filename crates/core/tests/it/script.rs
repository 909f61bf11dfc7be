//! The words of the scenarios: one line says one thing, `check` runs a text of them.
//!
//! ```text
//! given agent coder capacity=2            who exists
//! given open to=coder payload=order       what has happened
//! when  claim 1                then token 1
//! when  heartbeat 1 token=7    then HC-012 the handoff is now with `coder`
//! ```
//!
//! `given` lines must succeed. What a `then` may say is in [`expect`]. Handoffs, items and questions go
//! by their numbers; a line uses the last token of its handoff unless it names another; `at=` sets
//! the clock; `key=` is an idempotency key.

use handclasp_core::Reply;
use handclasp_core::blob::Digest;
use handclasp_core::command::EffectOutcome;
use handclasp_core::event::Event;
use handclasp_core::id::{AgentName, ItemId};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::Outcome;

use crate::stage::Stage;

/// Runs a text of `given` and `when … then …` lines and returns the stage as it is at the end.
pub(crate) fn check(text: &str) -> Stage {
    let mut stage = Stage::new();
    check_on(&mut stage, text);
    stage
}

/// Goes on with a stage.
pub(crate) fn check_on(stage: &mut Stage, text: &str) {
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').expect("a line begins with given or when");
        match word {
            "given" => {
                if let Some(Err(refusal)) = stage.perform(rest) {
                    panic!("`{line}` was refused: {} {refusal}", refusal.code());
                }
            }
            "when" => {
                let (action, then) = rest.split_once(" then ").unwrap_or_else(|| panic!("`{line}` says no `then`"));
                let result = stage.perform(action.trim());
                for expectation in then.split(" and ").map(str::trim) {
                    expect(stage, line, result.as_ref(), expectation);
                }
            }
            _ => panic!("`{line}` begins with neither given nor when"),
        }
    }
}

/// Holds a result against what a `then` says:
///
/// - `HC-012 part of the text`: it was refused like this; anything else means that it was not
/// - `nothing`: no event · `events a b`: exactly these, in this order · `event a`: this one among them
/// - `token 2`, `known`, `proceed`, `answer yes`, `handoff 2`, `result draft`: the reply
/// - `1 is waiting`, `1 to coder`, `1 attempts 2`: a handoff
/// - `carried 1 2`, `withheld 3`: what the handoff of this claim was given
/// - `instead of a`, `instead of nobody`: whose place the receiver of this offer has taken
/// - `open 1 2`: open items of the first branch · `run completed`: the run's condition · `why text`
fn expect(stage: &Stage, line: &str, result: Option<&Result<Outcome, Refusal>>, expectation: &str) {
    let result = result.unwrap_or_else(|| panic!("`{line}` is no command"));
    let (word, rest) = expectation.split_once(' ').unwrap_or((expectation, ""));
    if word.starts_with("HC-") {
        let Err(refusal) = result else { panic!("`{line}` was not refused: {result:?}") };
        assert_eq!(refusal.code(), word, "{line}\n{refusal}");
        assert!(refusal.to_string().contains(rest), "{line}\n{refusal}");
        return;
    }
    let outcome = result.as_ref().unwrap_or_else(|refusal| panic!("`{line}` was refused: {} {refusal}", refusal.code()));
    let events: Vec<String> = outcome.events.iter().map(event_name).collect();
    let same = |found: String| assert_eq!(found, rest, "{line}");
    match word {
        "nothing" => assert!(events.is_empty(), "{line}\n{events:?}"),
        "events" => same(events.join(" ")),
        "event" => assert!(events.iter().any(|event| event == rest), "{line}\n{events:?}"),
        "no" => assert!(events.iter().all(|event| event != rest), "{line}\n{events:?}"),
        "run" => same(stage.run().condition().as_str().to_owned()),
        "why" => {
            let why = stage.run().why().unwrap_or_default();
            assert!(why.contains(rest), "{line}\n{why}");
        }
        "open" => {
            let first = stage.run().branches()[0].id;
            same(numbers(&stage.run().open_items(first)));
        }
        "carried" | "withheld" => {
            let delivery = outcome.events.iter().find_map(|event| match event {
                Event::HandoffClaimed { delivery, .. } => Some(delivery),
                _ => None,
            });
            let delivery = delivery.unwrap_or_else(|| panic!("`{line}` claimed nothing"));
            same(numbers(if word == "carried" { &delivery.carried } else { &delivery.withheld }));
        }
        "instead" => {
            let offered = outcome.events.iter().rev().find_map(|event| match event {
                Event::HandoffOffered(offered) => Some(offered),
                _ => None,
            });
            let offered = offered.unwrap_or_else(|| panic!("`{line}` offered nothing"));
            same(format!("of {}", offered.instead_of.as_ref().map_or("nobody", AgentName::as_str)));
        }
        number if number.parse::<u32>().is_ok() => expect_of_handoff(stage, line, number, rest),
        _ => assert_eq!(reply_words(&outcome.reply, stage), expectation, "{line}"),
    }
}

fn expect_of_handoff(stage: &Stage, line: &str, number: &str, expectation: &str) {
    let id = Stage::handoff_id(number.parse().expect("looked before"));
    let handoff = stage.run().handoff(id).unwrap_or_else(|| panic!("`{line}`: there is no handoff {number}"));
    let (word, value) = expectation.split_once(' ').expect("`1 is …`, `1 to …`");
    let found = match word {
        "is" => handoff.phase.name().to_owned(),
        "to" => handoff.to.to_string(),
        "attempts" => handoff.attempts.to_string(),
        "tokens" => handoff.usage.tokens().to_string(),
        "kind" => format!("{:?}", handoff.kind).to_lowercase(),
        "place" => handoff.place.as_ref().map(ToString::to_string).unwrap_or_default(),
        "answer" => handoff.answer_by.map(|by| by.0.to_string()).unwrap_or_default(),
        "finish" => handoff.finish_by.map(|by| by.0.to_string()).unwrap_or_default(),
        _ => panic!("`{line}`: what is `{word}`?"),
    };
    assert_eq!(found, value, "{line}");
}

fn numbers(items: &[ItemId]) -> String {
    items.iter().map(|item| item.number.to_string()).collect::<Vec<_>>().join(" ")
}

fn reply_words(reply: &Reply, stage: &Stage) -> String {
    let content = |digest: Digest| match stage.contents.get(&digest).and_then(serde_json::Value::as_object) {
        Some(fields) => fields.keys().map(String::as_str).collect::<Vec<_>>().join("+"),
        None => digest.to_string(),
    };
    match reply {
        Reply::Opened { first, .. } => first.map_or_else(|| "opened".to_owned(), |first| format!("handoff {}", first.number)),
        Reply::Offered { handoff } => format!("handoff {}", handoff.number),
        Reply::Claimed { token, .. } => format!("token {token}"),
        Reply::Completed { next: Some(next), .. } => format!("next {}", next.number),
        Reply::Completed { next: None, result, .. } => format!("result {}", content(result.digest)),
        Reply::Asked { interrupt, answer: None } => format!("question {}", interrupt.number),
        Reply::Asked { answer: Some(answer), .. } | Reply::Resolved { answer, .. } => format!("answer {}", answer.choice),
        Reply::EffectProceed { .. } => "proceed".to_owned(),
        Reply::EffectKnown { outcome: EffectOutcome::Happened(_), .. } => "known".to_owned(),
        Reply::EffectKnown { outcome: EffectOutcome::DidNotHappen, .. } => "known not to have happened".to_owned(),
        Reply::Done => "done".to_owned(),
    }
}

/// An event's type, as it is stored.
pub(crate) fn event_name(event: &Event) -> String {
    let value = serde_json::to_value(event).expect("events serialise");
    value["type"].as_str().expect("events are tagged").to_owned()
}
