//! Tokens of service accounts: JWTs signed with the server's own P-256 key (ES256).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::token_cache::{Remembered, TokenCache};
use crate::token_claims::{Claims, SECRET_ISSUER, SecretClaims};
use crate::token_digest::{TokenDigest, digest_of};
use crate::{Existence, P256Key, TokenError, TokenSpec, VerifiedToken};

/// How long a token holds after its account was deleted, at most.
const EXISTENCE_AGE: SignedDuration = SignedDuration::from_secs(10);

/// A new token.
pub struct IssuedToken {
    /// The token itself: a secret.
    pub token: Zeroizing<String>,
    /// When it ends, in whole seconds.
    pub expires: Timestamp,
}

/// Issues and verifies the tokens of service accounts.
pub struct ServiceAccountTokens {
    issuer: String,
    audiences: Vec<String>,
    key_id: String,
    public_point: Vec<u8>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    cache: TokenCache,
}

impl fmt::Debug for ServiceAccountTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceAccountTokens")
            .field("issuer", &self.issuer)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl ServiceAccountTokens {
    /// Tokens of `issuer`, signed with `key`. The issuer is the one audience of the server.
    pub fn new(issuer: impl Into<String>, key: &P256Key) -> Result<Self, TokenError> {
        let issuer = issuer.into();
        let key_id = URL_SAFE_NO_PAD.encode(
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.public_key_info()?).as_ref(),
        );
        Ok(Self {
            audiences: vec![issuer.clone()],
            issuer,
            key_id,
            public_point: key.public_point().to_vec(),
            encoding: EncodingKey::from_ec_der(&key.pkcs8_der()?),
            decoding: DecodingKey::from_ec_der(key.public_point()),
            validation: signature_only(),
            cache: TokenCache::default(),
        })
    }

    /// The issuer's name (`iss`).
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The audiences of the server itself: what a token is for unless it says.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The public key as a JSON Web Key Set (RFC 7517), as `/openid/v1/jwks` serves it.
    pub fn key_set(&self) -> Value {
        let (x, y) =
            self.public_point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({ "keys": [{
            "use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }] })
    }

    /// A new token. The limits of its lifetime are checked by [`crate::validate_token_request`].
    pub fn issue(&self, spec: &TokenSpec, now: Timestamp) -> Result<IssuedToken, TokenError> {
        let mut claims = Claims::of(spec, &self.issuer, random_uuid()?, now.as_second())?;
        if claims.aud.is_empty() {
            claims.aud.clone_from(&self.audiences);
        }
        let expires = Timestamp::from_second(claims.exp)
            .map_err(|error| TokenError::Claims(error.to_string()))?;
        Ok(IssuedToken { token: self.sign(&claims)?, expires })
    }

    /// A new token for a Secret to hold. It has no end of its own: it is good while the Secret holds it.
    pub fn issue_for_secret(
        &self,
        namespace: &str,
        service_account: &str,
        uid: &str,
        secret: &str,
    ) -> Result<Zeroizing<String>, TokenError> {
        self.sign(&SecretClaims {
            iss: SECRET_ISSUER.to_owned(),
            namespace: namespace.to_owned(),
            secret: secret.to_owned(),
            service_account: service_account.to_owned(),
            uid: uid.to_owned(),
            sub: format!("system:serviceaccount:{namespace}:{service_account}"),
        })
    }

    fn sign(&self, claims: &impl Serialize) -> Result<Zeroizing<String>, TokenError> {
        let header =
            Header { typ: None, kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, claims, &self.encoding);
        token.map(Zeroizing::new).map_err(|_| TokenError::NotSigned)
    }

    /// Checks signature, issuer, audience and time. Whether the account still exists is [`Self::authenticate`]'s matter.
    pub fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        Ok(self.verify_remembering(token, audiences, now)?.1.token)
    }

    /// [`Self::verify`], and the account (and the bound object) exists with the UID that the token says.
    /// Good answers as to existence are kept for 10 seconds; but for a token that a Secret holds, whose only end that is.
    pub fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
        existence: &dyn Existence,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        let (key, remembered) = self.verify_remembering(token, audiences, now)?;
        let fresh = remembered.token.holder.is_none()
            && remembered.existence_checked.is_some_and(|checked| {
                checked <= now && now.duration_since(checked) < EXISTENCE_AGE
            });
        if fresh {
            return Ok(remembered.token);
        }
        if let Err(error) = remembered.token.check_existence(existence) {
            self.cache.forget(&key);
            return Err(error);
        }
        let token = remembered.token;
        self.cache
            .keep(key, Remembered { token: Arc::clone(&token), existence_checked: Some(now) });
        Ok(token)
    }

    fn verify_remembering(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<(TokenDigest, Remembered), TokenError> {
        let key = digest_of(token);
        let remembered = if let Some(remembered) = self.cache.find(&key) {
            remembered
        } else {
            let token = Arc::new(self.check_signature(token)?);
            Remembered { token, existence_checked: None }
        };
        remembered.token.check_audience(audiences)?;
        remembered.token.check_time(now).inspect_err(|_| self.cache.forget(&key))?;
        if remembered.existence_checked.is_none() {
            self.cache.keep(key, remembered.clone());
        }
        Ok((key, remembered))
    }

    fn check_signature(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        match claimed_issuer(token).as_deref() {
            Some(SECRET_ISSUER) => {
                VerifiedToken::of_secret(self.claims(token)?, token, &self.audiences)
            }
            Some(issuer) if issuer == self.issuer => VerifiedToken::of(self.claims(token)?),
            _ => Err(TokenError::Foreign),
        }
    }

    /// What a token says, if the signature is good.
    fn claims<C: DeserializeOwned>(&self, token: &str) -> Result<C, TokenError> {
        let decoded = jsonwebtoken::decode::<C>(token, &self.decoding, &self.validation);
        decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::Json(error) => TokenError::Claims(error.to_string()),
            _ => TokenError::Signature,
        })
    }
}

/// Whose token the text claims to be. Says nothing of the signature.
fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let json = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Issuer>(&json).ok().map(|claims| claims.iss)
}

/// Signature and algorithm alone: times and audiences are checked with the time that the caller gives.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// A random UUID (RFC 9562 version 4).
fn random_uuid() -> Result<String, TokenError> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| TokenError::NoRandomness)?;
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) | (0x4 << 76)) & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests;
