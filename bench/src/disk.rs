//! The disk by itself: how long it takes until a kilobyte is safe. Nothing durable can be faster.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::figures::Times;

/// A file that grows by a kilobyte at a time.
pub(crate) struct Disk {
    file: File,
    times: Times,
}

impl Disk {
    /// A new file.
    pub(crate) fn new(path: &Path) -> Self {
        Self { file: File::create(path).expect("a file beside the stores"), times: Times::default() }
    }

    /// Appends a kilobyte and waits until it is safe.
    pub(crate) fn append(&mut self) {
        let record = [7_u8; 1024];
        let start = Instant::now();
        self.file.write_all(&record).expect("room on the disk");
        self.file.sync_data().expect("a disk that answers");
        self.times.took(start.elapsed());
    }

    /// How long each append took.
    pub(crate) fn times(self) -> Times {
        self.times.one_by_one()
    }
}
