//! One way to do each write.
//!
//! Every write names its object and the version that it is based on, so that it either builds on what was read or
//! fails; a crash between two writes loses nothing, because each can be repeated. Around each are the crash points
//! `before-write` and `after-write`.

use std::fmt::Debug;

use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::crash;

mod failure;

pub use failure::{Failure, Retry, classify};

/// The name under which our writes stand in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "meshroot";

/// What a create found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    /// The object was not there and now is; as the server stored it.
    Created(T),
    /// An object of that name was there already and was left as it is; it need not equal what was asked for.
    Existed(T),
}

impl<T> Written<T> {
    /// The object that is there now, whoever made it.
    pub fn into_object(self) -> T {
        match self {
            Self::Created(object) | Self::Existed(object) => object,
        }
    }

    /// Whether this call made the object.
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

/// A write that did not happen, or of which we do not know whether it happened (a repeat then finds out).
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The object to write has no `metadata.name`.
    #[error("cannot {operation} a {kind} without metadata.name")]
    NameMissing {
        /// What was to be done.
        operation: &'static str,
        /// Kind of the object.
        kind: String,
    },
    /// The object to replace does not say which version it is based on; replacing it could undo another's write.
    #[error("cannot {operation} {kind} {name} without metadata.resourceVersion: read it first")]
    ResourceVersionMissing {
        /// What was to be done.
        operation: &'static str,
        /// Kind of the object.
        kind: String,
        /// Its name, with the namespace in front where it has one.
        name: String,
    },
    /// The API refused the write or could not be reached.
    #[error("could not {operation} {kind} {name}: {failure}")]
    Api {
        /// What was to be done.
        operation: &'static str,
        /// Kind of the object.
        kind: String,
        /// Its name, with the namespace in front where it has one.
        name: String,
        /// What went wrong.
        failure: Failure,
        /// As the client reported it.
        #[source]
        source: Box<kube::Error>,
    },
}

impl WriteError {
    /// What the caller should do about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::NameMissing { .. } | Self::ResourceVersionMissing { .. } => Retry::UserMustAct,
            Self::Api { failure, .. } => failure.retry(),
        }
    }

    /// What the API answered, if it was asked.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Api { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Whether another write came first: read again and decide again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.failure(), Some(Failure::Conflict))
    }

    /// Whether the namespace may hold no more objects of the kind.
    #[must_use]
    pub fn is_over_quota(&self) -> bool {
        matches!(self.failure(), Some(Failure::QuotaFull(_)))
    }

    /// Whether the object (or its namespace) is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.failure(), Some(Failure::NotFound { .. }))
    }
}

/// Creates `object` unless one of that name exists; never changes one that exists.
///
/// Repeating it is harmless: after a lost answer the second call returns [`Written::Existed`].
pub async fn create_if_absent<K>(api: &Api<K>, object: &K) -> Result<Written<K>, WriteError>
where
    K: Resource<DynamicType: Default> + Clone + Debug + Serialize + DeserializeOwned,
{
    const OPERATION: &str = "create";
    let name = name_of(object, OPERATION)?;
    let refused = |error| api_error(object, OPERATION, error);
    match passing::<K, _>(api.create(&parameters(), object)).await {
        Ok(created) => Ok(Written::Created(created)),
        Err(error) if classify(&error) == Failure::AlreadyExists => {
            // Deleted between the two calls: NotFound, and the caller tries again.
            api.get(name).await.map(Written::Existed).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Replaces `object` (all but its status) if it is still at the version that `object` states.
pub async fn replace<K>(api: &Api<K>, object: &K) -> Result<K, WriteError>
where
    K: Resource<DynamicType: Default> + Clone + Debug + Serialize + DeserializeOwned,
{
    const OPERATION: &str = "replace";
    let name = name_of(object, OPERATION)?;
    version_stated(object, OPERATION)?;
    passing::<K, _>(api.replace(name, &parameters(), object))
        .await
        .map_err(|error| api_error(object, OPERATION, error))
}

/// Replaces the status of `object` if it is still at the version that `object` states. The spec stays, and of a custom
/// resource the metadata too (a server takes labels and annotations of its built-in kinds from a status write).
pub async fn replace_status<K>(api: &Api<K>, object: &K) -> Result<K, WriteError>
where
    K: Resource<DynamicType: Default> + Clone + Debug + Serialize + DeserializeOwned,
{
    const OPERATION: &str = "replace the status of";
    let name = name_of(object, OPERATION)?;
    version_stated(object, OPERATION)?;
    passing::<K, _>(api.replace_status(name, &parameters(), object))
        .await
        .map_err(|error| api_error(object, OPERATION, error))
}

/// Deletes the very object that was read: `false` when it was already gone, a conflict when it has changed or is
/// another of the same name.
pub async fn delete<K>(api: &Api<K>, object: &K) -> Result<bool, WriteError>
where
    K: Resource<DynamicType: Default> + Clone + Debug + Serialize + DeserializeOwned,
{
    const OPERATION: &str = "delete";
    let name = name_of(object, OPERATION)?;
    version_stated(object, OPERATION)?;
    let asked = kube::api::DeleteParams {
        preconditions: Some(kube::api::Preconditions {
            resource_version: object.meta().resource_version.clone(),
            uid: object.meta().uid.clone(),
        }),
        ..Default::default()
    };
    match passing::<K, _>(api.delete(name, &asked)).await {
        Ok(_) => Ok(true),
        Err(error) => match api_error(object, OPERATION, error) {
            gone if gone.is_not_found() => Ok(false),
            refused => Err(refused),
        },
    }
}

/// Makes a write between its two crash points; what was refused passes the first only. A Lease is written as time goes by,
/// and no work is lost between two of these writes: it passes none.
async fn passing<K, T>(write: impl Future<Output = kube::Result<T>>) -> kube::Result<T>
where
    K: Resource<DynamicType: Default>,
{
    let is_work = kind_of::<K>() != "Lease";
    if is_work {
        crash::point("before-write");
    }
    let written = write.await?;
    if is_work {
        crash::point("after-write");
    }
    Ok(written)
}

fn parameters() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

fn name_of<'a, K>(object: &'a K, operation: &'static str) -> Result<&'a str, WriteError>
where
    K: Resource<DynamicType: Default>,
{
    let name = object.meta().name.as_deref().filter(|name| !name.is_empty());
    name.ok_or_else(|| WriteError::NameMissing { operation, kind: kind_of::<K>() })
}

fn version_stated<K>(object: &K, operation: &'static str) -> Result<(), WriteError>
where
    K: Resource<DynamicType: Default>,
{
    match object.meta().resource_version.as_deref() {
        Some(version) if !version.is_empty() => Ok(()),
        _ => Err(WriteError::ResourceVersionMissing {
            operation,
            kind: kind_of::<K>(),
            name: full_name(object),
        }),
    }
}

fn api_error<K>(object: &K, operation: &'static str, source: kube::Error) -> WriteError
where
    K: Resource<DynamicType: Default>,
{
    WriteError::Api {
        operation,
        kind: kind_of::<K>(),
        name: full_name(object),
        failure: classify(&source),
        source: Box::new(source),
    }
}

fn kind_of<K: Resource<DynamicType: Default>>() -> String {
    K::kind(&K::DynamicType::default()).into_owned()
}

fn full_name<K: Resource>(object: &K) -> String {
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    match meta.namespace.as_deref() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}
