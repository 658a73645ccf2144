//! From what a person types (`NAME`, `NAMESPACE/NAME`) to one object.

use kube::Resource;
use kube::api::{DynamicObject, ListParams};
use meshroot_runtime::kube::call::retried;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::session::{self, Scope, Session};

/// Finds the object that `name` means: `NAMESPACE/NAME`; or a bare name, in the namespace of `-n`, else in all
/// namespaces if there is one of that name only.
pub(crate) async fn find(
    session: &Session,
    kind: Kind,
    name: &str,
) -> Result<DynamicObject, Failure> {
    let (namespace, name) = split(name)?;
    match namespace.or(session.global.namespace.as_deref()) {
        Some(namespace) => find_in(session, kind, namespace, name).await,
        None => find_anywhere(session, kind, name).await,
    }
}

/// As [`find`], as the type of its kind.
pub(crate) async fn find_as<K>(session: &Session, kind: Kind, name: &str) -> Result<K, Failure>
where
    K: Resource + DeserializeOwned,
{
    parse(kind, find(session, kind, name).await?)
}

/// An object as the type of its kind.
pub(crate) fn parse<K>(kind: Kind, object: DynamicObject) -> Result<K, Failure>
where
    K: Resource + DeserializeOwned,
{
    let name = full_name(&object.metadata);
    object.try_parse().map_err(|error| {
        Failure::no(format!("{} {name} cannot be read: {error}", kind.word()))
            .fix("compare the versions of this command and of the CustomResourceDefinitions (meshroot version)")
    })
}

/// Takes `NAMESPACE/NAME` apart.
pub(crate) fn split(text: &str) -> Result<(Option<&str>, &str), Failure> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let wrong =
        |part: &str| part.is_empty() || part.contains('/') || part.contains(char::is_whitespace);
    if wrong(name) || namespace.is_some_and(wrong) {
        return Err(Failure::usage(format!(
            "{text:?} is not a name; write NAME or NAMESPACE/NAME"
        )));
    }
    Ok((namespace, name))
}

async fn find_in(
    session: &Session,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<DynamicObject, Failure> {
    let api = session.api(kind, &Scope::Namespace(namespace.to_owned()));
    let word = kind.word();
    match retried(async || api.get_opt(name).await).await {
        Ok(Some(object)) => object
            .read()
            .map_err(|why| Failure::no(format!("{word} {namespace}/{name} cannot be read: {why}"))),
        Ok(None) => Err(Failure::no(format!("{word} {namespace}/{name} does not exist"))
            .fix(format!("list what is there with: meshroot get {word} -n {namespace}"))),
        Err(error) => Err(Failure::api(&format!("read {word} {namespace}/{name}"), &error)),
    }
}

async fn find_anywhere(
    session: &Session,
    kind: Kind,
    name: &str,
) -> Result<DynamicObject, Failure> {
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    let doing = format!("look for {} {name} in all namespaces", kind.word());
    let found = session::list(&session.api(kind, &Scope::All), &doing, &named).await?;
    only(kind, name, found)
}

fn only(kind: Kind, name: &str, mut found: Vec<DynamicObject>) -> Result<DynamicObject, Failure> {
    let word = kind.word();
    match (found.pop(), found.len()) {
        (Some(object), 0) => Ok(object),
        (None, _) => Err(Failure::no(format!("{word} {name} does not exist in any namespace"))
            .fix(format!("list what is there with: meshroot get {word} -A"))),
        (Some(last), _) => {
            found.push(last);
            let candidates: Vec<String> =
                found.iter().map(|object| full_name(object.meta())).collect();
            Err(Failure::no(format!(
                "{word} {name} exists in {} namespaces: {}",
                candidates.len(),
                candidates.join(", ")
            ))
            .fix(format!("say which one: {}", candidates.join(" or "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn object(namespace: &str) -> DynamicObject {
        DynamicObject::new("a.demo.1", &Kind::Request.resource()).within(namespace)
    }

    #[test]
    fn a_name_may_carry_its_namespace() {
        assert_eq!(split("a.demo.1").unwrap(), (None, "a.demo.1"));
        assert_eq!(
            split("meshroot-cluster-east/a.demo.1").unwrap(),
            (Some("meshroot-cluster-east"), "a.demo.1")
        );
        for wrong in ["", "/a", "a/", "a/b/c", "a b"] {
            assert_eq!(split(wrong).unwrap_err().exit(), Exit::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn a_name_in_two_namespaces_is_ambiguous_and_both_are_listed() {
        let failure =
            only(Kind::Request, "a.demo.1", vec![object("east"), object("west")]).unwrap_err();
        assert_eq!(failure.exit(), Exit::No);
        assert_eq!(
            failure.text(false),
            "error: vmcsr a.demo.1 exists in 2 namespaces: east/a.demo.1, west/a.demo.1\n  fix: say which one: east/a.demo.1 or west/a.demo.1\n"
        );
    }

    #[test]
    fn a_name_in_no_namespace_is_not_found() {
        let failure = only(Kind::Request, "a.demo.1", vec![]).unwrap_err();
        assert_eq!(failure.exit(), Exit::No);
        assert!(failure.text(false).contains("meshroot get vmcsr -A"));
    }
}
