//! Validation of values, as kube-openapi and apiextensions do it.

mod combination;
mod embedded;
mod equality;
mod lists;
mod node;
mod number;
mod outcome;
mod types;
mod value;

use std::sync::Arc;

use apiserver_object::{FieldError, Path};
use serde_json::Value;

use crate::schema::Schema;
use crate::{defaults, prune};
use node::{Compilation, Node};
pub(crate) use types::Types;

pub use embedded::has_resources as has_embedded_resources;
use outcome::Outcome;

/// A schema in the form that values are checked with: patterns compiled, names of types and formats resolved.
///
/// It is cheap to share and has no state; all work is bounded by the depth of the schema.
#[derive(Debug)]
pub struct Validator {
    schema: Arc<Schema>,
    root: Node,
    lists: bool,
    embedded: bool,
}

impl Validator {
    /// Compiles a schema. A pattern that is no regular expression does not fail here: every string is then refused, with
    /// the reason, as Kubernetes does.
    pub fn compile(schema: Arc<Schema>) -> Self {
        let root = Node::compile(&schema, Compilation::Objects);
        let (lists, embedded) = (lists::has_keyed_lists(&schema), embedded::has_resources(&schema));
        Self { schema, root, lists, embedded }
    }

    /// The schema that was compiled.
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Removes unknown fields and returns their paths: see [`prune`](crate::prune()).
    pub fn prune(&self, value: &mut Value, at_root: bool) -> Vec<String> {
        prune::prune(&self.schema, value, at_root)
    }

    /// Fills in defaults: see [`apply_defaults`](crate::apply_defaults).
    pub fn apply_defaults(&self, value: &mut Value) {
        defaults::apply_defaults(&self.schema, value);
    }

    /// Fills in defaults: see [`apply_defaults_keeping_nulls`](crate::apply_defaults_keeping_nulls).
    pub fn apply_defaults_keeping_nulls(&self, value: &mut Value) {
        defaults::apply_defaults_keeping_nulls(&self.schema, value);
    }

    /// What is wrong with `value`, or with the change from `old` to it: types and bounds first, then embedded resources,
    /// then entries that are twice in a list.
    ///
    /// On a change, faults of a part that is equal to the part of `old` at the same place are no faults ("ratcheting").
    /// Places correspond by property, by key of a map, and by the keys of a list of type map; other lists correspond as
    /// a whole, and faults below `allOf`, `anyOf`, `oneOf` and `not` belong to the value that has them. Lists with
    /// duplicates stay allowed where `old` has some. Faults without a place have the field `<nil>`.
    pub fn validate(&self, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
        self.validate_below("", value, old)
    }

    /// The same for a part of an object, as a status is validated: fields begin with `prefix`, the words of the faults
    /// do not.
    pub fn validate_below(
        &self,
        prefix: &str,
        value: &Value,
        old: Option<&Value>,
    ) -> Vec<FieldError> {
        let mut outcome = Outcome::default();
        self.root.check(value, old, &Path::Root, &mut outcome);
        let mut errors = outcome.into_errors(prefix);
        if self.embedded {
            embedded::check(&self.schema, value, prefix, &mut errors);
        }
        if self.lists
            && old.is_none_or(|old| lists::duplicates(&self.schema, old, prefix).is_empty())
        {
            errors.extend(lists::duplicates(&self.schema, value, prefix));
        }
        errors
    }
}

/// What is wrong with a default value; `path` is the default's.
pub(crate) fn check_default(schema: &Schema, default: &Value, path: &str) -> Vec<FieldError> {
    let mut outcome = Outcome::default();
    Node::compile(schema, Compilation::Defaults).check(default, None, &Path::Root, &mut outcome);
    let mut errors = Vec::new();
    embedded::check(schema, default, path, &mut errors);
    if errors.is_empty() { outcome.into_errors(path) } else { errors }
}
