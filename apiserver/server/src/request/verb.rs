//! What is done to resources, by the method of a request.

use apiserver_object::Verb;
use http::Method;

/// The verb of a method, if it has one. `collection`: the path names no object.
pub(crate) fn of_method(method: &Method, collection: bool, watch: bool) -> Option<Verb> {
    match *method {
        Method::GET | Method::HEAD if watch && collection => Some(Verb::Watch),
        Method::GET | Method::HEAD if collection => Some(Verb::List),
        Method::GET | Method::HEAD => Some(Verb::Get),
        Method::POST => Some(Verb::Create),
        Method::PUT => Some(Verb::Update),
        Method::PATCH => Some(Verb::Patch),
        Method::DELETE if collection => Some(Verb::DeleteCollection),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}
