//! From a request to its answer.

use std::fmt;
use std::sync::Arc;

use apiserver_kinds::ListMetadata;
use apiserver_object::{Attributes, User};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};

use crate::answer::{Accepted, Answer, Form};
use crate::api::Api;
use crate::body::{Body, Format};
use crate::catalog::Served;
use crate::change::{Change, Outcome, Written};
use crate::delete::DeleteOptions;
use crate::parameters::Parameters;
use crate::request::{Asked, ResourcePath};
use crate::status::Failure;
use crate::update::PatchType;
use crate::{
    body, clock, decode, documents, identity, present, read, reviews, snapshot, subresources, watch,
};

/// Answers one request. `user` is set where the connection itself says who asks.
///
/// What may write goes on to its end though the client is gone: a write whose follow-up is left out (the roles, kinds
/// and policies in force) would be there and have no effect.
pub(crate) async fn handle<B>(
    api: Arc<Api>,
    request: Request<B>,
    user: Option<Arc<User>>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display + Send,
{
    let (parts, body) = request.into_parts();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let answering = async move { answer(&api, &parts, body, user.as_ref()).await };
    let answered = if reads {
        answering.await
    } else {
        let lost = |error| {
            Err(Failure::internal(format!("the request was not answered to its end: {error}")))
        };
        tokio::spawn(answering).await.unwrap_or_else(lost)
    };
    answered.unwrap_or_else(|failure| Answer::failure(&failure)).into_response()
}

async fn answer<B>(
    api: &Arc<Api>,
    parts: &Parts,
    body: B,
    user: Option<&Arc<User>>,
) -> Result<Answer, Failure>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let query = parts.uri.query().unwrap_or_default();
    let parameters = Parameters::read(query)?;
    let asked = Asked::read(&parts.method, parts.uri.path(), &parameters);
    let user = identity::authenticate(api, &parts.headers, user)?;
    let user = identity::impersonate(user, &parts.headers, &api.rbac())?;
    authorize(api, &asked, &user)?;
    let Some(path) = &asked.resource else {
        if asked.path == snapshot::PATH && asked.verb == "get" {
            // It holds every key: a rule for all paths is not enough.
            if !user.is_master() {
                return Err(Failure::forbidden(
                    "a snapshot is for the group system:masters only",
                    None,
                ));
            }
            return snapshot::answer(api).await;
        }
        return documents::answer(api, parts, &asked);
    };
    let catalog = api.catalog();
    let Some(served) = catalog.find(&path.group, &path.version, &path.resource) else {
        if catalog.has_builtin(&path.group, &path.version) {
            return Err(Failure::no_such_resource());
        }
        return Ok(Answer::text(StatusCode::NOT_FOUND, "404 page not found\n"));
    };
    if is_elsewhere(served, path, asked.verb) {
        return Ok(Answer::text(StatusCode::NOT_FOUND, "404 page not found\n"));
    }
    let call = Call { api, parts, path, parameters: &parameters, user: &user, served };
    call.check_path(asked.verb)?;
    if asked.verb == "watch" {
        let place = api
            .watches
            .take(&user.name, user.is_master())
            .ok_or_else(Failure::too_many_requests)?;
        return watch::watch(
            api,
            served,
            path,
            parameters.clone(),
            Accepted::read(&parts.headers)?,
            place,
        );
    }
    call.answer(asked.verb, body).await
}

/// A path of a custom kind that is in a namespace though the kind is not, or the other way round. Lists alone go over
/// all namespaces.
fn is_elsewhere(served: &Served, path: &ResourcePath, verb: &str) -> bool {
    let (kind, inside) = (&served.kind, !path.namespace.is_empty());
    let across = inside || matches!(verb, "list" | "watch");
    kind.custom && if kind.namespaced { !across } else { inside }
}

fn authorize(api: &Api, asked: &Asked, user: &User) -> Result<(), Failure> {
    match &asked.resource {
        Some(path) => api.authorize(user, asked.verb, path),
        None => api.allowed(user, &Attributes::non_resource(asked.verb, &*asked.path)),
    }
}

/// An authorized request on a kind that is served.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) parts: &'a Parts,
    pub(crate) path: &'a ResourcePath,
    pub(crate) parameters: &'a Parameters,
    pub(crate) user: &'a User,
    pub(crate) served: &'a Arc<Served>,
}

