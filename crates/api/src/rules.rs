//! Rules in the definitions of the kinds, in CEL, which the API server itself enforces.
//!
//! A field is read with its default where it is absent, so that writing a default out, or leaving it out,
//! is no change. The guards are written with `has` because the server estimates what a rule may cost from
//! the schema's bounds, and loses them behind an optional (`.?field.orValue(…)`).

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

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

    /// True or false, false where absent.
    pub(crate) const fn flag(path: &'static str) -> Self {
        Self { path, default: "false" }
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

/// `field`, true or false, stays true once it is.
pub(crate) fn is_never_unset(field: Field, message: &str) -> Rule {
    Rule::new(format!("!{} || {}", field.of("oldSelf"), field.of("self"))).message(message)
}

/// The two do not become both true; as [`needs`], it looks at the change.
pub(crate) fn are_not_both(one: Field, other: Field, message: &str) -> Rule {
    let rule = format!(
        "({}) || !({} && {})",
        all_unchanged(&[one, other]),
        one.of("self"),
        other.of("self")
    );
    Rule::new(rule).message(message)
}

/// `field` does not leave its default before `needed` has.
///
/// It looks at the change, not at the state: the API server judges every write by a rule at the root, so that a rule
/// on the state would keep an older object from ever being reported on or deleted.
pub(crate) fn needs(field: Field, needed: Field, message: &str) -> Rule {
    let rule = format!(
        "{} || {} == {} || {} != {}",
        field.unchanged(),
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

/// A SPIFFE ID, a URI that Go can read, an IP address or a DNS name, as the hub takes them.
const HOST: &str = r"self.startsWith('spiffe://') ?
  self.matches('^spiffe://[a-z0-9_-]+([.][a-z0-9_-]+)*(/([A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|[.]{3,}))*$') :
  self.contains('://') ?
  self.matches('^[a-z][a-z0-9+.-]*://(?i)(([!$&-.0-;=A-Z_~]|%[0-9A-F]{2})*@)?([!$&-,0-9;=A-Z_~-]+([.][!$&-,0-9;=A-Z_~-]+)*|\\[[0-9A-F:.]+\\])(:[0-9]*)?([/?#]([!#$&-;=?-\\[\\]_~]|%[0-9A-F]{2})*)?$') :
  isIP(self) || self.size() <= 253 && !self.matches('(^|[.])[0-9]+$') &&
  self.matches('^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$')";
const HOST_MESSAGE: &str = "a host is a SPIFFE ID, another URI, an IP address or a DNS name, without wildcards, empty \
                            labels and broken percent escapes";

/// Hosts, at most `most` of them.
pub(crate) fn hosts(most: u32) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "items": {
            "type": "string",
            "maxLength": 2048,
            "x-kubernetes-validations": [{ "rule": HOST, "message": HOST_MESSAGE }],
        },
    })
}

/// A length of time.
pub(crate) fn a_minute_or_more(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 32,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^([0-9]+(h|m|s))+$') && duration(self) >= duration('1m')",
            "message": "a length of time of a minute or more, as in 72h",
        }],
    })
}

/// A SPIFFE trust domain (SPIFFE ID 2.1), or empty. Go refuses certificates with an empty label in it.
pub(crate) fn trust_domain(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "x-kubernetes-validations": [{
            "rule": "self == '' || self.matches('^[a-z0-9_-]+([.][a-z0-9_-]+)*$')",
            "message": "a trust domain has labels of a-z, 0-9, hyphen and underscore, joined by single dots, as in \
                        cluster.local",
        }],
    })
}
