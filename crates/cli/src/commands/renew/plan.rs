//! Which request comes next.

use std::collections::BTreeSet;

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::RequestName;
use meshroot_core::renewal::{self, Cause, Standing};

use crate::failure::Failure;

/// What to do for one mesh.
#[derive(Debug)]
pub(super) enum Next {
    /// The newest request is still on its way; another one would wait behind it.
    Waiting {
        /// Its name.
        name: RequestName,
        /// Who is waited for.
        message: String,
    },
    /// Make this request.
    Create {
        /// Its name.
        name: RequestName,
        /// The one before it.
        previous: Box<Request>,
    },
}

/// The next request of `mesh`, from all the requests of its namespace and the names that the ledger knows: a number
/// that was decided on is never used again, even if its request was deleted.
pub(super) fn next(
    mesh: &str,
    virtual_mesh: Option<&str>,
    requests: &[Request],
    recorded: &[RequestName],
) -> Result<Next, Failure> {
    let of_mesh = |request| {
        let name = named(request)?;
        let wanted =
            name.mesh == mesh && virtual_mesh.is_none_or(|wanted| name.virtual_mesh == wanted);
        wanted.then_some((name, request))
    };
    let own: Vec<(RequestName, &Request)> = requests.iter().filter_map(of_mesh).collect();
    let virtual_meshes: BTreeSet<&str> =
        own.iter().map(|(name, _)| name.virtual_mesh.as_str()).collect();
    if virtual_meshes.len() > 1 {
        let names: Vec<_> = virtual_meshes.into_iter().collect();
        return Err(Failure::no(format!(
            "mesh {mesh} has requests of several virtual meshes: {}",
            names.join(", ")
        ))
        .fix(format!("say which one: --virtual-mesh {}", names.join(" or --virtual-mesh "))));
    }
    let Some((name, newest)) = own.into_iter().max_by_key(|(name, _)| name.generation) else {
        return Err(Failure::no(format!(
            "mesh {mesh} has no request yet, so there is nothing to renew"
        ))
        .fix(
            "make it a member of a VirtualMesh (spec.meshes): the hub creates the first request",
        ));
    };
    let is_recorded = |name: &RequestName| recorded.contains(name);
    Ok(match renewal::next(&name, Standing::of(newest), Cause::Person, is_recorded) {
        renewal::Next::Wait => Next::Waiting { name, message: waiting_for(newest) },
        renewal::Next::Ask(name) => Next::Create { name, previous: Box::new(newest.clone()) },
    })
}

fn named(request: &Request) -> Option<RequestName> {
    RequestName::parse(request.metadata.name.as_deref()?)
}

fn waiting_for(request: &Request) -> String {
    let message = request.status_or_default().computed_status.message;
    match (message.is_empty(), request.spec.csr_data.0.is_empty()) {
        (false, _) => message,
        (true, true) => "waiting for the agent to make its key".to_owned(),
        (true, false) => "waiting for the hub".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::needless_pass_by_value)]
mod tests {
    use serde_json::json;

    use super::{Failure, Next, Request, RequestName};

    fn next(mesh: &str, virtual_mesh: Option<&str>, requests: &[Request]) -> Result<Next, Failure> {
        super::next(mesh, virtual_mesh, requests, &[])
    }

    fn request(name: &str, status: serde_json::Value) -> Request {
        let value = json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": { "name": name }, "spec": { "csrData": "eA==" }, "status": status,
        });
        serde_json::from_value(value).unwrap()
    }

    fn answered(name: &str) -> Request {
        request(name, json!({ "response": { "caCertificate": "eA==" } }))
    }

    fn created(next: Next) -> String {
        match next {
            Next::Create { name, .. } => name.to_string(),
            Next::Waiting { name, message, .. } => panic!("waiting for {name}: {message}"),
        }
    }

    #[test]
    fn the_next_request_follows_the_highest_generation_of_that_mesh() {
        let requests = ["a.demo.2", "a.demo.10", "b.demo.40", "legacy-name"].map(answered);
        assert_eq!(created(next("a", None, &requests).unwrap()), "a.demo.11");
    }

    #[test]
    fn nothing_is_created_behind_a_request_that_is_on_its_way() {
        let waiting =
            request("a.demo.2", json!({ "computedStatus": { "message": "waiting for approval" } }));
        let Next::Waiting { name, message, .. } =
            next("a", None, &[answered("a.demo.1"), waiting]).unwrap()
        else {
            panic!("created")
        };
        assert_eq!(
            (name.to_string().as_str(), message.as_str()),
            ("a.demo.2", "waiting for approval")
        );
    }

    #[test]
    fn a_request_that_can_never_be_answered_is_followed_by_another() {
        for status in [
            json!({ "thirdPartyApproval": { "approvalStatus": "DENIED" } }),
            json!({ "computedStatus": { "state": "INVALID" } }),
            json!({ "computedStatus": { "state": "CONFLICT" } }),
        ] {
            assert_eq!(
                created(next("a", None, &[request("a.demo.3", status)]).unwrap()),
                "a.demo.4"
            );
        }
    }

    #[test]
    fn a_number_that_the_ledger_knows_is_never_used_again() {
        let recorded =
            ["a.demo.1", "a.demo.2", "a.demo.3"].map(|name| RequestName::parse(name).unwrap());
        assert_eq!(
            created(super::next("a", None, &[answered("a.demo.2")], &recorded).unwrap()),
            "a.demo.4"
        );
    }

    #[test]
    fn a_mesh_without_requests_has_nothing_to_renew() {
        let text = next("a", None, &[answered("b.demo.1")]).unwrap_err().text(false);
        assert!(text.contains("has no request yet"), "{text}");
    }

    #[test]
    fn a_mesh_with_requests_of_two_virtual_meshes_must_say_which() {
        let requests = ["a.demo.1", "a.prod.3"].map(answered);
        let text = next("a", None, &requests).unwrap_err().text(false);
        assert!(text.contains("--virtual-mesh demo or --virtual-mesh prod"), "{text}");
        assert_eq!(created(next("a", Some("prod"), &requests).unwrap()), "a.prod.4");
    }
}
