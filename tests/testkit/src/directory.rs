//! Temporary directories that do not outlive the tests by much.

use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result};
use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

/// A directory that is removed when it is dropped.
///
/// Statics are never dropped, so the first directory of a process also removes those of test
/// processes that are gone. Its name starts with the owner's process id.
#[derive(Debug)]
pub struct Directory {
    inner: TempDir,
}

impl Directory {
    /// A new, empty directory; `purpose` becomes part of its name.
    pub fn create(purpose: &str) -> Result<Self> {
        static SWEEP: Once = Once::new();
        let parent = std::env::temp_dir().join("meshroot-tests");
        std::fs::create_dir_all(&parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        SWEEP.call_once(|| sweep(&parent));
        let inner = tempfile::Builder::new()
            .prefix(&format!("{}-{purpose}-", std::process::id()))
            .tempdir_in(&parent)
            .with_context(|| format!("cannot create a directory in {}", parent.display()))?;
        Ok(Self { inner })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.inner.path()
    }

    /// The path of something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file that only its owner may read, and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.join(name);
        write_private(&path, content.as_ref())?;
        Ok(path)
    }
}

/// Writes a file with mode 0600.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let gone = owner(&entry.file_name().to_string_lossy())
            .is_some_and(|owner| test_kill_process(owner) == Err(rustix::io::Errno::SRCH));
        if gone {
            // Another test process may be removing it at this moment.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn owner(directory: &str) -> Option<Pid> {
    let (id, _) = directory.split_once('-')?;
    Pid::from_raw(id.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_ended_processes_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let stale = parent.path().join(format!("{}-etcd-x", ended.id()));
        let ours = parent.path().join(format!("{}-etcd-y", std::process::id()));
        let foreign = parent.path().join("notes");
        for directory in [&stale, &ours, &foreign] {
            std::fs::create_dir(directory).unwrap();
        }
        sweep(parent.path());
        assert!(!stale.exists() && ours.exists() && foreign.exists());
    }

    #[test]
    fn a_directory_is_removed_when_it_is_dropped() {
        let directory = Directory::create("drop").unwrap();
        let path = directory.write("file", "content").unwrap();
        assert!(path.is_file());
        drop(directory);
        assert!(!path.exists());
    }
}
