//! DELETE on a collection.

use apiserver_kinds::ListMetadata;
use http::StatusCode;
use serde_json::Value;

use crate::answer::presentation;
use crate::failure::Failure;
use crate::object::version;
use crate::read;
use crate::read::selection::Selection;
use crate::request::accept::Form;
use crate::write::change::Change;
use crate::write::delete_options::DeleteOptions;

impl Change<'_> {
    /// Deletes what is selected; the list of it, in the form that the client accepts.
    pub(crate) async fn delete_collection(
        &mut self,
        options: &DeleteOptions,
        form: Form,
    ) -> Result<Value, Failure> {
        let (objects, kind) = (&self.api.objects, &self.served.kind);
        let selection = Selection::read(self.served, self.path, self.parameters)?;
        let selected = read::selected(objects, kind, &selection, self.parameters)?;
        let mut deleted = Vec::new();
        for object in &selected {
            match self.delete_in_collection(&object.key.name, options).await {
                Ok(_) => deleted.push(version::served(kind, object)?),
                // Somebody else was faster.
                Err(failure) if failure.code == StatusCode::NOT_FOUND => {}
                Err(failure) => return Err(failure),
            }
        }
        let resource_version = objects.revision().to_string();
        let metadata = ListMetadata { resource_version, ..ListMetadata::default() };
        let mut list = presentation::list(kind, deleted, &metadata, form, self.parameters);
        if kind.custom && form == Form::Object {
            list["metadata"]["continue"] = "".into();
        }
        Ok(list)
    }
}
