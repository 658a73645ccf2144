//! Acting as another user (`Impersonate-User` and its companions, `kubectl --as`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver_object::{Attributes, Authorizer, ResourceAttributes, UNAUTHENTICATED, User};

use crate::{Rbac, forbidden_message};

const ANONYMOUS: &str = "system:anonymous";

/// Whom a request wants to act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    user: String,
    groups: Vec<String>,
    uid: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// Why a request may not act as another user.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImpersonationError {
    /// Groups, UID or extra without a user: answer 400 `BadRequest`.
    #[error("requested groups, a uid or extra without impersonating a user name")]
    NoUser,
    /// The user may not: answer 403 `Forbidden` with this message and these details.
    #[error("{message}")]
    Forbidden {
        /// The status' message.
        message: String,
        /// The status' `details.group`, `details.kind` and `details.name`.
        details: [String; 3],
    },
}

impl Impersonation {
    /// Reads a request's headers, given as lower-case names and values. `None` without any of them.
    pub fn of_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, ImpersonationError> {
        let mut wanted = Self::default();
        for (name, value) in headers {
            match name {
                "impersonate-user" => value.clone_into(&mut wanted.user),
                "impersonate-group" => wanted.groups.push(value.to_owned()),
                "impersonate-uid" => value.clone_into(&mut wanted.uid),
                other => {
                    if let Some(key) = other.strip_prefix("impersonate-extra-") {
                        wanted.extra.entry(unescaped(key)).or_default().push(value.to_owned());
                    }
                }
            }
        }
        match (wanted.user.is_empty(), wanted == Self::default()) {
            (_, true) => Ok(None),
            (true, false) => Err(ImpersonationError::NoUser),
            (false, false) => Ok(Some(wanted)),
        }
    }

    /// The user to act as, if `requestor` may.
    pub fn authorize(self, requestor: &User, rbac: &Rbac) -> Result<User, ImpersonationError> {
        self.check(requestor, rbac)?;
        let groups = match service_account(&self.user) {
            Some((namespace, _)) if self.groups.is_empty() => {
                vec![
                    "system:serviceaccounts".to_owned(),
                    format!("system:serviceaccounts:{namespace}"),
                ]
            }
            _ => self.groups,
        };
        let user = User { name: self.user, uid: self.uid, groups, extra: self.extra };
        Ok(with_class(user))
    }

    /// Whether `requestor` holds `impersonate` on each part of the user.
    pub fn check(&self, requestor: &User, rbac: &Rbac) -> Result<(), ImpersonationError> {
        let part = |group: &'static str, resource: &'static str, name| ResourceAttributes {
            verb: "impersonate".into(),
            group: group.into(),
            resource: resource.into(),
            name: Cow::Borrowed(name),
            ..ResourceAttributes::default()
        };
        let mut parts = vec![match service_account(&self.user) {
            Some((namespace, name)) => {
                let namespace = namespace.into();
                ResourceAttributes { namespace, ..part("", "serviceaccounts", name) }
            }
            None => part("", "users", &self.user),
        }];
        parts.extend(self.groups.iter().map(|group| part("", "groups", group)));
        let group = "authentication.k8s.io";
        for (key, values) in &self.extra {
            let extra = |value| ResourceAttributes {
                subresource: key.into(),
                ..part(group, "userextras", value)
            };
            parts.extend(values.iter().map(|value| extra(value)));
        }
        if !self.uid.is_empty() {
            parts.push(part(group, "uids", &self.uid));
        }
        parts.into_iter().try_for_each(|attributes| check(requestor, rbac, attributes))
    }
}

fn check(
    requestor: &User,
    rbac: &Rbac,
    attributes: ResourceAttributes<'_>,
) -> Result<(), ImpersonationError> {
    let details = [&attributes.group, &attributes.resource, &attributes.name];
    let details = details.map(std::string::ToString::to_string);
    let attributes = Attributes::from(attributes);
    let decision = rbac.authorize(requestor, &attributes);
    if decision.allowed {
        return Ok(());
    }
    let message = forbidden_message(requestor, &attributes, &decision.reason);
    Err(ImpersonationError::Forbidden { message, details })
}

