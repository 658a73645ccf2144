//! Overloads of functions and operators: what they take and make.

use crate::entries::list_length;
use crate::types::Type;
use crate::unification::{Bindings, substituted, unify};
use crate::value::{Shape, Value};

/// One overload. The receiver of a function that has one is its first parameter.
#[derive(Debug)]
pub(crate) struct Signature {
    parameters: Vec<Type>,
    result: Type,
}

impl Signature {
    /// Reads overloads: `string, int -> string; list(A), int -> A`. A single letter is a parameter, a word that the
    /// language does not know is the type of a library.
    pub(crate) fn read(text: &'static str) -> impl Iterator<Item = Self> {
        text.split(';').map(|overload| {
            let (parameters, result) = overload.split_once("->").unwrap_or(("", overload));
            let parameters = parts(parameters).into_iter().map(read_type).collect();
            Self { parameters, result: read_type(result.trim()) }
        })
    }

    /// The type of what it makes of arguments of these types, if it takes them.
    pub(crate) fn result(&self, arguments: &[Type]) -> Option<Type> {
        let mut bound = Bindings::new();
        let mut pairs = self.parameters.iter().zip(arguments);
        let fits = self.parameters.len() == arguments.len()
            && pairs.all(|(wanted, given)| unify(wanted, given, &mut bound));
        fits.then(|| substituted(&self.result, &bound))
    }

    /// Whether it takes these values, as far as they can be seen from outside.
    pub(crate) fn takes(&self, values: &[Value<'_>]) -> bool {
        let mut pairs = self.parameters.iter().zip(values);
        self.parameters.len() == values.len() && pairs.all(|(kind, value)| stands_for(kind, value))
    }
}

/// The type of a call, if an overload takes these arguments; dynamic where several do and make different types.
pub(crate) fn result_of<'s>(
    signatures: impl IntoIterator<Item = &'s Signature>,
    arguments: &[Type],
) -> Option<Type> {
    let mut results = signatures.into_iter().filter_map(|signature| signature.result(arguments));
    let first = results.next()?;
    Some(results.fold(first, |one, other| if one == other { one } else { Type::Dyn }))
}

fn stands_for(kind: &Type, value: &Value<'_>) -> bool {
    match kind {
        Type::Dyn | Type::Open | Type::Parameter(_) => true,
        Type::Null => matches!(value, Value::Null),
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Int => matches!(value, Value::Int(_)),
        Type::Uint => matches!(value, Value::Uint(_)),
        Type::Double => matches!(value, Value::Double(_)),
        Type::String => matches!(value, Value::String(_)),
        Type::Bytes => matches!(value, Value::Bytes(_)),
        Type::Timestamp => matches!(value, Value::Timestamp(_)),
        Type::Duration => matches!(value, Value::Duration(_)),
        Type::Meta => matches!(value, Value::Type(_)),
        Type::List(_) => list_length(value).is_some(),
        Type::Map(_) => matches!(value, Value::Map(_) | Value::JsonMap(_, Shape::Values(_))),
        Type::Object(_) => {
            matches!(value, Value::JsonMap(_, Shape::Object(_)) | Value::Message(_))
        }
        Type::Optional(_) => matches!(value, Value::Optional(_)),
        Type::Opaque(name) => value.type_name() == *name,
    }
}

/// The parts of a list at its commas, those within brackets excepted.
fn parts(list: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn read_type(text: &'static str) -> Type {
    if let Some((outer, inner)) = text.split_once('(') {
        let inner = parts(inner.strip_suffix(')').unwrap_or(inner));
        let inner: Vec<Type> = inner.into_iter().map(read_type).collect();
        return match (outer, inner.as_slice()) {
            ("list", [items]) => Type::list(items.clone()),
            ("optional", [inner]) => Type::optional(inner.clone()),
            ("map", [key, value]) => Type::map(key.clone(), value.clone()),
            _ => Type::Dyn,
        };
    }
    match text {
        "dyn" => Type::Dyn,
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "type" => Type::Meta,
        _ => match text.chars().next() {
            Some(letter) if text.len() == 1 => Type::Parameter(letter),
            _ => Type::Opaque(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_depends_on_the_arguments() {
        let signatures: Vec<_> =
            Signature::read("list(A), int -> A; map(B, A), B -> A; -> net.IP").collect();
        let result = |arguments: &[Type]| result_of(&signatures, arguments);
        let strings = Type::list(Type::String);
        assert_eq!(result(&[strings.clone(), Type::Int]), Some(Type::String));
        assert_eq!(result(&[Type::map(Type::Int, Type::Bool), Type::Int]), Some(Type::Bool));
        assert_eq!(result(&[Type::Dyn, Type::Dyn]), Some(Type::Dyn));
        assert_eq!(result(&[]), Some(Type::Opaque("net.IP")));
        assert_eq!(result(&[strings, Type::String]), None);
    }
}