impl Call<'_> {
    async fn answer<B>(&self, verb: &str, body: B) -> Result<Answer, Failure>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: fmt::Display,
    {
        let accepted = Accepted::read(&self.parts.headers)?;
        present::check_form(accepted.form, verb, self.parameters)?;
        let answer = self.answer_verb(verb, body, accepted).await;
        let Some(text) = &self.served.kind.deprecation else { return answer };
        let warnings = vec![text.to_string()];
        match answer {
            Ok(answer) => Ok(answer.with_warnings(warnings)),
            Err(failure) => Err(failure.with_warnings(warnings)),
        }
    }

    async fn answer_verb<B>(
        &self,
        verb: &str,
        body: B,
        accepted: Accepted,
    ) -> Result<Answer, Failure>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: fmt::Display,
    {
        match verb {
            "get" if self.path.subresource == "scale" => subresources::scale(self, accepted),
            "get" if self.path.subresource.is_empty() || self.path.subresource == "status" => {
                read::get(self.api, self.served, self.path, self.parameters, accepted)
            }
            "list" => read::list(self.api, self.served, self.path, self.parameters, accepted),
            _ => {
                let master = self.user.is_master();
                let bytes = body::receive(
                    self.api.intake.each_ref().map(|pool| pool.none(&self.user.name)),
                    master,
                    body,
                )
                .await?;
                // Taken once the body is there: a slow client takes nobody's turn.
                let slot = self.api.slots.take(&self.user.name, master);
                let _slot = slot.ok_or_else(Failure::too_many_requests)?;
                self.parameters.check(verb)?;
                self.write(verb, &bytes, accepted).await
            }
        }
    }

    /// A path that no verb of the kind goes with.
    fn check_path(&self, verb: &str) -> Result<(), Failure> {
        let (kind, path) = (&self.served.kind, self.path);
        let no_namespace = kind.namespaced && path.namespace.is_empty();
        let outside = no_namespace && !path.name.is_empty();
        let inside =
            !kind.namespaced && !path.namespace.is_empty() && path.resource != "namespaces";
        if kind.custom && !inside && !outside && !present::has_subresource(kind, &path.subresource)
        {
            return Err(Failure::not_found(kind, &path.name));
        }
        if inside || outside || !present::has_subresource(kind, &path.subresource) {
            return Err(Failure::no_such_resource());
        }
        // A POST makes an object whose name is in its body; all else that is written is named in the path.
        let misplaced = match verb {
            "create" => {
                !path.name.is_empty() && path.subresource.is_empty()
                    || no_namespace && kind.is_stored()
            }
            "update" | "patch" => path.name.is_empty(),
            "deletecollection" => no_namespace,
            _ => false,
        };
        if verb.is_empty() || misplaced || !present::allows(kind, &path.subresource, verb) {
            return Err(Failure::method_not_allowed());
        }
        Ok(())
    }

    async fn write(&self, verb: &str, bytes: &[u8], accepted: Accepted) -> Result<Answer, Failure> {
        if !self.served.kind.is_stored() {
            return reviews::create(self, bytes, accepted);
        }
        if subresources::is_special(&self.path.subresource) {
            return subresources::answer(self, verb, bytes, accepted).await;
        }
        let mut change = self.change();
        if verb == "deletecollection" {
            return self.delete_collection(change, bytes, accepted).await;
        }
        match self.write_one(verb, bytes, &mut change).await {
            Ok(outcome) => Ok(self.outcome(&outcome, accepted)?.with_warnings(change.warnings)),
            Err(failure) => Err(failure.with_warnings(change.warnings)),
        }
    }

    async fn write_one(
        &self,
        verb: &str,
        bytes: &[u8],
        change: &mut Change<'_>,
    ) -> Result<Outcome, Failure> {
        match verb {
            "create" => {
                let object = self.decoded(bytes, change)?;
                change.create(object).await
            }
            "update" => {
                let object = self.decoded(bytes, change)?;
                decode::same_name(&object, &self.path.name)?;
                change.update(object).await
            }
            "patch" => change.patch(self.patch_type()?, bytes).await,
            "delete" => {
                change
                    .delete(&DeleteOptions::read(bytes, self.delete_format()?, self.parameters)?)
                    .await
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    pub(crate) fn outcome(&self, outcome: &Outcome, accepted: Accepted) -> Result<Answer, Failure> {
        match &outcome.object {
            Written::Stored(stored) => read::object_answer(
                &self.served.kind,
                outcome.code,
                stored,
                accepted,
                self.parameters,
            ),
            Written::Value(value) if value["kind"] == "Status" => {
                let accepted = Accepted { form: Form::Object, ..accepted };
                Ok(Answer::value(outcome.code, accepted, value))
            }
            Written::Value(value) => {
                let shown = present::object(
                    &self.served.kind,
                    value.clone(),
                    accepted.form,
                    self.parameters,
                );
                Ok(Answer::value(outcome.code, accepted, &shown))
            }
        }
    }

    pub(crate) fn change(&self) -> Change<'_> {
        let agent =
            self.parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let manager = if self.parameters.field_manager.is_empty() {
            apiserver_patch::default_manager(agent.unwrap_or_default())
        } else {
            self.parameters.field_manager.clone()
        };
        Change {
            api: self.api,
            served: self.served,
            path: self.path,
            user: self.user,
            parameters: self.parameters,
            manager,
            now: clock::now(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn decoded(
        &self,
        bytes: &[u8],
        change: &mut Change<'_>,
    ) -> Result<serde_json::Value, Failure> {
        let read =
            decode::object(self.served, bytes, self.format()?, self.parameters.field_validation())?;
        change.warnings.extend(read.warnings);
        Ok(read.object)
    }

    fn content_type(&self) -> &str {
        let value = self
            .parts
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or("application/json").split(';').next().unwrap_or_default().trim()
    }

    pub(crate) fn format(&self) -> Result<Format, Failure> {
        match self.content_type() {
            "" | "application/json" => Ok(Format::Json),
            "application/yaml" => Ok(Format::Yaml),
            "application/vnd.kubernetes.protobuf" if !self.served.kind.custom => {
                Ok(Format::Protobuf)
            }
            _ => Err(Failure::unsupported_media_type(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ])),
        }
    }

    /// Options of a deletion may come in any format, whatever the kind.
    fn delete_format(&self) -> Result<Format, Failure> {
        match self.content_type() {
            "application/vnd.kubernetes.protobuf" => Ok(Format::Protobuf),
            _ => self.format(),
        }
    }

    pub(crate) fn patch_type(&self) -> Result<PatchType, Failure> {
        match self.content_type() {
            "application/json-patch+json" => Ok(PatchType::Json),
            "application/merge-patch+json" => Ok(PatchType::Merge),
            "application/strategic-merge-patch+json" => Ok(PatchType::StrategicMerge),
            "application/apply-patch+yaml" => Ok(PatchType::Apply),
            _ => Err(Failure::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
                "application/strategic-merge-patch+json",
            ])),
        }
    }

    async fn delete_collection(
        &self,
        mut change: Change<'_>,
        bytes: &[u8],
        accepted: Accepted,
    ) -> Result<Answer, Failure> {
        let options = DeleteOptions::read(bytes, self.delete_format()?, self.parameters)?;
        let selection = read::Selection::read(self.served, self.path, self.parameters)?;
        let deleted = read::selected(self.api, &self.served.kind, &selection, self.parameters)?;
        let mut values = Vec::new();
        for object in &deleted {
            match change.delete_in_collection(&object.key.name, &options).await {
                Ok(_) => values.push(crate::form::served(&self.served.kind, object)?),
                // Somebody else was faster.
                Err(failure) if failure.code == StatusCode::NOT_FOUND => {}
                Err(failure) => return Err(failure),
            }
        }
        let resource_version = self.api.store.revision().to_string();
        let metadata = ListMetadata { resource_version, ..ListMetadata::default() };
        let mut value =
            present::list(&self.served.kind, values, &metadata, accepted.form, self.parameters);
        if self.served.kind.custom && accepted.form == Form::Object {
            value["metadata"]["continue"] = "".into();
        }
        Ok(Answer::value(StatusCode::OK, accepted, &value).with_warnings(change.warnings))
    }
}
