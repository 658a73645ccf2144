//! Which types can stand for which.

use std::collections::HashMap;

use crate::types::Type;

/// What the parameters of a signature stand for.
pub(crate) type Bindings = HashMap<char, Type>;

/// Whether a value of type `given` may stand where `wanted` does; binds the parameters of `wanted`.
pub(crate) fn unify(wanted: &Type, given: &Type, bound: &mut Bindings) -> bool {
    match (wanted, given) {
        (Type::Parameter(letter), _) => {
            let both =
                bound.get(letter).map_or_else(|| Some(given.clone()), |one| joined(one, given));
            let fits = both.is_some();
            bound.extend(both.map(|both| (*letter, both)));
            fits
        }
        (Type::List(wanted), Type::List(given)) => unify(&wanted.items, &given.items, bound),
        (Type::Map(wanted), Type::Map(given)) => {
            unify(&wanted.0, &given.0, bound) && unify(&wanted.1, &given.1, bound)
        }
        (Type::Optional(wanted), Type::Optional(given)) => unify(wanted, given, bound),
        _ => joined(wanted, given).is_some(),
    }
}

/// The type of what is one of two types, if one can stand for the other.
pub(crate) fn joined(one: &Type, other: &Type) -> Option<Type> {
    match (one, other) {
        _ if one == other => Some(one.clone()),
        (Type::Open, kind) | (kind, Type::Open) => Some(kind.clone()),
        (Type::Dyn, _) | (_, Type::Dyn) => Some(Type::Dyn),
        (Type::Null, kind) | (kind, Type::Null) => takes_null(kind).then(|| kind.clone()),
        (Type::List(one), Type::List(other)) => joined(&one.items, &other.items).map(Type::list),
        (Type::Map(one), Type::Map(other)) => {
            Some(Type::map(joined(&one.0, &other.0)?, joined(&one.1, &other.1)?))
        }
        (Type::Optional(one), Type::Optional(other)) => joined(one, other).map(Type::optional),
        _ => None,
    }
}

const fn takes_null(kind: &Type) -> bool {
    matches!(
        kind,
        Type::Object(_) | Type::Opaque(_) | Type::Timestamp | Type::Duration | Type::Optional(_)
    )
}

/// The type with its parameters replaced by what they stand for.
pub(crate) fn substituted(kind: &Type, bound: &Bindings) -> Type {
    match kind {
        Type::Parameter(letter) => match bound.get(letter) {
            None | Some(Type::Open) => Type::Dyn,
            Some(kind) => kind.clone(),
        },
        Type::List(list) => Type::list(substituted(&list.items, bound)),
        Type::Map(map) => Type::map(substituted(&map.0, bound), substituted(&map.1, bound)),
        Type::Optional(inner) => Type::optional(substituted(inner, bound)),
        other => other.clone(),
    }
}
