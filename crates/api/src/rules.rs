//! Rules in the definitions of the kinds, in CEL, which the API server itself enforces.
//!
//! A field is read with its default where it is absent, so that writing a default out, or leaving it out,
//! is no change. The guards are written with `has` because the server estimates what a rule may cost from
//! the schema's bounds, and loses them behind an optional (`.?field.orValue(…)`).

use kube::core::Rule;

/// A field of an object, with what its absence means.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// Path from the object's root, its parts joined by dots.
    path: &'static str,
    /// A CEL literal.
    default: &'static str,
}

impl Field {
    /// A text, or bytes in base64, empty where absent.
    pub(crate) const fn text(path: &'static str) -> Self {
        Self { path, default: "''" }
    }

    /// A list, empty where absent.
    pub(crate) const fn list(path: &'static str) -> Self {
        Self { path, default: "[]" }
    }

    /// One of some words; `default` where absent.
    pub(crate) const fn word(path: &'static str, default: &'static str) -> Self {
        Self { path, default }
    }

    /// The CEL expression for its value in `object` (`self` or `oldSelf`).
    fn of(self, object: &str) -> String {
        let mut place = object.to_owned();
        let mut guards = Vec::new();
        for part in self.path.split('.') {
            // A word that CEL reserves.
            let part = if part == "namespace" { "__namespace__" } else { part };
            place = format!("{place}.{part}");
            guards.push(format!("has({place})"));
        }
        format!("({} ? {place} : {})", guards.join(" && "), self.default)
    }

    fn unchanged(self) -> String {
        format!("{} == {}", self.of("self"), self.of("oldSelf"))
    }
}

/// None of `fields` ever changes.
pub(crate) fn never_changes(fields: &[Field], message: &str) -> Rule {
    Rule::new(all_unchanged(fields)).message(message)
}

/// None of `fields` changes once `first` has another value than its default.
pub(crate) fn is_set_once(first: Field, fields: &[Field], message: &str) -> Rule {
    Rule::new(format!(
        "{} == {} || ({})",
        first.of("oldSelf"),
        first.default,
        all_unchanged(fields)
    ))
    .message(message)
}

/// `field` has its default, or `needed` has not.
pub(crate) fn needs(field: Field, needed: Field, message: &str) -> Rule {
    let rule = format!(
        "{} == {} || {} != {}",
        field.of("self"),
        field.default,
        needed.of("self"),
        needed.default
    );
    Rule::new(rule).message(message)
}

fn all_unchanged(fields: &[Field]) -> String {
    fields.iter().map(|field| field.unchanged()).collect::<Vec<_>>().join(" && ")
}

/// `spec.virtualMeshRef`, part by part.
pub(crate) const VIRTUAL_MESH_REF: [Field; 3] = [
    Field::text("spec.virtualMeshRef.name"),
    Field::text("spec.virtualMeshRef.namespace"),
    Field::text("spec.virtualMeshRef.cluster"),
];