/// Everyone is authenticated or not.
fn with_class(mut user: User) -> User {
    if user.name != ANONYMOUS {
        return user.with_authenticated_group();
    }
    if !user.is_in(UNAUTHENTICATED) {
        user.groups.push(UNAUTHENTICATED.to_owned());
    }
    user
}

/// Namespace and name in `system:serviceaccount:NAMESPACE:NAME`.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// Decodes `%2f`; a key that is not well encoded stays as it is.
fn unescaped(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return key.to_owned();
        };
        bytes.push(byte);
        rest = rest.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn master() -> User {
        User::authenticated("root", vec!["system:masters".to_owned()])
    }

    fn nothing() -> Rbac {
        Rbac::build(&[], &[], &[], &[])
    }

    fn acting_as(headers: &[(&'static str, &'static str)]) -> User {
        let wanted = Impersonation::of_headers(headers.iter().copied()).unwrap().unwrap();
        wanted.authorize(&master(), &nothing()).unwrap()
    }

    #[test]
    fn a_master_acts_as_anyone_with_the_groups_of_the_real_server() {
        let user = acting_as(&[
            ("impersonate-user", "bob"),
            ("impersonate-group", "g"),
            ("impersonate-extra-foo%2fbar", "x"),
        ]);
        assert_eq!(user.groups, ["g", "system:authenticated"]);
        assert_eq!(user.extra["foo/bar"], ["x"]);
        let user = acting_as(&[("impersonate-user", "system:serviceaccount:default:x")]);
        assert_eq!(
            user.groups,
            ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
        );
        let user = acting_as(&[("impersonate-user", "system:anonymous")]);
        assert_eq!(user.groups, ["system:unauthenticated"]);
    }

    #[test]
    fn headers_without_a_user_are_refused_and_others_mean_nothing() {
        assert_eq!(
            Impersonation::of_headers([("impersonate-group", "g")]),
            Err(ImpersonationError::NoUser)
        );
        assert_eq!(Impersonation::of_headers([("accept", "x")]), Ok(None));
    }

    #[test]
    fn each_part_needs_the_right_to_impersonate_it() {
        let role = json!({"metadata": {"name": "as-bob"}, "rules": [
            {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["bob"]}]});
        let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "as-bob"},
            "subjects": [{"kind": "User", "name": "u"}]});
        let rbac = Rbac::build(&[role], &[binding], &[], &[]);
        let attempt = |headers: &[(&'static str, &'static str)]| {
            let wanted = Impersonation::of_headers(headers.iter().copied()).unwrap().unwrap();
            wanted
                .authorize(&User::authenticated("u", Vec::new()), &rbac)
                .map(|user| user.name)
                .map_err(|error| error.to_string())
        };
        let bob = ("impersonate-user", "bob");
        assert_eq!(attempt(&[bob]).unwrap(), "bob");
        assert_eq!(
            attempt(&[bob, ("impersonate-group", "g")]).unwrap_err(),
            r#"groups "g" is forbidden: User "u" cannot impersonate resource "groups" in API group "" at the cluster scope"#
        );
        assert_eq!(
            attempt(&[bob, ("impersonate-extra-foo", "x")]).unwrap_err(),
            r#"userextras.authentication.k8s.io "x" is forbidden: User "u" cannot impersonate resource "userextras/foo" in API group "authentication.k8s.io" at the cluster scope"#
        );
        assert_eq!(
            attempt(&[bob, ("impersonate-uid", "x")]).unwrap_err(),
            r#"uids.authentication.k8s.io "x" is forbidden: User "u" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope"#
        );
        assert_eq!(
            attempt(&[("impersonate-user", "alice")]).unwrap_err(),
            r#"users "alice" is forbidden: User "u" cannot impersonate resource "users" in API group "" at the cluster scope"#
        );
    }
}
