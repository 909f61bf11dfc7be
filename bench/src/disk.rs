//! The disk by itself: how long it takes until a kilobyte is safe. Nothing durable can be faster.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::Times;

/// Appends a kilobyte and waits for it, one after the other.
pub(crate) fn appends(path: &Path, length: Duration) -> Times {
    let mut file = File::create(path).expect("a file beside the stores");
    let record = [7_u8; 1024];
    let mut times = Times::default();
    let begun = Instant::now();
    while begun.elapsed() < length {
        let start = Instant::now();
        file.write_all(&record).expect("room on the disk");
        file.sync_data().expect("a disk that answers");
        times.took(start.elapsed());
    }
    times.within(begun.elapsed())
}
