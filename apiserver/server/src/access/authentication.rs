//! Who asks, and for whom.

use std::sync::Arc;

use apiserver_access::{Identity, Impersonation, ImpersonationError, Presented};
use apiserver_object::User;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::access::Access;
use crate::clock;
use crate::failure::Failure;

/// Who makes a request, and as whom.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Who asks.
    pub(super) identity: Identity,
    /// Whom they want to act as.
    pub(super) impersonation: Option<Impersonation>,
    /// The user that the request is made as.
    pub(crate) user: Arc<User>,
}

impl Access {
    /// Who makes a request; `shown` is the user that the connection has shown.
    pub(crate) fn caller(
        &self,
        headers: &HeaderMap,
        shown: Option<&Arc<User>>,
    ) -> Result<Caller, Failure> {
        let identity = self.authenticate(headers, shown)?;
        let impersonation = wanted(headers)?;
        let user = match impersonation.clone() {
            None => identity.user.clone(),
            Some(wanted) => {
                let user = wanted.authorize(&identity.user, &self.derived.rbac());
                user.map(Arc::new).map_err(refused)?
            }
        };
        Ok(Caller { identity, impersonation, user })
    }

    /// Who is behind a request: whom the connection has shown, or the owner of its bearer token. A credential that does
    /// not hold is an error; none at all is the anonymous user.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        shown: Option<&Arc<User>>,
    ) -> Result<Identity, Failure> {
        if let Some(user) = shown {
            return Ok(Identity::lasting(user.clone()));
        }
        let authorization =
            headers.get(AUTHORIZATION).map(|value| std::str::from_utf8(value.as_bytes()));
        let authorization = authorization.transpose().map_err(|_| Failure::unauthorized())?;
        let presented = Presented { authorization, ..Presented::default() };
        self.authentication.identity(presented, clock::now(), &self.objects).map_err(|error| {
            tracing::debug!(%error, "a credential was refused");
            Failure::unauthorized()
        })
    }
}

/// The user that the headers ask to act as.
fn wanted(headers: &HeaderMap) -> Result<Option<Impersonation>, Failure> {
    let mut texts = Vec::new();
    for (name, value) in
        headers.iter().filter(|(name, _)| name.as_str().starts_with("impersonate-"))
    {
        // Who asks to be somebody else never stays who they are because a name could not be read.
        let text = std::str::from_utf8(value.as_bytes());
        texts.push((
            name.as_str(),
            text.map_err(|_| Failure::bad_request(format!("header {name} is not UTF-8")))?,
        ));
    }
    Impersonation::of_headers(texts).map_err(refused)
}

pub(super) fn refused(error: ImpersonationError) -> Failure {
    match error {
        ImpersonationError::NoUser => Failure::bad_request(error.to_string()),
        ImpersonationError::Forbidden { message, details: [group, kind, name] } => {
            Failure::forbidden(message, Some((&group, &kind, &name)))
        }
    }
}
