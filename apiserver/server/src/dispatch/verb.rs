//! What is done for each verb.

use std::fmt;

use apiserver_object::{Subresource, Verb};
use bytes::Bytes;
use http::StatusCode;

use crate::answer::{Answer, presentation};
use crate::call::Call;
use crate::decode::agreement;
use crate::failure::Failure;
use crate::limits::turns::{NoConnection, Turn};
use crate::request::body;
use crate::request::content_type::Format;
use crate::write::change::{Change, Outcome};
use crate::write::delete_options::DeleteOptions;
use crate::{read, review, subresource};

impl Call<'_> {
    /// Answers every verb but `watch`.
    pub(super) async fn answer<B>(&self, verb: Verb, body: B) -> Result<Answer, Failure>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: fmt::Display,
    {
        presentation::check_form(self.accepted.form, verb, self.parameters)?;
        let answer = self.answer_verb(verb, body).await;
        let Some(text) = &self.served.kind.deprecation else { return answer };
        let warnings = vec![text.to_string()];
        match answer {
            Ok(answer) => Ok(answer.with_warnings(warnings)),
            Err(failure) => Err(failure.with_warnings(warnings)),
        }
    }

    async fn answer_verb<B>(&self, verb: Verb, body: B) -> Result<Answer, Failure>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: fmt::Display,
    {
        let Self { api, served, path, parameters, accepted, .. } = *self;
        match verb {
            Verb::Get if self.subresource == Subresource::Scale => subresource::scale::get(self),
            Verb::Get => read::get(&api.objects, served, path, parameters, accepted),
            Verb::List => read::list(&api.objects, served, path, parameters, accepted),
            _ => {
                let (user, master) = (&self.user.name, self.user.is_master());
                let bytes = body::receive(api.limits.body(user, master), body).await?;
                // Taken once the body is there: a slow client takes nobody's turn.
                let permit = api.limits.requests.permit(user, master);
                let _permit = permit.ok_or_else(Failure::too_many_requests)?;
                let _turn = self.turn().await;
                parameters.check(verb)?;
                self.write(verb, &bytes).await
            }
        }
    }

    /// Those who came over a connection take turns, each behind himself; administrators and the hub of this process are
    /// few and trusted.
    async fn turn(&self) -> Option<Turn> {
        let is_free =
            self.user.is_master() || self.parts.extensions.get::<NoConnection>().is_some();
        if is_free { None } else { Some(self.api.limits.turns.wait(&self.user.name).await) }
    }

    async fn write(&self, verb: Verb, bytes: &[u8]) -> Result<Answer, Failure> {
        if !self.served.kind.is_stored() {
            return review::create(self, bytes);
        }
        if subresource::is_special(self.subresource) {
            return subresource::write(self, verb, bytes).await;
        }
        let mut change = self.change();
        if verb == Verb::DeleteCollection {
            return self.delete_collection(change, bytes).await;
        }
        match self.write_one(verb, bytes, &mut change).await {
            Ok(outcome) => Ok(self.outcome(&outcome)?.with_warnings(change.warnings)),
            Err(failure) => Err(failure.with_warnings(change.warnings)),
        }
    }

    async fn write_one(
        &self,
        verb: Verb,
        bytes: &[u8],
        change: &mut Change<'_>,
    ) -> Result<Outcome, Failure> {
        match verb {
            Verb::Create => {
                let object = self.decoded(bytes, change)?;
                change.create(object).await
            }
            Verb::Update => {
                let object = self.decoded(bytes, change)?;
                agreement::same_name(&object, &self.path.name)?;
                change.update(object).await
            }
            Verb::Patch => change.patch(self.patch_type()?, bytes).await,
            Verb::Delete => change.delete(&self.delete_options(bytes)?).await,
            _ => Err(Failure::method_not_allowed()),
        }
    }

    async fn delete_collection(
        &self,
        mut change: Change<'_>,
        bytes: &[u8],
    ) -> Result<Answer, Failure> {
        let options = self.delete_options(bytes)?;
        let list = change.delete_collection(&options, self.accepted.form).await?;
        let answer = Answer::value(StatusCode::OK, self.accepted, &list);
        Ok(answer.with_warnings(change.warnings))
    }

    fn delete_options(&self, bytes: &[u8]) -> Result<DeleteOptions, Failure> {
        let format = Format::of_options(&self.parts.headers)?;
        DeleteOptions::read(bytes, format, self.parameters)
    }
}
