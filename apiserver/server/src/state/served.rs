//! A kind with what its objects are checked with.

use std::sync::{Arc, OnceLock};

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::FieldError;
use apiserver_rules::CompiledRules;
use apiserver_schema::{Schema, Validator, has_embedded_resources};
use serde_json::Value;

/// What objects are checked with is compiled when first needed.
pub(crate) struct Served {
    pub(crate) kind: Arc<Kind>,
    schema: OnceLock<Arc<Schema>>,
    embeds: OnceLock<bool>,
    validator: OnceLock<Validator>,
    status_validator: OnceLock<Option<Validator>>,
    rules: OnceLock<Result<CompiledRules, Vec<FieldError>>>,
}

impl Served {
    pub(crate) fn new(kind: Arc<Kind>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            schema: OnceLock::new(),
            embeds: OnceLock::new(),
            validator: OnceLock::new(),
            status_validator: OnceLock::new(),
            rules: OnceLock::new(),
        })
    }

    pub(crate) fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| Validator::compile(self.schema().clone()))
    }

    /// The shape of objects. The default of a built-in kind is what an object is before anyone wrote: its type has
    /// fields that are always there.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        self.schema.get_or_init(|| {
            if self.kind.custom {
                return self.kind.schema().clone();
            }
            let mut schema = Schema::clone(self.kind.schema());
            schema.default = Some(kinds::empty_object(&self.kind));
            Arc::new(schema)
        })
    }

    /// Whether objects have whole objects in them.
    pub(crate) fn embeds_objects(&self) -> bool {
        *self.embeds.get_or_init(|| self.kind.custom && has_embedded_resources(self.schema()))
    }

    /// Judges a status apart from the rest; `None` where the kind has no schema for it.
    pub(crate) fn status_validator(&self) -> Option<&Validator> {
        let status = || self.kind.schema().properties.get("status").cloned();
        self.status_validator
            .get_or_init(|| status().map(|status| Validator::compile(Arc::new(status))))
            .as_ref()
    }

    /// Whether objects are judged by CEL rules.
    pub(crate) fn has_rules(&self) -> bool {
        self.compiled_rules().as_ref().map_or(true, |rules| !rules.is_empty())
    }

    fn compiled_rules(&self) -> &Result<CompiledRules, Vec<FieldError>> {
        self.rules.get_or_init(|| CompiledRules::compile(self.kind.schema(), ""))
    }

    /// The kind's CEL rules that an object breaks. A definition whose rules do not compile is refused when it is
    /// written; one that got past it serves no object unchecked.
    pub(crate) fn broken_rules(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        match self.compiled_rules() {
            Ok(rules) => rules.evaluate(object, old),
            Err(errors) => errors.clone(),
        }
    }
}
