//! Functions that expressions may call: names, types, and what runs them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use kube_cel::cel::Program;
use regex::Regex;

use crate::budget::Fault;
use crate::evaluator::Evaluator;
use crate::types::Type;
use crate::value::Value;

/// A function of this crate.
pub type Native = for<'a> fn(&Evaluator<'a>, &[Value<'a>]) -> Result<Value<'a>, Fault>;

/// What runs a call.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    /// The checker has not been there yet.
    Unresolved,
    /// A function of this crate.
    Native(Native),
    /// `matches` with a pattern known beforehand.
    Matches(Regex),
    /// A function of the Kubernetes function library.
    Foreign(Arc<Program>),
}

/// One overload of a function.
#[derive(Debug)]
pub(crate) struct Signature {
    /// The first parameter is the receiver.
    pub(crate) member: bool,
    pub(crate) parameters: Vec<Type>,
    pub(crate) result: Type,
}

/// All overloads by name. A line holds results, then calls separated by blanks: `NAME(TYPES)`, or `.NAME(TYPES)` with
/// the receiver as the first type. Sources: CEL specification ("Standard Definitions"), the cel-go extensions
/// `strings` (version 2), `sets`, `lists` (version 3), and the function libraries of Kubernetes 1.37.
const TABLE: &str = include_str!("signatures.txt");

static SIGNATURES: LazyLock<BTreeMap<&'static str, Vec<Signature>>> = LazyLock::new(read_table);

/// The overloads of a function; none where there is no such function.
pub(crate) fn overloads(name: &str) -> &'static [Signature] {
    SIGNATURES.get(name).map_or(&[], Vec::as_slice)
}

fn read_table() -> BTreeMap<&'static str, Vec<Signature>> {
    let mut table: BTreeMap<&'static str, Vec<Signature>> = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let Some((result, calls)) = line.split_once(" = ") else {
            continue;
        };
        for call in calls.split(' ').filter(|call| !call.is_empty()) {
            let Some((name, parameters)) = call.split_once('(') else {
                continue;
            };
            let (member, name) = name.strip_prefix('.').map_or((false, name), |name| (true, name));
            let parameters = split(parameters.strip_suffix(')').unwrap_or(parameters));
            let parameters = parameters.into_iter().map(read_type).collect();
            table.entry(name).or_default().push(Signature {
                member,
                parameters,
                result: read_type(result),
            });
        }
    }
    table
}

fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !list.is_empty() {
        parts.push(&list[start..]);
    }
    parts
}

fn read_type(text: &'static str) -> Type {
    if let Some((outer, inner)) = text.split_once('(') {
        let inner: Vec<Type> =
            split(inner.strip_suffix(')').unwrap_or(inner)).into_iter().map(read_type).collect();
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

/// The type of a call, if an overload takes these arguments.
pub(crate) fn result_of(name: &str, member: bool, arguments: &[Type]) -> Option<Type> {
    let mut result: Option<Type> = None;
    for signature in overloads(name).iter().filter(|signature| signature.member == member) {
        let mut bound = HashMap::new();
        let fits = signature.parameters.len() == arguments.len()
            && signature
                .parameters
                .iter()
                .zip(arguments)
                .all(|(wanted, given)| unify(wanted, given, &mut bound));
        if !fits {
            continue;
        }
        let this = substituted(&signature.result, &bound);
        result = Some(match result {
            Some(other) if other != this => Type::Dyn,
            _ => this,
        });
    }
    result
}

/// Whether a value of type `given` may stand where `wanted` does; binds the parameters of `wanted`.
fn unify(wanted: &Type, given: &Type, bound: &mut HashMap<char, Type>) -> bool {
    match (wanted, given) {
        (Type::Parameter(letter), _) => match bound.get(letter) {
            None => {
                bound.insert(*letter, given.clone());
                true
            }
            Some(earlier) => match joined(earlier, given) {
                Some(both) => {
                    bound.insert(*letter, both);
                    true
                }
                None => false,
            },
        },
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

fn substituted(kind: &Type, bound: &HashMap<char, Type>) -> Type {
    match kind {
        Type::Parameter(letter) => bound.get(letter).cloned().unwrap_or(Type::Dyn),
        Type::List(list) => Type::list(substituted(&list.items, bound)),
        Type::Map(map) => Type::map(substituted(&map.0, bound), substituted(&map.1, bound)),
        Type::Optional(inner) => Type::optional(substituted(inner, bound)),
        other => other.clone(),
    }
}
