//! What was refused lately: for those who look after the house.

use crate::call::Call;
use crate::problem::Problem;
use crate::routes::runs;
use crate::wire::{FindRefusals, RefusalLine, Refusals};

pub(crate) async fn list(call: Call, find: FindRefusals) -> Result<Refusals, Problem> {
    // What was refused a moment ago is there, too.
    call.house.engine.flush().await?;
    let notes = call.house.engine.store().refusals(&call.caller.tenant, runs::page(find.limit)).await?;
    let line = |note: handclasp_store::RefusalNote| RefusalLine {
        run: note.run,
        at_ms: note.at,
        principal: note.principal,
        command: note.command,
        code: note.code,
        detail: note.message,
        pointer: note.pointer,
    };
    Ok(Refusals { refusals: notes.into_iter().map(line).collect() })
}
