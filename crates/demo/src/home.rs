//! Where the demo's files are: a directory that goes with it, or one that the user keeps.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use meshroot_api::metrics::component;
use meshroot_manifests::monitoring::prometheus_rules;
use meshroot_manifests::to_yaml;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clusters::RunningApi;
use crate::DemoError;

/// The directory. A temporary one is removed when this is dropped.
pub struct Home {
    path: PathBuf,
    kept: bool,
    _temporary: Option<TempDir>,
}

impl Home {
    /// Opens `keep`, which is made where it is not there, else a temporary directory. Nobody else may read it: the
    /// kubeconfig is an administrator's.
    pub fn open(keep: Option<&Path>) -> Result<Self, DemoError> {
        let Some(keep) = keep else {
            let made = tempfile::Builder::new().prefix("meshroot-demo-").tempdir();
            let made = made
                .map_err(|error| DemoError::home("no temporary directory can be made", &error))?;
            return Ok(Self { path: made.path().to_owned(), kept: false, _temporary: Some(made) });
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(keep);
        made.map_err(|error| {
            DemoError::home(format!("directory {} cannot be made", keep.display()), &error)
        })?;
        let path = std::path::absolute(keep).unwrap_or_else(|_| keep.to_owned());
        Ok(Self { path, kept: true, _temporary: None })
    }

    /// Where the servers keep their data; `None` where nothing is kept.
    pub fn data(&self) -> Option<&Path> {
        self.kept.then_some(self.path.as_path())
    }

    /// Writes a kubeconfig with a context for each server, the first one current, and returns its path.
    pub fn write_kubeconfig(&self, apis: &[RunningApi]) -> Result<PathBuf, DemoError> {
        self.write("kubeconfig", &kubeconfig(apis))
    }

    /// Writes the configuration of a Prometheus that scrapes these, with the alerts, and returns its path.
    pub fn write_prometheus(&self, scraped: &[Scraped]) -> Result<PathBuf, DemoError> {
        self.write(RULES, &prometheus_rules())?;
        self.write("prometheus.yml", &prometheus(scraped))
    }

    fn write(&self, name: &str, content: &Value) -> Result<PathBuf, DemoError> {
        let path = self.path.join(name);
        let failed = |problem: &dyn std::fmt::Display| {
            DemoError::home(format!("{} cannot be written", path.display()), problem)
        };
        let text = to_yaml(std::slice::from_ref(content)).map_err(|error| failed(&error))?;
        let written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        written
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| failed(&error))?;
        Ok(path)
    }
}

/// Where metrics are served.
#[derive(Clone, Copy, Debug)]
pub struct Scraped {
    /// Whose they are, as `meshroot_build_info` says it.
    pub component: &'static str,
    /// The address, whose path is `/metrics`.
    pub address: SocketAddr,
}

/// Beside the configuration, which names it so.
const RULES: &str = "prometheus-rules.yaml";

/// A demo is over in minutes: each second counts.
fn prometheus(scraped: &[Scraped]) -> Value {
    let job = |component: &str| {
        let own = scraped.iter().filter(|one| one.component == component);
        let targets: Vec<String> = own.map(|one| one.address.to_string()).collect();
        json!({ "job_name": component, "static_configs": [{ "targets": targets }] })
    };
    json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [RULES],
        "scrape_configs": [job(component::HUB), job(component::AGENT)],
    })
}

fn kubeconfig(apis: &[RunningApi]) -> Value {
    let named = |key: &str, content: &dyn Fn(&RunningApi) -> Value| -> Value {
        apis.iter().map(|api| json!({ "name": api.name, key: content(api) })).collect()
    };
    let ca = |api: &RunningApi| meshroot_api::Bytes::from(api.ca_pem.clone());
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": apis.first().map(|api| &api.name),
        "clusters": named("cluster", &|api| json!({ "server": api.url, "certificate-authority-data": ca(api) })),
        "users": named("user", &|api| json!({ "token": api.admin_token })),
        "contexts": named("context", &|api| json!({ "cluster": api.name, "user": api.name })),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn api(name: &str) -> RunningApi {
        let (url, ca_pem) = ("https://127.0.0.1:1".to_owned(), "CA".to_owned());
        RunningApi { name: name.to_owned(), url, ca_pem, admin_token: "secret".to_owned() }
    }

    #[test]
    fn the_kubeconfig_has_a_context_for_each_server_and_is_nobody_elses() {
        let home = Home::open(None).unwrap();
        let path = home.write_kubeconfig(&[api("hub"), api("east")]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = kube::config::Kubeconfig::read_from(&path).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("hub"));
        assert_eq!(
            read.contexts.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["hub", "east"]
        );
    }

    #[test]
    fn a_temporary_directory_goes_and_a_kept_one_stays() {
        let temporary = Home::open(None).unwrap();
        let path = temporary.path.clone();
        assert!(temporary.data().is_none());
        drop(temporary);
        assert!(!path.exists());
        let parent = tempfile::tempdir().unwrap();
        let kept = Home::open(Some(&parent.path().join("a/b"))).unwrap();
        assert!(kept.data().is_some());
        drop(kept);
        assert!(parent.path().join("a/b").is_dir());
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", api("hub")).contains("secret"));
    }
}
