//! How long the disk takes: every durable write waits for it.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;
use meshroot_testkit::Directory;

use crate::comparison::median;

/// Milliseconds that writing and syncing 4 KiB takes, where the servers keep their files; the median of 200.
pub(super) fn fsync_milliseconds() -> Result<f64> {
    let directory = Directory::create("fsync")?;
    let mut file = std::fs::File::create(directory.join("file"))?;
    let mut all = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        all.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(all))
}
