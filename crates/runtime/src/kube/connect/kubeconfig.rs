//! The kubeconfig that is meant, and the context in it. Read as client-go reads it, so that what works with kubectl
//! works here.

mod entry;
mod file;
mod selection;

use std::ffi::OsString;
use std::path::PathBuf;

use kube::Config;

use super::error::ConnectError;

pub(super) use entry::Entry;
pub(super) use file::Kubeconfig;

/// Which API to talk to.
///
/// With neither field set: the kubeconfig of `KUBECONFIG` or `~/.kube/config` where there is one, else the cluster
/// that this process runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// A kubeconfig file, instead of the usual ones.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
}

/// What a client for `target` needs.
///
/// # Errors
/// No kubeconfig is found, or what it says cannot be used.
pub fn config_for(target: &Target) -> Result<Config, ConnectError> {
    let variable = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty());
    if let Some(kubeconfig) = find(target, variable.as_ref())? {
        return kubeconfig.config(target.context.as_deref());
    }
    let looked = match variable {
        Some(list) => format!("no file of KUBECONFIG={} exists", list.display()),
        None => "KUBECONFIG is not set, and ~/.kube/config does not exist".to_owned(),
    };
    match target.context.clone() {
        Some(context) => Err(ConnectError::ContextWithoutKubeconfig { context, looked }),
        None => Config::incluster()
            .map_err(|source| ConnectError::InCluster { looked, source: Box::new(source) }),
    }
}

/// `None` where no file of the list `variable` exists, or without a list the usual file does not. As for kubectl, a
/// list hides the usual file even if it names none.
fn find(target: &Target, variable: Option<&OsString>) -> Result<Option<Kubeconfig>, ConnectError> {
    if let Some(path) = &target.kubeconfig {
        return Kubeconfig::read(path).map(Some);
    }
    let (title, paths) = match variable {
        Some(list) => {
            (format!("{} (KUBECONFIG)", list.display()), std::env::split_paths(list).collect())
        }
        None => usual_file(),
    };
    let mut found: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
        // Looked for by reading: between a look and a read it may go.
        let next = match Kubeconfig::read(path) {
            Err(error) if error.is_missing_file() => continue,
            read => read?,
        };
        found = Some(match found {
            Some(former) => former.followed_by(next),
            None => next.titled(&title),
        });
    }
    Ok(found)
}

fn usual_file() -> (String, Vec<PathBuf>) {
    let path = std::env::home_dir().map(|home| home.join(".kube").join("config"));
    let title = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    (title, path.into_iter().collect())
}

#[cfg(test)]
mod tests;
