//! The groups, versions and resources that are served.

use apiserver_kinds as kinds;
use http::header::HOST;
use http::request::Parts;

use super::{document, tagged};
use crate::answer::Answer;
use crate::api::Api;
use crate::failure::Failure;
use crate::request::accept::{Accepted, Form};

pub(super) fn answer(api: &Api, parts: &Parts, path: &[&str]) -> Result<Answer, Failure> {
    let served = api.derived.catalog().all();
    let accepted = Accepted::read(&parts.headers).unwrap_or_default();
    if accepted.form == Form::Discovery && matches!(path, ["api" | "apis"]) {
        let document = kinds::aggregated(&served, path == ["api"]);
        let answer = tagged(parts, &document.value, document.etag);
        return Ok(answer.with_content_type(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        ));
    }
    let found = match path {
        ["api"] => Some(kinds::api_versions(host(parts))),
        ["apis"] => Some(kinds::groups(&served)),
        ["apis", group] => kinds::group(&served, group),
        ["api", version] => kinds::resources(&served, "", version),
        ["apis", group, version] => kinds::resources(&served, group, version),
        _ => None,
    };
    match found {
        Some(found) => Ok(document(&found)),
        None if matches!(path, ["api", _]) => Err(Failure::no_such_resource()),
        None => Ok(Answer::page_not_found()),
    }
}

fn host(parts: &Parts) -> &str {
    let named = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost")
}
