//! Who asks, and for whom.

use std::sync::Arc;

use apiserver_access::{Impersonation, ImpersonationError, Presented};
use apiserver_object::User;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::access::Access;
use crate::clock;
use crate::failure::Failure;

impl Access {
    /// The user behind a request: the one that the connection has shown, or the one of its bearer token. A credential that
    /// does not hold is an error; none at all is the anonymous user.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
        shown: Option<&Arc<User>>,
    ) -> Result<Arc<User>, Failure> {
        if let Some(user) = shown {
            return Ok(user.clone());
        }
        let authorization =
            headers.get(AUTHORIZATION).map(|value| std::str::from_utf8(value.as_bytes()));
        let authorization = authorization.transpose().map_err(|_| Failure::unauthorized())?;
        let presented = Presented { authorization, ..Presented::default() };
        self.authentication.user(presented, clock::now(), &self.objects).map_err(|error| {
            tracing::debug!(%error, "a credential was refused");
            Failure::unauthorized()
        })
    }

    /// The user that the request acts as: another one where its headers name one and the user may.
    pub(crate) fn impersonate(
        &self,
        user: Arc<User>,
        headers: &HeaderMap,
    ) -> Result<Arc<User>, Failure> {
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
        let wanted = Impersonation::of_headers(texts).map_err(refused)?;
        match wanted {
            None => Ok(user),
            Some(wanted) => {
                wanted.authorize(&user, &self.derived.rbac()).map(Arc::new).map_err(refused)
            }
        }
    }
}

fn refused(error: ImpersonationError) -> Failure {
    match error {
        ImpersonationError::NoUser => Failure::bad_request(error.to_string()),
        ImpersonationError::Forbidden { message, details: [group, kind, name] } => {
            Failure::forbidden(message, Some((&group, &kind, &name)))
        }
    }
}
