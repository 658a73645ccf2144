//! What rules are tried on: requests with what belongs to them, and cases that somebody wrote.

use jiff::Timestamp;
use meshroot_api::facts::CertificateFacts;
use meshroot_api::names::RequestName;
use meshroot_api::policy::{RuleOutcome, TrustPolicySpec};
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::{
    Facts, IssuanceRecord, Mesh, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::issuance;
use meshroot_core::membership::Key;
use meshroot_core::rules::{Case, Last, facts};
use meshroot_runtime::process::clock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::documents::Document;
use crate::failure::Failure;

/// What rules are tried on.
pub(super) struct Tried {
    pub(super) name: String,
    pub(super) case: Case,
    /// What is to come of it, where somebody says so.
    pub(super) expect: Option<RuleOutcome>,
}

/// The certificate before, in a case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastCertificate {
    #[serde(default)]
    request: String,
    #[serde(flatten)]
    certificate: CertificateFacts,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
}

/// All that the documents have. Of the requests those are tried that have a CSR.
pub(super) fn of(documents: &[Document], policy: &TrustPolicySpec) -> Result<Vec<Tried>, Failure> {
    let objects = Objects::of(documents)?;
    let mut tried = Vec::new();
    for document in documents {
        match document.kind() {
            "VirtualMeshCertificateSigningRequest" => {
                let request: Request = document.read()?;
                if !request.spec.csr_data.0.is_empty() && !objects.is_before(&request) {
                    tried.push(objects.tried(&request, policy)?);
                }
            }
            "" => tried.push(written(document)?),
            _ => {}
        }
    }
    Ok(tried)
}

/// A case that somebody wrote.
fn written(document: &Document) -> Result<Tried, Failure> {
    let mut fields = Fields::of(document)?;
    let expect: Option<RuleOutcome> = fields.take("expect")?;
    let now: Option<Timestamp> = fields.take("now")?;
    let name: Option<String> = fields.take("name")?;
    let last: Option<LastCertificate> = fields.take("last")?;
    let facts = Facts {
        request: fields.take_known("request")?,
        csr: fields.take_known("csr")?,
        certificate: fields.take_known("certificate")?,
        mesh: fields.take_known("mesh")?,
        virtual_mesh: fields.take_known("virtualMesh")?,
    };
    if let Some(unknown) = fields.fields.keys().next() {
        return Err(fields.unknown(unknown));
    }
    let last = last.map(|it| {
        // One that does not say so has not ended.
        let not_before = it.not_before.unwrap_or(Timestamp::UNIX_EPOCH);
        let validity = (not_before, it.not_after.unwrap_or(Timestamp::MAX));
        Last::known(it.request, it.certificate, validity)
    });
    let case = Case::new(&facts, last.as_ref(), now.unwrap_or_else(clock::now));
    let name = name.unwrap_or_else(|| document.place.clone());
    Ok(Tried { name, case, expect })
}

/// The fields of a case that are still to be read.
struct Fields<'a> {
    document: &'a Document,
    fields: Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(document: &'a Document) -> Result<Self, Failure> {
        let fields = document.value.as_object().cloned();
        let fields = fields.ok_or_else(|| {
            Failure::no(format!("{}: it is neither an object nor a case", document.place))
        })?;
        Ok(Self { document, fields })
    }

    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, Failure> {
        let place = format!("{}, field {field}", self.document.place);
        let value = self.fields.remove(field);
        value.map(|value| Document { place, value }.read()).transpose()
    }

    /// A word that is misspelt would make a case that tests something else.
    fn take_known<T>(&mut self, part: &str) -> Result<T, Failure>
    where
        T: DeserializeOwned + Serialize + Default,
    {
        let written = self.fields.get(part).and_then(Value::as_object).cloned();
        let read: T = self.take(part)?.unwrap_or_default();
        let known = serde_json::to_value(&read).unwrap_or_default();
        let mut written = written.into_iter().flatten();
        match written.find(|(field, _)| known.get(field).is_none()) {
            Some((field, _)) => Err(self.unknown(&format!("{part}.{field}"))),
            None => Ok(read),
        }
    }

    fn unknown(&self, what: &str) -> Failure {
        Failure::no(format!("{}: conditions know no {what}", self.document.place))
            .fix("the names that conditions know: docs/approval.md")
    }
}

/// The objects that belong to requests.
#[derive(Default)]
struct Objects {
    meshes: Vec<Mesh>,
    virtual_meshes: Vec<VirtualMesh>,
    records: Vec<IssuanceRecord>,
    requests: Vec<Request>,
}

impl Objects {
    fn of(documents: &[Document]) -> Result<Self, Failure> {
        let mut objects = Self::default();
        for document in documents {
            match document.kind() {
                "Mesh" => objects.meshes.push(document.read()?),
                "VirtualMesh" => objects.virtual_meshes.push(document.read()?),
                "IssuanceRecord" => objects.records.push(document.read()?),
                "VirtualMeshCertificateSigningRequest" => objects.requests.push(document.read()?),
                _ => {}
            }
        }
        Ok(objects)
    }

    /// Whether it is only there as the one before another.
    fn is_before(&self, request: &Request) -> bool {
        let Some(own) = name_of(request) else { return false };
        request.is_answered()
            && self.requests.iter().filter_map(name_of).any(|other| {
                other.generation > own.generation
                    && RequestName { generation: own.generation, ..other } == own
            })
    }

    fn tried(&self, request: &Request, policy: &TrustPolicySpec) -> Result<Tried, Failure> {
        let key = Key::of(request);
        let csr = issuance::read(request)
            .map_err(|refusal| Failure::no(format!("request {key}: {}", refusal.message)))?;
        let own = name_of(request);
        let mesh = self.meshes.iter().find(|mesh| match &own {
            Some(own) => Key::of(*mesh) == Key::new(&key.namespace, &own.mesh),
            None => issuance::matches(request, mesh),
        });
        let of = Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace);
        let virtual_mesh = self.virtual_meshes.iter().find(|mesh| Key::of(*mesh) == of);
        let missing = |what: String| {
            Failure::no(format!("request {key}: {what} is not in the files"))
                .fix(format!("meshroot describe vmcsr {key} -o yaml prints all that belongs to it"))
        };
        let mesh = mesh.ok_or_else(|| missing("its Mesh".to_owned()))?;
        let virtual_mesh = virtual_mesh.ok_or_else(|| missing(format!("VirtualMesh {of}")))?;
        let facts = facts(request, &csr, (mesh, virtual_mesh), policy);
        let last = Last::before(&key, (&Key::of(mesh), &of), placed(self.records.iter()));
        let case = Case::new(&facts, last.as_ref(), clock::now());
        Ok(Tried { name: key.to_string(), case, expect: None })
    }
}

fn name_of(request: &Request) -> Option<RequestName> {
    RequestName::parse(request.metadata.name.as_deref()?)
}

/// Records, each with its namespace.
pub(super) fn placed<'a>(
    records: impl Iterator<Item = &'a IssuanceRecord> + Clone,
) -> impl Iterator<Item = (&'a str, &'a IssuanceRecordSpec)> + Clone {
    records.map(|record| (record.metadata.namespace.as_deref().unwrap_or_default(), &record.spec))
}
