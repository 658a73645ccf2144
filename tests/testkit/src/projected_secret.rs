//! A Secret, or a ConfigMap, as a directory, laid out and swapped as kubelet does it.
//!
//! The protocol is that of `pkg/volume/util/atomic_writer.go` of Kubernetes: the files are in a
//! dated directory, `..data` links to it, each visible name links through `..data`, and a change
//! is one `rename` of that link. Watchers see one event and never half of a change.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

use crate::directory::write_private;

/// The content of a Secret by key.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a volume can show.
pub trait Projected:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + DeserializeOwned
    + Send
    + 'static
{
    /// Its content.
    fn files(self) -> Files;
}

/// A directory that shows the content of a Secret. Clones show the same directory.
#[derive(Debug, Clone)]
pub struct ProjectedSecret {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

/// Keeps a directory in step with an object until it is dropped.
#[derive(Debug)]
pub struct Follower {
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    files: Files,
    generation: u32,
}

impl ProjectedSecret {
    /// An empty projection at `path`, which is created.
    pub fn create(path: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        let state = Arc::default();
        Ok(Self { path, state })
    }

    /// The directory that a server reads.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Swaps the content in one step. As with kubelet, nothing is touched when nothing changed.
    pub fn sync(&self, files: &Files) -> Result<()> {
        let mut state = self.lock();
        if state.generation > 0 && state.files == *files {
            return Ok(());
        }
        state.generation += 1;
        let dated = format!("..generation_{:06}", state.generation);
        self.write_files(&dated, files)?;
        let previous = std::fs::read_link(self.path.join("..data")).ok();
        self.swap(&dated)?;
        self.show(&state.files, files)?;
        if let Some(previous) = previous {
            std::fs::remove_dir_all(self.path.join(previous))?;
        }
        state.files.clone_from(files);
        Ok(())
    }

    /// Reads the object once and swaps to it. A missing one is an empty directory, as it is
    /// with an optional volume.
    pub async fn sync_from<K: Projected>(
        &self,
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<()> {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        self.sync(&files_of(api.get_opt(name).await?))
    }

    /// Starts to watch the object and swaps on each change, at once: kubelet itself takes up to a
    /// minute and a half.
    pub fn follow<K: Projected>(&self, client: Client, namespace: &str, name: &str) -> Follower {
        let api: Api<K> = Api::namespaced(client, namespace);
        let changes = watcher::watch_object(api, name).default_backoff();
        let projection = self.clone();
        let task = tokio::spawn(async move {
            let mut changes = std::pin::pin!(changes);
            while let Some(change) = changes.next().await {
                // Errors of the watch are retried by it; the server may be down for a test.
                let Ok(object) = change else { continue };
                if let Err(error) = projection.sync(&files_of(object)) {
                    eprintln!("projecting into {}: {error:#}", projection.path.display());
                }
            }
        });
        Follower { task }
    }

    fn write_files(&self, dated: &str, files: &Files) -> Result<()> {
        let directory = self.path.join(dated);
        std::fs::create_dir(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        files.iter().try_for_each(|(name, content)| write_private(&directory.join(name), content))
    }

    fn swap(&self, dated: &str) -> Result<()> {
        let new = self.path.join("..data_tmp");
        symlink(dated, &new)?;
        std::fs::rename(&new, self.path.join("..data")).context("cannot swap ..data")
    }

    fn show(&self, before: &Files, now: &Files) -> Result<()> {
        for name in now.keys().filter(|name| !before.contains_key(*name)) {
            symlink(Path::new("..data").join(name), self.path.join(name))?;
        }
        for name in before.keys().filter(|name| !now.contains_key(*name)) {
            std::fs::remove_file(self.path.join(name))?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Projected for Secret {
    fn files(self) -> Files {
        let data = self.data.unwrap_or_default();
        data.into_iter().map(|(name, bytes)| (name, bytes.0)).collect()
    }
}

impl Projected for ConfigMap {
    fn files(self) -> Files {
        let data = self.data.unwrap_or_default();
        data.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
    }
}

fn files_of<K: Projected>(object: Option<K>) -> Files {
    object.map(K::files).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;

    fn files(entries: &[(&str, &str)]) -> Files {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
        entries.iter().map(owned).collect()
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_swap_replaces_adds_and_removes_names_and_leaves_one_generation() {
        let directory = Directory::create("projection").unwrap();
        let projection = ProjectedSecret::create(directory.join("cacerts")).unwrap();
        projection.sync(&files(&[("a", "1"), ("b", "1")])).unwrap();
        projection.sync(&files(&[("b", "2"), ("c", "2")])).unwrap();
        let path = projection.path();
        assert_eq!(names(path), ["..data", "..generation_000002", "b", "c"]);
        assert_eq!(std::fs::read_to_string(path.join("b")).unwrap(), "2");
        assert_eq!(std::fs::read_link(path.join("c")).unwrap(), Path::new("..data/c"));
    }

    #[test]
    fn the_same_content_is_not_swapped() {
        let directory = Directory::create("projection").unwrap();
        let projection = ProjectedSecret::create(directory.join("cacerts")).unwrap();
        projection.sync(&files(&[("a", "1")])).unwrap();
        let before = std::fs::read_link(projection.path().join("..data")).unwrap();
        projection.sync(&files(&[("a", "1")])).unwrap();
        assert_eq!(std::fs::read_link(projection.path().join("..data")).unwrap(), before);
    }

    #[test]
    fn a_deleted_secret_is_an_empty_directory() {
        let directory = Directory::create("projection").unwrap();
        let projection = ProjectedSecret::create(directory.join("cacerts")).unwrap();
        projection.sync(&files(&[("a", "1")])).unwrap();
        projection.sync(&files_of::<Secret>(None)).unwrap();
        assert_eq!(names(projection.path()), ["..data", "..generation_000002"]);
    }
}
