//! A kind of object as the server serves it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use apiserver_object::{Subresource, Verb};
use apiserver_schema::Schema;
use serde_json::Value;

use crate::definitions::{self, Definition};
use crate::path::Path;

/// Verbs of a kind that is stored.
pub const STORED: &[Verb] = &Verb::ALL;
/// Verbs of a kind that is stored but cannot be deleted as a collection: namespaces.
pub const STORED_SINGLY: &[Verb] =
    &[Verb::Create, Verb::Delete, Verb::Get, Verb::List, Verb::Patch, Verb::Update, Verb::Watch];
/// Verbs of a kind that is a question: the answer to `create` is not stored.
pub const ASKED: &[Verb] = &[Verb::Create];
/// Verbs of a custom kind, in the order in which discovery lists them.
pub const CUSTOM: &[Verb] = &[
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Create,
    Verb::Update,
    Verb::Watch,
];

/// One resource that the server serves: a kind in one version.
#[derive(Clone)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Version: `v1`.
    pub version: Arc<str>,
    /// Kind: `Secret`.
    pub kind: Arc<str>,
    /// Kind of a list: `SecretList`.
    pub list_kind: Arc<str>,
    /// Name in paths: `secrets`.
    pub plural: Arc<str>,
    /// Name of one: `secret`.
    pub singular: Arc<str>,
    /// Names that command lines take in place of the plural.
    pub short_names: Vec<Arc<str>>,
    /// Groups of kinds that it belongs to: `all`.
    pub categories: Vec<Arc<str>>,
    /// Its objects live in namespaces.
    pub namespaced: bool,
    /// `<group or core>/<plural>`: where its objects are stored. Versions of a kind share it, and so do both kinds of event.
    pub storage_collection: Arc<str>,
    /// What can be done with its objects; one of [`STORED`], [`STORED_SINGLY`], [`CUSTOM`], [`ASKED`].
    pub verbs: &'static [Verb],
    /// Its subresources.
    pub subresources: Subresources,
    /// Columns of a `Table`, in order, without the name. Empty for built-in kinds, whose rows are written by hand.
    pub columns: Vec<Column>,
    /// Fields beside `metadata.name` and `metadata.namespace` that a field selector may name: `spec.nodeName`.
    pub selectable_fields: Vec<String>,
    /// `metadata.generation` counts the changes of what is wanted.
    pub generation: bool,
    /// What a name must look like.
    pub name_rule: NameRule,
    /// Version in which objects are stored.
    pub storage_version: Arc<str>,
    /// Defined by a CustomResourceDefinition.
    pub custom: bool,
    /// Said in a `Warning` to who uses this version, if it is deprecated.
    pub deprecation: Option<Arc<str>>,
    pub(crate) source: Source,
}

/// Where the shape of a kind's objects comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Builtin(&'static BuiltinSource),
    Custom { schema: Arc<Schema>, openapi: Arc<Value> },
}

/// The shape of a built-in kind, computed when first asked for and shared by all servers of the process.
pub(crate) struct BuiltinSource {
    pub(crate) definition: Definition,
    pub(crate) schema: OnceLock<Arc<Schema>>,
}

/// Subresources of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subresources {
    /// `status`: what is observed, apart from what is wanted.
    pub status: bool,
    /// `scale`: how many replicas.
    pub scale: Option<Scale>,
    /// `token`: tokens of a service account.
    pub token: bool,
    /// `finalize`: finalizers of a namespace.
    pub finalize: bool,
}

/// Where the subresource `scale` finds what it shows; simple JSON paths (`.spec.replicas`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Replicas that are wanted.
    pub spec_replicas_path: String,
    /// Replicas that are there.
    pub status_replicas_path: String,
    /// A label selector as text; for built-in kinds a `LabelSelector` object.
    pub label_selector_path: Option<String>,
}

/// What names of a kind must look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain, at most 253 characters.
    #[default]
    Subdomain,
    /// RFC 1123 label, at most 63 characters.
    Label,
    /// Anything that can be one segment of a path.
    PathSegment,
}

/// A column of a custom kind's `Table` (`additionalPrinterColumns`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub kind: String,
    /// OpenAPI format; may be empty.
    pub format: String,
    /// What the column shows; may be empty.
    pub description: String,
    /// 0 is always shown, more only in wide output.
    pub priority: i64,
    /// Simple JSON path: `.status.conditions[?(@.type=="Ready")].status`.
    pub json_path: String,
    pub(crate) path: Option<Path>,
}

impl Kind {
    /// `v1`, `apps/v1`: the `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `secrets`, `deployments.apps`: as errors name it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// What can be done with its objects, or with a part of them that it has.
    pub const fn verbs_of(&self, subresource: Subresource) -> &'static [Verb] {
        match subresource {
            Subresource::Whole => self.verbs,
            Subresource::Status | Subresource::Scale => &[Verb::Get, Verb::Patch, Verb::Update],
            Subresource::Token => &[Verb::Create],
            Subresource::Finalize => &[Verb::Update],
        }
    }

    /// It has the subresource; each kind has its objects themselves.
    pub const fn has(&self, subresource: Subresource) -> bool {
        match subresource {
            Subresource::Whole => true,
            Subresource::Status => self.subresources.status,
            Subresource::Scale => self.subresources.scale.is_some(),
            Subresource::Token => self.subresources.token,
            Subresource::Finalize => self.subresources.finalize,
        }
    }

    /// Its objects are stored; false for questions like `SubjectAccessReview`.
    pub fn is_stored(&self) -> bool {
        self.verbs.len() > 1
    }

    /// Shape of its objects, computed when first asked for. It has no entry for `apiVersion`, `kind` and `metadata`
    /// that goes beyond their types.
    pub fn schema(&self) -> &Arc<Schema> {
        match &self.source {
            Source::Builtin(source) => {
                source.schema.get_or_init(|| Arc::new(definitions::schema(source.definition)))
            }
            Source::Custom { schema, .. } => schema,
        }
    }

    /// The OpenAPI v3 schema of a custom kind as its definition writes it; `None` for built-in kinds, whose schema is a
    /// part of the document that [`crate::openapi_document`] writes.
    pub fn openapi(&self) -> Option<&Arc<Value>> {
        match &self.source {
            Source::Builtin(_) => None,
            Source::Custom { openapi, .. } => Some(openapi),
        }
    }

    /// Name of its schema in an OpenAPI document: `io.k8s.api.core.v1.Secret`.
    pub fn definition_name(&self) -> String {
        match &self.source {
            Source::Builtin(source) => definitions::name(source.definition),
            Source::Custom { .. } => {
                let reversed: Vec<&str> = self.group.rsplit('.').collect();
                format!("{}.{}.{}", reversed.join("."), self.version, self.kind)
            }
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Kind")
            .field("api_version", &self.api_version())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
