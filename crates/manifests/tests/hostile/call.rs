//! What is sent to a server.

use http::Request;
use kube::Client;
use serde_json::{Value, json};

use crate::objects::{collection, path, plain};
use crate::setup::Who;

/// One who does something, and what.
pub(crate) type Step = (Who, Call);

/// One request to the API.
#[derive(Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    content: &'static str,
    body: Value,
    headers: Vec<(&'static str, String)>,
    /// Merged into the object as it stands, which is then sent whole.
    into_whole: bool,
    /// The path of the object that must stay as it was where this is refused.
    pub(crate) about: String,
}

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

impl Call {
    fn new(method: &'static str, path: String, content: &'static str, body: Value) -> Self {
        let about = path.clone();
        Self { method, path, content, body, headers: Vec::new(), into_whole: false, about }
    }

    /// The same as somebody else, as whom the sender asks to be taken.
    pub(crate) fn pretending(mut self, user: &str, group: &str) -> Self {
        self.headers.push(("Impersonate-User", user.to_owned()));
        self.headers.push(("Impersonate-Group", group.to_owned()));
        self
    }

    /// With a parameter in the query.
    pub(crate) fn with(mut self, parameter: &str) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        self.path = format!("{}{joint}{parameter}", self.path);
        self
    }

    /// Without storing anything.
    pub(crate) fn dry(self) -> Self {
        self.with("dryRun=All")
    }

    /// What the server answers.
    pub(crate) async fn send(&self, client: &Client, admin: &Client) -> kube::Result<Value> {
        let mut body = self.body.clone();
        if self.into_whole {
            let mut whole = get(&self.about).await_on(admin).await?;
            merge_into(&mut whole, &body);
            body = whole;
        }
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(self.method).uri(&self.path);
        let request = request.header("Content-Type", self.content);
        let request = self.headers.iter().fold(request, |request, (k, v)| request.header(*k, v));
        client.request(request.body(body).unwrap()).await
    }

    async fn await_on(&self, client: &Client) -> kube::Result<Value> {
        let request = Request::builder().method(self.method).uri(&self.path);
        client.request(request.body(Vec::new()).unwrap()).await
    }
}

/// The object at a path as it stands; null where there is none.
pub(crate) async fn stored(admin: &Client, path: &str) -> Value {
    match get(path).await_on(admin).await {
        Ok(object) => object,
        Err(kube::Error::Api(status)) if status.code == 404 => Value::Null,
        Err(error) => panic!("{path}: {error}"),
    }
}

fn get(path: &str) -> Call {
    Call::new("GET", path.to_owned(), JSON, Value::Null)
}

/// As a merge patch does.
fn merge_into(target: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (field, change) in changes {
        if change.is_null() {
            target.as_object_mut().unwrap().remove(field);
        } else {
            merge_into(&mut target[field], change);
        }
    }
}

pub(crate) fn read(object: &Value) -> Call {
    get(&path(object))
}

/// Reads all objects of the kind in the namespace.
pub(crate) fn list(object: &Value) -> Call {
    get(&collection(object)).about(object)
}

pub(crate) fn create(object: &Value) -> Call {
    let call = Call::new("POST", collection(object), JSON, object.clone());
    Call { about: path(object), ..call }
}

/// Merges `change` into the object.
pub(crate) fn merge(object: &Value, change: Value) -> Call {
    Call::new("PATCH", path(object), MERGE, change)
}

/// Changes it by JSON patch.
pub(crate) fn json_patch(object: &Value, operations: Value) -> Call {
    Call::new("PATCH", path(object), "application/json-patch+json", operations)
}

/// Applies the whole object and takes every field that others own.
pub(crate) fn apply(object: &Value) -> Call {
    Call::new("PATCH", path(object), "application/apply-patch+yaml", object.clone())
        .with("fieldManager=hostile&force=true")
        .about(object)
}

/// The same with its status alone.
pub(crate) fn apply_status(object: &Value, status: &Value) -> Call {
    let mut applied = object.clone();
    applied.as_object_mut().unwrap().remove("spec");
    applied["status"] = status.clone();
    on_status(object, apply(&applied))
}

/// Writes the whole object as it stands, with `change` merged into it.
pub(crate) fn replace(object: &Value, change: Value) -> Call {
    Call { into_whole: true, ..Call::new("PUT", path(object), JSON, change) }
}

/// Merges `status` into the object's status.
pub(crate) fn status(object: &Value, status: Value) -> Call {
    let mut change = json!({});
    change["status"] = status;
    Call::new("PATCH", format!("{}/status", path(object)), MERGE, change).about(object)
}

/// Does to the subresource `status` what `call` does to the object.
pub(crate) fn on_status(object: &Value, call: Call) -> Call {
    let (old, new) = (path(object), format!("{}/status", path(object)));
    Call { path: call.path.replacen(&old, &new, 1), ..call }
}

pub(crate) fn delete(object: &Value) -> Call {
    Call::new("DELETE", path(object), JSON, Value::Null)
}

/// Deletes all objects of the kind in the namespace, `object` among them.
pub(crate) fn delete_all(object: &Value) -> Call {
    Call::new("DELETE", collection(object), JSON, Value::Null).about(object)
}

/// Asks for a token of a ServiceAccount that lives so long.
pub(crate) fn token(namespace: &str, account: &str, seconds: i64) -> Call {
    let account = plain("ServiceAccount", namespace, account);
    let spec = json!({ "audiences": [meshroot_testkit::api_server::TOKEN_ISSUER], "expirationSeconds": seconds });
    let body =
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
    Call::new("POST", format!("{}/token", path(&account)), JSON, body).about(&account)
}

impl Call {
    fn about(mut self, object: &Value) -> Self {
        self.about = path(object);
        self
    }

    /// Posted where `object` would be, whatever the body says.
    pub(crate) fn at(mut self, object: &Value) -> Self {
        self.path = collection(object);
        self.about(object)
    }
}
