//! The `.proto` files have the fields, numbers and words of the original API.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind};

use crate::messages::{POOL, messages};

/// Message, field, number, JSON name, type.
const FIELDS: &str = "
core.zephyr.solo.io.ResourceRef name 1 name string
core.zephyr.solo.io.ResourceRef namespace 2 namespace string
core.zephyr.solo.io.ResourceRef cluster 3 cluster string
core.zephyr.solo.io.Status state 1 state enum:core.zephyr.solo.io.Status.State
core.zephyr.solo.io.Status message 2 message string

security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec csr_data 1 csrData bytes
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec cert_config 2 certConfig security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec.CertConfig
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec virtual_mesh_ref 3 virtualMeshRef core.zephyr.solo.io.ResourceRef
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec.CertConfig hosts 2 hosts repeated:string
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec.CertConfig org 3 org string
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestSpec.CertConfig mesh_type 5 meshType enum:core.zephyr.solo.io.MeshType
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus response 1 response security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.Response
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus third_party_approval 2 thirdPartyApproval security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus computed_status 3 computedStatus core.zephyr.solo.io.Status
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.Response ca_certificate 1 caCertificate bytes
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.Response root_certificate 2 rootCertificate bytes
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow last_updated_time 2 lastUpdatedTime google.protobuf.Timestamp
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow message 3 message string
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow approval_status 4 approvalStatus enum:security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow.ApprovalStatus

networking.zephyr.solo.io.VirtualMeshSpec display_name 1 displayName string
networking.zephyr.solo.io.VirtualMeshSpec meshes 2 meshes repeated:core.zephyr.solo.io.ResourceRef
networking.zephyr.solo.io.VirtualMeshSpec certificate_authority 3 certificateAuthority networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority
networking.zephyr.solo.io.VirtualMeshSpec federation 4 federation networking.zephyr.solo.io.VirtualMeshSpec.Federation
networking.zephyr.solo.io.VirtualMeshSpec shared 5 shared networking.zephyr.solo.io.VirtualMeshSpec.SharedTrust
networking.zephyr.solo.io.VirtualMeshSpec limited 6 limited networking.zephyr.solo.io.VirtualMeshSpec.LimitedTrust
networking.zephyr.solo.io.VirtualMeshSpec enforce_access_control 7 enforceAccessControl bool
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority builtin 1 builtin networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Builtin
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority provided 2 provided networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Provided
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Builtin ttl_days 1 ttlDays uint32
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Builtin rsa_key_size_bytes 2 rsaKeySizeBytes uint32
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Builtin org_name 3 orgName string
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority.Provided certificate 1 certificate core.zephyr.solo.io.ResourceRef
networking.zephyr.solo.io.VirtualMeshSpec.Federation mode 1 mode enum:networking.zephyr.solo.io.VirtualMeshSpec.Federation.Mode
networking.zephyr.solo.io.VirtualMeshStatus federation_status 1 federationStatus core.zephyr.solo.io.Status
networking.zephyr.solo.io.VirtualMeshStatus certificate_status 2 certificateStatus core.zephyr.solo.io.Status
networking.zephyr.solo.io.VirtualMeshStatus config_status 3 configStatus core.zephyr.solo.io.Status
networking.zephyr.solo.io.VirtualMeshStatus access_control_enforcement_status 4 accessControlEnforcementStatus core.zephyr.solo.io.Status

