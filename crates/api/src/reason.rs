//! Reasons: one enum variant each, and the same word in status, event, condition, metric and log.

use crate::shared::State;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $state:ident,)+) => {
        /// Why something is as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, for documentation and tests.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in status, event, condition, metric and log.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it means, for the reference.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The state of the original API that goes with it.
            pub fn state(self) -> State {
                match self { $(Self::$variant => State::$state,)+ }
            }
        }
    };
}

reasons! {
    /// The cluster's agent has not made its key and certificate signing request yet.
    WaitingForAgent => Unknown,
    /// A person or a ticket system has to approve or deny first.
    WaitingForApproval => Unknown,
    /// The certificate was issued.
    Issued => Accepted,
    /// Somebody denied the request. Final.
    Denied => Invalid,
    /// `csrData` is not one well-formed PKCS#10 request of at most 32 KiB.
    CsrMalformed => Invalid,
    /// The request's own signature does not verify.
    CsrSignatureInvalid => Invalid,
    /// The key is too weak, of a kind that meshes refuse, or known to be broken.
    WeakKey => Invalid,
    /// An earlier request in the virtual mesh used this key; a renewal brings a new one.
    KeyReused => Invalid,
    /// The names in the PKCS#10 request are not those of `certConfig.hosts`.
    HostsMismatch => Invalid,
    /// A host is neither the mesh's own identity nor allowed by the TrustPolicy.
    HostNotAllowed => Invalid,
    /// The organization asked for is not the one of the mesh's type.
    OrgNotAllowed => Invalid,
    /// The request's name, or its reference, says another virtual mesh than the other does, or a number far above the others.
    NameMismatch => Invalid,
    /// A host is the identity of another mesh.
    HostOfAnotherMesh => Invalid,
    /// There is no VirtualMesh of that name.
    UnknownVirtualMesh => Invalid,
    /// No mesh of this cluster matches the request.
    UnknownMesh => Invalid,
    /// The mesh is not a member of that virtual mesh.
    NotAMember => Invalid,
    /// Meshes of this type cannot take an intermediate CA.
    UnsupportedMesh => Invalid,
    /// The virtual mesh has no usable root at the moment.
    RootUnavailable => ProcessingError,
    /// The root cannot sign what the policy asks for.
    ProfileImpossible => Invalid,
    /// The mesh had as many certificates as it may have within an hour; this one is issued later.
    BudgetSpent => ProcessingError,
    /// The quota of the cluster's namespace on the hub is full; it goes on once an administrator has raised it.
    QuotaFull => ProcessingError,
    /// The ledger holds an entry for this request that does not fit it.
    RecordMismatch => Conflict,
    /// The ledger had come further than its entries show: some were taken away. It goes on under the next number.
    LedgerCut => Conflict,
    /// The ledger cannot be read: nothing is signed that does not stand in it.
    LedgerUnavailable => ProcessingError,
    /// What the ledger says was to be signed ended before it was signed; the next request takes its place.
    RecordExpired => Conflict,
    /// Since approval was asked for, the policy or the issuer changed; the next request asks anew.
    TermsChanged => Conflict,
    /// It was approved, and nothing says by whom: the hub's admission policies are not in force. The next request asks anew.
    ApproverUnknown => Conflict,
    /// A later request of the mesh has its certificate already.
    Superseded => Conflict,
    /// Signing, or checking what was signed, failed.
    SigningFailed => ProcessingError,
    /// The specification was accepted.
    Valid => Accepted,
    /// A member mesh does not exist.
    MeshMissing => Invalid,
    /// Another virtual mesh has had a member before this one.
    MeshInTwoVirtualMeshes => Conflict,
    /// Limited trust is not supported.
    LimitedTrustUnsupported => Invalid,
    /// Access control is not Meshroot's to enforce.
    AccessControlUnsupported => Invalid,
    /// A field has a value that cannot be worked with.
    SpecInvalid => Invalid,
    /// The root's Secret does not exist.
    RootSecretMissing => Invalid,
    /// The root's Secret is there and cannot be used.
    RootSecretInvalid => Invalid,
    /// The root of an earlier installation was found and somebody has to say whether to use it.
    EarlierRootFound => Conflict,
    /// The virtual mesh had a TrustPolicy and it is gone. Nothing is signed until there is one again.
    PolicyMissing => Conflict,
    /// A root, or the certificate that signs, ends so soon that what is issued ends with it.
    RootEnds => ProcessingError,
    /// A new root was made.
    RootMade => Accepted,
    /// The root of the virtual mesh is being replaced, or was.
    RootReplaced => Unknown,
    /// The replacement of a root cannot go on: somebody has to decide.
    RotationStuck => Conflict,
    /// Members are still without a certificate.
    Issuing => Unknown,
    /// Every member has a certificate; not every control plane was seen to use it yet.
    WaitingForPickup => Unknown,
    /// Every member has a certificate and uses it.
    Ready => Accepted,
    /// The agent made a key and a request.
    Requested => Unknown,
    /// The hub refuses the request that is waited for; the request's own status says why.
    RequestRefused => Invalid,
    /// The request that is waited for cannot be answered at the moment; its own status says why.
    RequestFailing => ProcessingError,
    /// A certificate was issued minutes ago and the mesh does not have it: its agent is silent, or says why.
    NotDelivered => ProcessingError,
    /// The answer does not verify against the key, the roots or what was asked.
    ResponseInvalid => ProcessingError,
    /// The mesh, or its peers, would break on this certificate.
    LintRefused => Invalid,
    /// The Secret belongs to somebody else.
    ForeignSecret => Conflict,
    /// Somebody changed the Secret that the agent wrote for the mesh; what was written is back.
    SecretChanged => Conflict,
    /// Written for the mesh; the control plane has not been seen to use it yet.
    Installed => Unknown,
    /// The mesh has a certificate of another root, whose peers would refuse this one; `adopt` forbids the change.
    RootWouldChange => Conflict,
    /// The mesh had a CA of its own and is taken over in steps, so that no workload of it refuses another one.
    TakingOver => Unknown,
    /// The hub tells what held before something that is installed: it was restored from an old backup.
    HubWentBack => Conflict,
    /// The control plane must be restarted to load its certificate.
    RestartNeeded => Unknown,
    /// The control plane was seen to use the certificate.
    Loaded => Accepted,
    /// A renewal was asked for by a person.
    RenewalAsked => Unknown,
    /// A renewal was asked for because the key in use is believed stolen; what was issued before is revoked.
    KeyCompromised => Unknown,
    /// A certificate was revoked, and its key may still be believed.
    Revoked => Invalid,
    /// A renewal was asked for because the policy changed.
    PolicyChanged => Unknown,
}

impl Reason {
    /// Whether somebody may have to look: neither done nor simply waiting.
    pub fn needs_attention(self) -> bool {
        !matches!(self.state(), State::Accepted | State::Unknown)
    }

    /// The reason of a word, as conditions carry it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
