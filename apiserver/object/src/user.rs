//! The user that a request speaks for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Group of every user that has shown who it is.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Group of requests without credentials.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Group that may do anything.
pub const MASTERS: &str = "system:masters";
/// Key in `extra` that names the credential which was used.
pub const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// A user as Kubernetes sees it (`authentication.k8s.io/v1` `UserInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Unique name: `alice`, `system:serviceaccount:default:builder`.
    pub name: String,
    /// Tells apart users that had the same name at different times; may be empty.
    pub uid: String,
    /// Groups, in the order in which the credential gave them.
    pub groups: Vec<String>,
    /// Further facts from the credential.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The user of a request without credentials: `system:anonymous` in `system:unauthenticated`.
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// A user with a name and groups; `system:authenticated` is added.
    pub fn authenticated(name: impl Into<String>, groups: Vec<String>) -> Self {
        Self { name: name.into(), groups, ..Self::default() }.with_authenticated_group()
    }

    /// A service account (`system:serviceaccount:NAMESPACE:NAME`) with its groups.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
        let mut user =
            Self::authenticated(format!("system:serviceaccount:{namespace}:{name}"), groups);
        uid.clone_into(&mut user.uid);
        user
    }

    /// Adds `system:authenticated` unless the user is in it or in `system:unauthenticated`.
    #[must_use]
    pub fn with_authenticated_group(mut self) -> Self {
        if !self.groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }

    /// The user as `UserInfo`, in which what is empty is absent.
    pub fn to_value(&self) -> Value {
        let mut info = Map::new();
        for (field, text) in [("username", &self.name), ("uid", &self.uid)] {
            if !text.is_empty() {
                info.insert(field.to_owned(), text.as_str().into());
            }
        }
        if !self.groups.is_empty() {
            info.insert("groups".to_owned(), self.groups.clone().into());
        }
        if !self.extra.is_empty() {
            info.insert("extra".to_owned(), json!(self.extra));
        }
        Value::Object(info)
    }

    /// Whether the user is in `system:masters`, which no rule can hold back.
    pub fn is_master(&self) -> bool {
        self.is_in(MASTERS)
    }

    /// Whether the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_in_the_groups_that_the_real_server_gives_it() {
        let user = User::service_account("default", "builder", "1");
        assert_eq!(user.name, "system:serviceaccount:default:builder");
        assert_eq!(
            user.groups,
            ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
        );
        assert_eq!(user.uid, "1");
    }

    #[test]
    fn what_is_empty_is_absent_in_user_info() {
        let mut user = User { name: "a".to_owned(), ..User::default() };
        assert_eq!(user.to_value(), json!({"username": "a"}));
        user.uid = "1".to_owned();
        user.groups = vec!["g".to_owned()];
        user.extra.insert("k".to_owned(), vec!["v".to_owned()]);
        let whole = json!({"username": "a", "uid": "1", "groups": ["g"], "extra": {"k": ["v"]}});
        assert_eq!(user.to_value(), whole);
    }

    #[test]
    fn the_anonymous_user_never_becomes_authenticated() {
        assert_eq!(User::anonymous().with_authenticated_group(), User::anonymous());
    }
}
