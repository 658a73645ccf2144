//! The profile of an intermediate: everything in a certificate that is not the key and the checked identity.

use jiff::SignedDuration;
use meshroot_pki::Fingerprint;

/// A profile as an operator writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileSpec {
    /// Lifetime asked for; cut at the end of the issuer.
    pub lifetime: SignedDuration,
    /// `pathLenConstraint`.
    pub path_len: u8,
}

/// A validated profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    lifetime: SignedDuration,
    path_len: u8,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The lifetime is too short to renew in, or longer than a root's.
    #[error(
        "spec.intermediate.ttl: {hours} hours is outside {} minutes to {} days",
        Profile::SHORTEST.as_secs() / 60,
        Profile::LONGEST.as_hours() / 24
    )]
    Lifetime {
        /// What was asked, in hours.
        hours: i64,
    },
    /// The path length is larger than any mesh needs.
    #[error("spec.intermediate.pathLen: {path_len} is more than {}", Profile::DEEPEST)]
    PathLen {
        /// What was asked.
        path_len: u8,
    },
}

impl Profile {
    /// Shortest lifetime: there must be room to renew.
    pub const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
    /// Longest lifetime: that of a root.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 3650);
    /// Largest path length.
    pub const DEEPEST: u8 = 4;

    /// The lifetime that is asked for.
    pub fn lifetime(&self) -> SignedDuration {
        self.lifetime
    }

    /// That of a cross-certificate, which no operator writes.
    pub(crate) fn of_cross(lifetime: SignedDuration, path_len: u8) -> Self {
        Self { lifetime, path_len }
    }

    /// `pathLenConstraint`.
    pub fn path_len(&self) -> u8 {
        self.path_len
    }

    /// SHA-256 over a canonical text of the profile: the digest that a decision names.
    pub fn fingerprint(&self) -> Fingerprint {
        let text = format!(
            "meshroot intermediate profile v1\nlifetime {}\npathLen {}\nkeyUsage keyCertSign cRLSign\n",
            self.lifetime.as_secs(),
            self.path_len
        );
        Fingerprint::of(text.as_bytes())
    }
}

impl TryFrom<ProfileSpec> for Profile {
    type Error = ProfileError;

    fn try_from(spec: ProfileSpec) -> Result<Self, Self::Error> {
        if spec.lifetime < Self::SHORTEST || spec.lifetime > Self::LONGEST {
            return Err(ProfileError::Lifetime { hours: spec.lifetime.as_hours() });
        }
        if spec.path_len > Self::DEEPEST {
            return Err(ProfileError::PathLen { path_len: spec.path_len });
        }
        Ok(Self { lifetime: spec.lifetime, path_len: spec.path_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(lifetime: SignedDuration, path_len: u8) -> ProfileSpec {
        ProfileSpec { lifetime, path_len }
    }

    #[test]
    fn a_lifetime_at_either_bound_is_accepted_and_one_second_beyond_is_refused() {
        let second = SignedDuration::from_secs(1);
        assert!(Profile::try_from(spec(Profile::SHORTEST, 0)).is_ok());
        assert!(Profile::try_from(spec(Profile::LONGEST, 0)).is_ok());
        assert!(matches!(
            Profile::try_from(spec(Profile::SHORTEST - second, 0)),
            Err(ProfileError::Lifetime { .. })
        ));
        assert!(matches!(
            Profile::try_from(spec(Profile::LONGEST + second, 0)),
            Err(ProfileError::Lifetime { .. })
        ));
    }

    #[test]
    fn a_path_length_beyond_the_deepest_is_refused() {
        assert!(Profile::try_from(spec(Profile::SHORTEST, Profile::DEEPEST)).is_ok());
        let refused = Profile::try_from(spec(Profile::SHORTEST, Profile::DEEPEST + 1));
        assert_eq!(refused, Err(ProfileError::PathLen { path_len: 5 }));
    }

    #[test]
    fn the_digest_of_a_profile_never_changes() {
        let default = Profile::try_from(spec(SignedDuration::from_hours(24 * 90), 0)).unwrap();
        assert_eq!(
            default.fingerprint().to_string(),
            "df6f86b57d514804d10a510a8958d9b8f2313bbabed5f2b0f42135df8020bb52"
        );
    }

    #[test]
    fn the_digest_of_a_profile_changes_with_each_field() {
        let base = Profile::try_from(spec(Profile::SHORTEST, 0)).unwrap();
        let longer = Profile::try_from(spec(Profile::LONGEST, 0)).unwrap();
        let deeper = Profile::try_from(spec(Profile::SHORTEST, 1)).unwrap();
        assert_ne!(base.fingerprint(), longer.fingerprint());
        assert_ne!(base.fingerprint(), deeper.fingerprint());
    }
}
