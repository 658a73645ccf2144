//! PUT: what takes the place of an object.

use apiserver_object::{Fault, FieldError, Subresource, Verb};
use apiserver_patch::{self as merge, Operation};
use apiserver_rules as rules;
use serde_json::Value;

use crate::failure::Failure;
use crate::lifecycle::finalizers;
use crate::object::metadata;
use crate::write::change::{Attempt, Change, Live, Outcome, TRIES};
use crate::write::strategy;

impl Change<'_> {
    /// PUT.
    pub(crate) async fn update(&mut self, object: Value) -> Result<Outcome, Failure> {
        let name = self.path.name.clone();
        for _ in 0..TRIES {
            let mut object = object.clone();
            self.same_namespace(&mut object)?;
            let Some(live) = self.live(&name)? else { return self.create_on_update(object).await };
            self.check_uid(&object, metadata::uid(&live.value))?;
            match self.finish_update(&live, object).await {
                Err(Attempt::Overtaken(_)) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        Err(Failure::modified(self.kind(), &name))
    }

    /// PUT on a name that is not there.
    async fn create_on_update(&mut self, object: Value) -> Result<Outcome, Failure> {
        if !strategy::creates_on_update(self.kind()) || self.subresource != Subresource::Whole {
            return Err(Failure::not_found(self.kind(), &self.path.name));
        }
        self.may_create()?;
        self.check_uid(&object, "")?;
        self.create_once(object).await
    }

    /// Who may change an object that is there may not for that reason create one.
    pub(super) fn may_create(&self) -> Result<(), Failure> {
        self.api.access.authorize_resource(self.user, Some(Verb::Create), self.path)
    }

    /// An object that was read with a uid does not take the place of another one.
    fn check_uid(&self, object: &Value, found: &str) -> Result<(), Failure> {
        let asked = metadata::uid(object);
        if asked.is_empty() || asked == found {
            return Ok(());
        }
        let why = format!(
            "Precondition failed: UID in precondition: {asked}, UID in object meta: {found}"
        );
        Err(Failure::conflict(self.kind(), &self.path.name, &why))
    }

    /// Notes the field manager, lets policies change the object, checks the resourceVersion, and stores.
    pub(super) async fn finish_update(
        &mut self,
        live: &Live,
        mut object: Value,
    ) -> Result<Outcome, Attempt> {
        let mutated = self.has_mutations();
        if mutated {
            object = self.mutate_update(live, object)?;
        }
        self.check_resource_version(live, &mut object)?;
        strategy::prepare_update(self.kind(), self.subresource, &mut object, &live.value);
        if !mutated {
            self.own(Some(&live.value), &mut object, Operation::Update);
        }
        self.store_update(live, object).await
    }

    /// What takes the place of an object as mutating policies make it. They see all that was asked for, also what a write
    /// of this subresource cannot change; what they set is in nobody's hands.
    fn mutate_update(&self, live: &Live, mut asked: Value) -> Result<Value, Failure> {
        let mut owned = asked.clone();
        strategy::prepare_update(self.kind(), self.subresource, &mut owned, &live.value);
        self.own(Some(&live.value), &mut owned, Operation::Update);
        metadata::keep(&mut asked, &owned, "managedFields");
        self.mutate_change(live, asked)
    }

    /// A changed object, its field managers noted, as mutating policies make it.
    pub(super) fn mutate_change(&self, live: &Live, asked: Value) -> Result<Value, Failure> {
        let mut object = self.mutate(rules::Operation::Update, asked, Some(&live.value))?;
        self.same_namespace(&mut object)?;
        Ok(object)
    }

    fn check_resource_version(&self, live: &Live, object: &mut Value) -> Result<(), Failure> {
        let asked = metadata::text(object, "resourceVersion");
        let found = live.stored.revision.to_string();
        if asked == found {
            return Ok(());
        }
        if !matches!(asked, "" | "0") {
            return Err(match asked.parse::<u64>() {
                Ok(_) => Failure::modified(self.kind(), &self.path.name),
                Err(_) => Failure::unexpected(format!(
                    "resourceVersion: Invalid value: {asked:?}: strconv.ParseUint: parsing {asked:?}: invalid syntax"
                )),
            });
        }
        if !strategy::updates_unconditionally(self.kind()) {
            let detail = "must be specified for an update";
            let error = FieldError::new(Fault::Invalid, "metadata.resourceVersion", detail);
            let (plural, group) = (&self.kind().plural, &self.kind().group);
            let error = error.with_value(0.into());
            return Err(Failure::invalid_as(plural, group, &self.path.name, &[error]));
        }
        metadata::set(object, "resourceVersion", found);
        Ok(())
    }

    /// Checks and stores a changed object whose field managers are already noted.
    pub(super) async fn store_update(
        &mut self,
        live: &Live,
        mut object: Value,
    ) -> Result<Outcome, Attempt> {
        let name = self.path.name.clone();
        merge::restore_times(&live.value, &mut object);
        self.check(&object, Some(&live.value))?;
        self.admit(rules::Operation::Update, Some(&object), Some(&live.value), &name)?;
        // The last finalizer is gone from an object that is being deleted.
        let released = metadata::is_being_deleted(&object)
            && !finalizers::is_held(&self.kind().storage_collection, &object);
        if !released && object == live.value {
            return Ok(Outcome::stored(live.stored.clone()));
        }
        if self.parameters.is_dry_run() {
            return Ok(Outcome::value(object));
        }
        if released {
            self.remove(live).await?;
            return Ok(Outcome::value(object));
        }
        self.put(live, object).await
    }
}