discovery.zephyr.solo.io.MeshSpec istio 1 istio discovery.zephyr.solo.io.MeshSpec.IstioMesh
discovery.zephyr.solo.io.MeshSpec aws_app_mesh 2 awsAppMesh discovery.zephyr.solo.io.MeshSpec.AwsAppMesh
discovery.zephyr.solo.io.MeshSpec linkerd 3 linkerd discovery.zephyr.solo.io.MeshSpec.LinkerdMesh
discovery.zephyr.solo.io.MeshSpec consul_connect 4 consulConnect discovery.zephyr.solo.io.MeshSpec.ConsulConnectMesh
discovery.zephyr.solo.io.MeshSpec cluster 5 cluster core.zephyr.solo.io.ResourceRef
discovery.zephyr.solo.io.MeshSpec.MeshInstallation installation_namespace 1 installationNamespace string
discovery.zephyr.solo.io.MeshSpec.MeshInstallation version 2 version string
discovery.zephyr.solo.io.MeshSpec.IstioMesh installation 1 installation discovery.zephyr.solo.io.MeshSpec.MeshInstallation
discovery.zephyr.solo.io.MeshSpec.IstioMesh citadel_info 2 citadelInfo discovery.zephyr.solo.io.MeshSpec.IstioMesh.CitadelInfo
discovery.zephyr.solo.io.MeshSpec.IstioMesh.CitadelInfo trust_domain 1 trustDomain string
discovery.zephyr.solo.io.MeshSpec.IstioMesh.CitadelInfo citadel_namespace 2 citadelNamespace string
discovery.zephyr.solo.io.MeshSpec.IstioMesh.CitadelInfo citadel_service_account 3 citadelServiceAccount string
discovery.zephyr.solo.io.MeshSpec.AwsAppMesh name 1 name string
discovery.zephyr.solo.io.MeshSpec.AwsAppMesh region 2 region string
discovery.zephyr.solo.io.MeshSpec.AwsAppMesh aws_account_id 3 awsAccountId string
discovery.zephyr.solo.io.MeshSpec.AwsAppMesh clusters 4 clusters repeated:string
discovery.zephyr.solo.io.MeshSpec.LinkerdMesh installation 1 installation discovery.zephyr.solo.io.MeshSpec.MeshInstallation
discovery.zephyr.solo.io.MeshSpec.LinkerdMesh cluster_domain 2 clusterDomain string
discovery.zephyr.solo.io.MeshSpec.ConsulConnectMesh installation 1 installation discovery.zephyr.solo.io.MeshSpec.MeshInstallation
discovery.zephyr.solo.io.KubernetesClusterSpec secret_ref 1 secretRef core.zephyr.solo.io.ResourceRef
discovery.zephyr.solo.io.KubernetesClusterSpec context 2 context string
discovery.zephyr.solo.io.KubernetesClusterSpec version 3 version string
discovery.zephyr.solo.io.KubernetesClusterSpec cloud 4 cloud string
discovery.zephyr.solo.io.KubernetesClusterSpec write_namespace 5 writeNamespace string
";

/// Enum, word, number.
const WORDS: &str = "
core.zephyr.solo.io.MeshType ISTIO 0
core.zephyr.solo.io.MeshType APPMESH 1
core.zephyr.solo.io.MeshType CONSUL 2
core.zephyr.solo.io.MeshType LINKERD 3
core.zephyr.solo.io.Status.State UNKNOWN 0
core.zephyr.solo.io.Status.State ACCEPTED 1
core.zephyr.solo.io.Status.State INVALID 2
core.zephyr.solo.io.Status.State PROCESSING_ERROR 3
core.zephyr.solo.io.Status.State CONFLICT 4
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow.ApprovalStatus PENDING 0
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow.ApprovalStatus APPROVED 1
security.zephyr.solo.io.VirtualMeshCertificateSigningRequestStatus.ThirdPartyApprovalWorkflow.ApprovalStatus DENIED 2
networking.zephyr.solo.io.VirtualMeshSpec.Federation.Mode PERMISSIVE 0
";

/// Fields of which one at most is set.
const ONE_OF: &str = "
networking.zephyr.solo.io.VirtualMeshSpec shared limited
networking.zephyr.solo.io.VirtualMeshSpec.CertificateAuthority builtin provided
discovery.zephyr.solo.io.MeshSpec istio aws_app_mesh linkerd consul_connect
";

#[test]
fn each_message_has_the_fields_of_the_original_and_no_others() {
    let fields = messages()
        .flat_map(|message| message.fields().map(|field| line(&field)).collect::<Vec<_>>());
    assert_same_lines(FIELDS, fields);
}

#[test]
fn each_enum_has_the_words_of_the_original_and_no_others() {
    let enums = POOL.all_enums().filter(|word| word.package_name().ends_with(".zephyr.solo.io"));
    let words = enums.flat_map(|word| {
        let values = word
            .values()
            .map(|value| format!("{} {} {}", word.full_name(), value.name(), value.number()));
        values.collect::<Vec<_>>()
    });
    assert_same_lines(WORDS, words);
}

#[test]
fn of_the_same_fields_as_in_the_original_one_at_most_is_set() {
    let groups = messages().flat_map(|message| {
        let group = |oneof: prost_reflect::OneofDescriptor| {
            let fields: Vec<_> = oneof.fields().map(|field| field.name().to_owned()).collect();
            format!("{} {}", message.full_name(), fields.join(" "))
        };
        message.oneofs().map(group).collect::<Vec<_>>()
    });
    assert_same_lines(ONE_OF, groups);
}

fn line(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(word) => format!("enum:{}", word.full_name()),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let kind = if field.is_list() { format!("repeated:{kind}") } else { kind };
    let message = field.parent_message().full_name().to_owned();
    format!("{message} {} {} {} {kind}", field.name(), field.number(), field.json_name())
}

#[track_caller]
fn assert_same_lines(expected: &str, found: impl Iterator<Item = String>) {
    let expected: BTreeSet<_> =
        expected.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let found: BTreeSet<_> = found.collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing: {missing:#?}\nsurplus: {surplus:#?}"
    );
}
