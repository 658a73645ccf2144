//! The types that a value may have by its schema.

use crate::schema::Type;

/// Types that a value may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Types {
    #[default]
    Any,
    One(Type),
    IntOrString,
}

impl Types {
    pub(crate) fn contains(self, kind: Type) -> bool {
        match self {
            Self::Any => false,
            Self::One(one) => one == kind,
            Self::IntOrString => matches!(kind, Type::Integer | Type::String),
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::One(one) => one.word(),
            Self::IntOrString => "integer,string",
        }
    }
}
