//! One scenario, broken at every one of its appends and commands.

use handclasp_sim::break_at_every_step;

#[test]
fn wherever_it_breaks_it_ends_as_if_nothing_had_happened() {
    let breaks = break_at_every_step().unwrap_or_else(|difference| panic!("the scenario ends otherwise {difference}"));
    // A crash before and after each append and three ways of failing, each command twice; all of it
    // with workers of their own and with agents inside the engine.
    assert_eq!(breaks.performances, 2 * (5 * breaks.appends + breaks.commands));
    assert!(breaks.appends >= 15, "the scenario has become trivial: {} appends", breaks.appends);
}
