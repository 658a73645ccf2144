//! What is said of a Secret `cacerts` that somebody else wrote.

use k8s_openapi::ByteString;
use meshroot_core::meshes::ControlPlane;
use meshroot_core::meshes::istio::cacerts::{Data, PLUG_IN, TLS, foreign, layout};
use meshroot_pki::Certificate;
use x509_cert::ext::pkix::KeyUsages;

use crate::x509::{Template, basic_constraints, key_usage, leaf_key, name, now, root_key};

fn root() -> Certificate {
    Template::root().sign(root_key())
}

fn intermediate() -> Certificate {
    Template::intermediate().sign(root_key())
}

fn data(files: &[(&str, &str)]) -> Data {
    let file =
        |(key, text): &(&str, &str)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()));
    files.iter().map(file).collect()
}

fn plug_in(certificate: &str) -> Data {
    let root = root().to_pem();
    data(&[
        ("ca-cert.pem", certificate),
        ("ca-key.pem", "a key"),
        ("cert-chain.pem", certificate),
        ("root-cert.pem", &root),
    ])
}

fn tls(certificate: &str) -> Data {
    let root = root().to_pem();
    data(&[("tls.crt", certificate), ("tls.key", "a key"), ("ca.crt", &root)])
}

fn said(data: &Data, roots: &[Certificate]) -> String {
    let place = ControlPlane {
        mesh: "a".into(),
        namespace: "istio-system".into(),
        deployment: "istiod".into(),
        secret: "cacerts",
        may_restart: false,
    };
    foreign(&place, data, roots, now()).to_string()
}

#[test]
fn istiod_takes_tls_crt_whatever_is_beside_it_and_else_any_of_its_own_four() {
    let both: Data = plug_in("a").into_iter().chain(tls("b")).collect();
    assert_eq!(layout(&both), Some(TLS));
    assert_eq!(layout(&data(&[("tls.crt", "")])).unwrap().missing(&tls("b")), [""; 0]);
    assert_eq!(layout(&data(&[("tls.crt", "")])).unwrap().missing(&plug_in("a")).len(), 3);
    for key in PLUG_IN.keys() {
        assert_eq!(layout(&data(&[(key, "")])), Some(PLUG_IN), "{key}");
    }
    assert_eq!(layout(&data(&[("tls.key", ""), ("ca.crt", ""), ("note", "")])), None);
}

#[test]
fn of_either_layout_it_is_said_whose_ca_it_holds_and_what_adopting_changes() {
    let pem = intermediate().to_pem();
    let mut other = Template::new(&name("other"), &name("other"), leaf_key());
    other.extensions = Template::root().extensions;
    let other = [other.sign(leaf_key())];
    for data in [plug_in(&pem), tls(&pem)] {
        let own = said(&data, &[root()]);
        assert!(own.contains("holds CA CN=intermediate"), "{own}");
        assert!(own.contains("adopting it changes the intermediate only"), "{own}");
        let foreign = said(&data, &other);
        assert!(foreign.contains("adopting it changes the mesh's root"), "{foreign}");
        assert!(!foreign.contains("missing"), "{foreign}");
    }
    let both: Data = plug_in(&root().to_pem()).into_iter().chain(tls(&pem)).collect();
    let said = said(&both, &[root()]);
    assert!(
        said.contains("CN=intermediate") && said.contains("in tls.crt, which istiod"),
        "{said}"
    );
}

#[test]
fn what_istiod_does_not_start_with_is_said() {
    let pem = intermediate().to_pem();
    for key in PLUG_IN.keys() {
        let mut partial = plug_in(&pem);
        partial.remove(key);
        let said = said(&partial, &[root()]);
        assert!(said.contains(&format!("{key} is missing")), "{said}");
    }
    let mut stray = plug_in(&pem);
    stray.insert("tls.crt".into(), ByteString(pem.into_bytes()));
    let said = said(&stray, &[root()]);
    assert!(said.contains("tls.key, ca.crt is missing"), "{said}");
}

#[test]
fn text_around_blocks_does_not_hide_a_ca_and_a_leaf_is_none() {
    let pem = intermediate().to_pem();
    let commented = said(&plug_in(&format!("# made by hand\n{pem}")), &[root()]);
    assert!(commented.contains("holds CA CN=intermediate"), "{commented}");
    let mut leaf = Template::intermediate();
    leaf.with(basic_constraints(false, None));
    leaf.with(key_usage(KeyUsages::DigitalSignature.into()));
    let leaf = said(&tls(&leaf.sign(root_key()).to_pem()), &[root()]);
    assert!(leaf.contains("holds non-CA certificate CN=intermediate"), "{leaf}");
    let junk = said(&plug_in("junk"), &[root()]);
    assert!(junk.contains("a CA that istiod cannot load: ca-cert.pem"), "{junk}");
    assert!(said(&data(&[("note", "mine")]), &[root()]).contains("no Istio CA"));
}
