//! What a new token shall say.

/// An object whose end is the token's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundObject {
    /// `Pod`, `Secret` or `Node`.
    pub kind: String,
    /// Name of the object, in the account's namespace unless it is a `Node`.
    pub name: String,
    /// UID of the object.
    pub uid: String,
}

/// What a new token shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub service_account: String,
    /// UID of the account.
    pub uid: String,
    /// Who may accept the token; empty means the server's own audience.
    pub audiences: Vec<String>,
    /// Seconds until it ends.
    pub seconds: i64,
    /// Object whose end ends the token.
    pub bound_object: Option<BoundObject>,
}
