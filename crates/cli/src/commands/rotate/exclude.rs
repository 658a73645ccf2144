//! `exclude` and `include`: a mesh that the others go on without.

use meshroot_api::RootRotation;
use meshroot_api::shared::ResourceRef;
use meshroot_core::membership::Key;
use serde_json::json;

use super::gather::Gathered;
use super::{Excluded, gather, running, write};
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// `exclude`: puts it on the list; else takes it off.
pub(super) async fn run(
    session: &Session,
    asked: &Excluded,
    exclude: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let gathered = gather(session, &asked.asked.virtual_mesh).await?;
    let key = &gathered.key;
    let of = |reference: &ResourceRef| Key::resolve(reference, &key.namespace);
    let (rotation, listed) = if exclude {
        let running = running(&gathered)?;
        let mesh = named(gathered.members(), &asked.mesh)
            .map_err(|why| Failure::no(format!("virtual mesh {key}: {why}")))?;
        let mut listed = running.1.spec.excluded.clone();
        if listed.iter().any(|one| of(one) == mesh) {
            return Err(Failure::no(format!("Mesh {mesh} is excluded already")));
        }
        listed.push(ResourceRef::new(mesh.name, mesh.namespace));
        (running, listed)
    } else {
        // It may be long complete for the others.
        let newest = newest(&gathered)?;
        let all: Vec<Key> = newest.1.spec.excluded.iter().map(of).collect();
        let mesh = named(all.iter(), &asked.mesh).map_err(|why| {
            let rotation = Key::of(newest.1);
            Failure::no(format!("RootRotation {rotation}: spec.excluded: {why}"))
        })?;
        let mut listed = newest.1.spec.excluded.clone();
        listed.retain(|one| of(one) != mesh);
        (newest, listed)
    };
    let mut spec = json!({ "excluded": listed });
    if !exclude && gathered.unfinished().is_none() && rotation.1.spec.accept_refusals {
        // The hurry is over: nobody accepted that this mesh's workloads are cut off.
        spec["acceptRefusals"] = json!(false);
    }
    write(session, &asked.asked, key, rotation, &spec, terminal).await
}

fn newest(gathered: &Gathered) -> Result<(u32, &RootRotation), Failure> {
    let none = || Failure::no(format!("virtual mesh {} has no RootRotation", gathered.key));
    gathered.newest().ok_or_else(none)
}

/// The one mesh of this name.
fn named<'a>(all: impl Iterator<Item = &'a Key>, text: &str) -> Result<Key, String> {
    let found: Vec<&Key> =
        all.filter(|mesh| mesh.name == *text || mesh.to_string() == *text).collect();
    match found.as_slice() {
        [mesh] => Ok((*mesh).clone()),
        [] => Err(format!("no mesh {text} is in it")),
        [first, second, ..] => {
            Err(format!("{text} is in it more than once; say which: {first} or {second}"))
        }
    }
}
