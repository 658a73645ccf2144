//! The kubeconfig that is meant, and the context in it.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::ConnectError;
use super::proxy;

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
pub(super) async fn config_for(target: &Target) -> Result<Config, ConnectError> {
    match find_kubeconfig(target)? {
        Some((file, kubeconfig)) => {
            from_kubeconfig(&file, kubeconfig, target.context.as_deref()).await
        }
        None => match &target.context {
            Some(context) => {
                Err(ConnectError::ContextWithoutKubeconfig { context: context.clone() })
            }
            None => Config::incluster()
                .map_err(|source| ConnectError::InCluster { source: Box::new(source) }),
        },
    }
}

/// The kubeconfig that `target` means, and the name of its file for messages.
fn find_kubeconfig(target: &Target) -> Result<Option<(String, Kubeconfig)>, ConnectError> {
    if let Some(path) = &target.kubeconfig {
        return read_file(path).map(Some);
    }
    let variable = std::env::var_os("KUBECONFIG").map(|paths| paths.to_string_lossy().into_owned());
    if let Some(paths) = variable.filter(|paths| !paths.trim_matches(':').is_empty()) {
        let file = format!("{paths} (KUBECONFIG)");
        let read = Kubeconfig::from_env().map_err(|source| kubeconfig_error(&file, source))?;
        return Ok(read.map(|kubeconfig| (file, kubeconfig)));
    }
    let usual = std::env::home_dir().map(|home| home.join(".kube").join("config"));
    usual.filter(|path| path.exists()).map(|path| read_file(&path)).transpose()
}

fn read_file(path: &Path) -> Result<(String, Kubeconfig), ConnectError> {
    let file = path.display().to_string();
    let kubeconfig =
        Kubeconfig::read_from(path).map_err(|source| kubeconfig_error(&file, source))?;
    Ok((file, kubeconfig))
}

/// What a client for the context `asked` (`None`: the current one) of `kubeconfig` needs.
pub(super) async fn from_kubeconfig(
    file: &str,
    kubeconfig: Kubeconfig,
    asked: Option<&str>,
) -> Result<Config, ConnectError> {
    let context = choose_context(file, &kubeconfig, asked)?;
    let own_proxy = proxy::of_context(&kubeconfig, &context);
    let options = KubeConfigOptions { context: Some(context), ..Default::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|source| kubeconfig_error(file, source))?;
    if own_proxy.is_none() {
        config.proxy_url = proxy::from_environment(&config.cluster_url)?;
    }
    Ok(config)
}

fn choose_context(
    file: &str,
    kubeconfig: &Kubeconfig,
    asked: Option<&str>,
) -> Result<String, ConnectError> {
    let contexts =
        || kubeconfig.contexts.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    let current = || kubeconfig.current_context.as_deref().filter(|context| !context.is_empty());
    let file = file.to_owned();
    let Some(context) = asked.or_else(current) else {
        return Err(ConnectError::ContextUnset { file, contexts: contexts() });
    };
    if !kubeconfig.contexts.iter().any(|named| named.name == context) {
        return Err(ConnectError::ContextUnknown {
            file,
            context: context.to_owned(),
            contexts: contexts(),
        });
    }
    Ok(context.to_owned())
}

pub(super) fn kubeconfig_error(file: &str, source: KubeconfigError) -> ConnectError {
    ConnectError::Kubeconfig { file: file.to_owned(), source: Box::new(source) }
}
