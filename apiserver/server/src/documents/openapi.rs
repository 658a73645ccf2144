//! OpenAPI documents of the kinds that are served.

use std::sync::Arc;

use apiserver_kinds::{self as kinds, Kind};
use http::StatusCode;
use http::request::Parts;

use super::tagged;
use crate::answer::Answer;
use crate::api::Api;
use crate::object::encoding;

/// `path` is what follows `/openapi`.
pub(super) fn answer(api: &Api, parts: &Parts, path: &[&str]) -> Answer {
    let served = || api.derived.catalog().all();
    match path {
        // kubectl reads version 2 where version 3 does not know a kind, and takes an empty document for "nothing known".
        ["v2"] => Answer::text(StatusCode::OK, "")
            .with_content_type("application/com.github.proto-openapi.spec.v2.v1.0+protobuf"),
        ["v3"] => {
            let index = encoding::json(&kinds::openapi_index(&served()));
            Answer::encoded(StatusCode::OK, index).with_content_type("text/plain; charset=utf-8")
        }
        ["v3", "api", version] => of_version(parts, &served(), "", version),
        ["v3", "apis", group, version] => of_version(parts, &served(), group, version),
        _ => Answer::page_not_found(),
    }
}

fn of_version(parts: &Parts, served: &[Arc<Kind>], group: &str, version: &str) -> Answer {
    let document = kinds::openapi_document(served, group, version);
    document.map_or_else(Answer::page_not_found, |document| {
        tagged(parts, &document, kinds::openapi_hash(served, group, version))
    })
}
