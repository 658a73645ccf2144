//! Messages that expressions make.

use super::Checker;
use crate::syntax::{Construction, Initializer};
use crate::types::{ObjectType, Type};
use crate::unification::joined;

impl Checker<'_> {
    pub(super) fn message(&mut self, at: usize, made: &mut Construction) -> Type {
        let mut known = self.environment.messages.iter();
        let Some(kind) = known.find(|kind| kind.name() == made.name).cloned() else {
            return self.undeclared(at, &made.name);
        };
        for field in &mut made.fields {
            self.initializer(&kind, field);
        }
        made.kind = Some(kind.clone());
        Type::Object(kind)
    }

    /// A field that the type does not have takes what is dynamic and fails when it is made, as in the real server.
    fn initializer(&mut self, kind: &ObjectType, field: &mut Initializer) {
        let given = self.entry(&mut field.value, field.optional);
        let wanted = kind.named(&field.name).map(|(_, known)| &known.kind);
        let fits = wanted.map_or(given == Type::Dyn, |wanted| joined(wanted, &given).is_some());
        if !fits {
            let wanted = wanted.map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "expected type of field '{}' is '{wanted}' but provided type is '{given}'",
                field.name
            );
            self.issue(field.at, message);
        }
    }

    /// Whether values of the type are messages: what they do not have is found missing only when it is asked for.
    pub(super) fn is_message(&self, kind: &ObjectType) -> bool {
        self.environment.messages.iter().any(|known| **known == *kind)
    }
}
