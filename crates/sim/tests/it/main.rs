//! The simulation as a test: short, and the same every time.

mod breaks;
mod worlds;
