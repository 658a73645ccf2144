//! Nobody hands out rights that they do not have.

use apiserver_access::AGGREGATION_FORBIDDEN;
use apiserver_kinds::Kind;
use apiserver_object::{Attributes, Authorizer as _, ResourceAttributes, User};
use serde_json::Value;

use crate::access::Access;
use crate::failure::Failure;
use crate::object::metadata;

impl Access {
    /// Refuses a role or a binding that gives more than its writer has.
    pub(crate) fn check_grants(
        &self,
        kind: &Kind,
        user: &User,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Failure> {
        if kind.group.as_ref() != "rbac.authorization.k8s.io" || user.is_master() {
            return Ok(());
        }
        match kind.kind.as_ref() {
            "Role" | "ClusterRole" => self.check_role(kind, user, object, old),
            _ => self.check_binding(kind, user, object, old),
        }
    }

    fn check_role(
        &self,
        kind: &Kind,
        user: &User,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Failure> {
        if is_unchanged(["rules", "aggregationRule"], object, old) {
            return Ok(());
        }
        let (namespace, name) = (namespace(kind, object), metadata::name(object));
        let rbac = self.derived.rbac();
        let escalate = attributes("escalate", kind, &kind.plural, namespace, name);
        if rbac.authorize(user, &escalate).allowed {
            return Ok(());
        }
        let aggregates =
            |role: &Value| role.get("aggregationRule").is_some_and(|rule| !rule.is_null());
        let aggregated = aggregates(object) || old.is_some_and(aggregates);
        if aggregated && !rbac.holds_everything(user) {
            return Err(Failure::forbidden_object(kind, name, AGGREGATION_FORBIDDEN));
        }
        let rules = object["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        refused(kind, object, rbac.escalation(user, namespace, rules))
    }

    fn check_binding(
        &self,
        kind: &Kind,
        user: &User,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Failure> {
        if is_unchanged(["subjects", "roleRef"], object, old) {
            return Ok(());
        }
        let role = &object["roleRef"];
        let name = role["name"].as_str().unwrap_or_default();
        let resource = if role["kind"] == "ClusterRole" { "clusterroles" } else { "roles" };
        let namespace = namespace(kind, object);
        let rbac = self.derived.rbac();
        let bind = attributes("bind", kind, resource, namespace, name);
        if rbac.authorize(user, &bind).allowed {
            return Ok(());
        }
        let rules = rbac.referenced_rules(role, namespace);
        let rules = rules.ok_or_else(|| Failure::not_found(kind, name))?;
        refused(kind, object, rbac.escalation(user, namespace, &rules))
    }
}

fn is_unchanged(fields: [&str; 2], object: &Value, old: Option<&Value>) -> bool {
    old.is_some_and(|old| fields.iter().all(|field| old[field] == object[field]))
}

fn namespace<'a>(kind: &Kind, object: &'a Value) -> &'a str {
    if kind.namespaced { metadata::text(object, "namespace") } else { "" }
}

fn attributes<'a>(
    verb: &'a str,
    kind: &'a Kind,
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
) -> Attributes<'a> {
    Attributes::Resource(ResourceAttributes {
        verb: verb.into(),
        group: (&*kind.group).into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..ResourceAttributes::default()
    })
}

fn refused(kind: &Kind, object: &Value, escalation: Option<String>) -> Result<(), Failure> {
    match escalation {
        None => Ok(()),
        Some(why) => Err(Failure::forbidden_object(kind, metadata::name(object), &why)),
    }
}
