//! The names that a condition may use, and their types.

use std::sync::LazyLock;

use cel_language::{Environment, Functions, Type, library};

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(&library::ALL));

static GLOBALS: LazyLock<Vec<(&'static str, Type)>> = LazyLock::new(globals);

/// What a condition is compiled in.
pub(super) fn environment() -> Environment {
    Environment { globals: GLOBALS.clone(), functions: &FUNCTIONS, messages: Vec::new() }
}

/// Names and types, by position.
pub(super) fn types() -> &'static [(&'static str, Type)] {
    &GLOBALS
}

/// Everything that a condition may name, for documentation: `now`, `request.number`.
pub fn vocabulary() -> Vec<String> {
    let of = |(name, kind): &(&str, Type)| match kind {
        Type::Object(object) => object.keys().map(|field| format!("{name}.{field}")).collect(),
        _ => vec![(*name).to_owned()],
    };
    types().iter().flat_map(of).collect()
}

fn globals() -> Vec<(&'static str, Type)> {
    let text = || Type::String;
    let texts = || Type::list(Type::String);
    let labels = || Type::map(Type::String, Type::String);
    let request = [
        ("name", text()),
        ("namespace", text()),
        ("number", Type::Int),
        ("created", Type::Timestamp),
        ("reason", text()),
        ("keyBroughtBy", text()),
    ];
    let csr = [("sha256", text()), ("subject", text()), ("hosts", texts()), ("keySha256", text())];
    let certificate = [
        ("hosts", texts()),
        ("organization", text()),
        ("key", text()),
        ("lifetime", Type::Duration),
        ("pathLen", Type::Int),
    ];
    let last = [("request", text()), ("notBefore", Type::Timestamp), ("notAfter", Type::Timestamp)];
    let mesh = [
        ("name", text()),
        ("namespace", text()),
        ("cluster", text()),
        ("type", text()),
        ("installationNamespace", text()),
        ("version", text()),
        ("trustDomain", text()),
        ("labels", labels()),
    ];
    let virtual_mesh = [("name", text()), ("namespace", text()), ("labels", labels())];
    vec![
        ("request", Type::object("meshroot.Request", &request)),
        ("csr", Type::object("meshroot.CertificateRequest", &csr)),
        ("certificate", Type::object("meshroot.Certificate", &certificate)),
        ("mesh", Type::object("meshroot.Mesh", &mesh)),
        ("virtualMesh", Type::object("meshroot.VirtualMesh", &virtual_mesh)),
        ("last", Type::object("meshroot.LastCertificate", &[&certificate[..], &last[..]].concat())),
        ("renewal", Type::Bool),
        ("changes", texts()),
        ("hostsAdded", texts()),
        ("hostsRemoved", texts()),
        ("now", Type::Timestamp),
    ]
}
