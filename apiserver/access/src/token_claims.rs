//! The claims of a service account's token (`k8s.io/kubernetes/pkg/serviceaccount`, RFC 7519).

use serde::{Deserialize, Deserializer, Serialize};

use crate::{BoundObject, TokenError, TokenSpec};

/// Everything that a token says, in the layout that kube-apiserver writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) aud: Vec<String>,
    pub(crate) exp: i64,
    #[serde(default)]
    pub(crate) iat: i64,
    pub(crate) iss: String,
    #[serde(default)]
    pub(crate) jti: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) kubernetes: KubernetesClaims,
    #[serde(default)]
    pub(crate) nbf: i64,
    pub(crate) sub: String,
}

/// Who issues the tokens that Secrets hold, as in every cluster.
pub(crate) const SECRET_ISSUER: &str = "kubernetes/serviceaccount";

/// Everything that a token says which a Secret holds: neither audience nor end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SecretClaims {
    pub(crate) iss: String,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace")]
    pub(crate) namespace: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name")]
    pub(crate) secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name")]
    pub(crate) service_account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid")]
    pub(crate) uid: String,
    pub(crate) sub: String,
}

/// The part under `kubernetes.io`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct KubernetesClaims {
    pub(crate) namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Reference>,
    pub(crate) serviceaccount: Reference,
}

/// An object by name and UID.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reference {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) uid: String,
}

impl Claims {
    /// The claims of a new token.
    pub(crate) fn of(
        spec: &TokenSpec,
        issuer: &str,
        jti: String,
        issued: i64,
    ) -> Result<Self, TokenError> {
        let account = Reference { name: spec.service_account.clone(), uid: spec.uid.clone() };
        let mut kubernetes = KubernetesClaims {
            namespace: spec.namespace.clone(),
            serviceaccount: account,
            ..Default::default()
        };
        if let Some(bound) = &spec.bound_object {
            kubernetes.bind(bound)?;
        }
        Ok(Self {
            aud: spec.audiences.clone(),
            exp: issued.saturating_add(spec.seconds),
            iat: issued,
            iss: issuer.to_owned(),
            jti,
            kubernetes,
            nbf: issued,
            sub: format!("system:serviceaccount:{}:{}", spec.namespace, spec.service_account),
        })
    }
}

impl KubernetesClaims {
    fn bind(&mut self, bound: &BoundObject) -> Result<(), TokenError> {
        let reference = Some(Reference { name: bound.name.clone(), uid: bound.uid.clone() });
        match bound.kind.as_str() {
            "Pod" => self.pod = reference,
            "Secret" => self.secret = reference,
            "Node" => self.node = reference,
            other => return Err(TokenError::Unbindable(other.to_owned())),
        }
        Ok(())
    }

    /// The object that must still exist for the token to hold. A node beside a pod only tells where the pod runs.
    pub(crate) fn bound_object(&self) -> Option<BoundObject> {
        let (kind, reference) =
            [("Pod", &self.pod), ("Secret", &self.secret), ("Node", &self.node)]
                .into_iter()
                .find_map(|(kind, reference)| {
                    reference.as_ref().map(|reference| (kind, reference))
                })?;
        Some(BoundObject {
            kind: kind.to_owned(),
            name: reference.name.clone(),
            uid: reference.uid.clone(),
        })
    }
}

/// RFC 7519 4.1.3: an audience may be one string instead of an array.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(audience) => vec![audience],
        OneOrMany::Many(audiences) => audiences,
    })
}
