#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::RefCell;

use apiserver_object::CREDENTIAL_ID;

use super::*;
use crate::{BoundObject, SecretToken};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

#[derive(Default)]
struct State {
    account: RefCell<Option<String>>,
    secret: RefCell<Option<String>>,
    held: RefCell<Option<SecretToken>>,
}

impl Existence for State {
    fn service_account_uid(&self, namespace: &str, name: &str) -> Option<String> {
        assert_eq!((namespace, name), ("default", "builder"));
        self.account.borrow().clone()
    }

    fn object_uid(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        assert_eq!((kind, namespace, name), ("Secret", "default", "bound"));
        self.secret.borrow().clone()
    }

    fn secret_token(&self, namespace: &str, name: &str) -> Option<SecretToken> {
        assert_eq!((namespace, name), ("default", "holder"));
        self.held.borrow().clone()
    }
}

fn state(account: &str) -> State {
    State { account: RefCell::new(Some(account.to_owned())), ..State::default() }
}

fn tokens() -> ServiceAccountTokens {
    ServiceAccountTokens::new(ISSUER, &P256Key::generate().unwrap()).unwrap()
}

fn spec() -> TokenSpec {
    TokenSpec {
        namespace: "default".to_owned(),
        service_account: "builder".to_owned(),
        uid: "uid-1".to_owned(),
        audiences: Vec::new(),
        seconds: 3600,
        bound_object: None,
    }
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn the_claims_have_the_layout_of_the_real_server() {
    let tokens = tokens();
    let issued = tokens.issue(&spec(), moment(0)).unwrap();
    let mut claims = part(&issued.token, 1);
    let jti = claims["jti"].take();
    assert_eq!(jti.as_str().unwrap().len(), 36);
    assert_eq!(&jti.as_str().unwrap()[14..15], "4");
    assert_eq!(
        claims,
        json!({
            "aud": [ISSUER], "exp": 1_800_003_600, "iat": 1_800_000_000, "iss": ISSUER, "jti": null,
            "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "builder", "uid": "uid-1"}},
            "nbf": 1_800_000_000, "sub": "system:serviceaccount:default:builder",
        })
    );
    let header = part(&issued.token, 0);
    assert_eq!(header, json!({"alg": "ES256", "kid": tokens.key_id}));
    assert_eq!(tokens.key_set()["keys"][0]["kid"], header["kid"]);
}

#[test]
fn a_token_speaks_for_its_service_account() {
    let tokens = tokens();
    let issued = tokens.issue(&spec(), moment(0)).unwrap();
    let verified =
        tokens.authenticate(&issued.token, tokens.audiences(), moment(1), &state("uid-1")).unwrap();
    assert_eq!(verified.user.name, "system:serviceaccount:default:builder");
    assert_eq!(verified.user.uid, "uid-1");
    let jti = part(&issued.token, 1)["jti"].as_str().unwrap().to_owned();
    assert_eq!(verified.user.extra[CREDENTIAL_ID], [format!("JTI={jti}")]);
}

#[test]
fn a_token_is_refused_outside_its_time_with_a_minute_of_leeway() {
    let tokens = tokens();
    let token = tokens.issue(&spec(), moment(0)).unwrap().token;
    let at = |second| tokens.verify(&token, tokens.audiences(), moment(second)).map(drop);
    assert_eq!(at(-61), Err(TokenError::NotYetValid));
    assert_eq!(at(-60), Ok(()));
    assert_eq!(at(3660), Ok(()));
    assert_eq!(at(3661), Err(TokenError::Expired));
}

#[test]
fn a_token_for_another_audience_is_refused_although_it_is_remembered() {
    let tokens = tokens();
    let token = tokens
        .issue(
            &TokenSpec { audiences: vec!["vault".to_owned(), "x".to_owned()], ..spec() },
            moment(0),
        )
        .unwrap()
        .token;
    tokens.verify(&token, &["vault".to_owned()], moment(0)).unwrap();
    let error = tokens.verify(&token, tokens.audiences(), moment(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "token audiences [\"vault\" \"x\"] is invalid for the target audiences [{ISSUER:?}]"
        )
    );
}

#[test]
fn a_forged_token_is_refused() {
    let (tokens, other) = (tokens(), tokens());
    let token = other.issue(&spec(), moment(0)).unwrap().token;
    let refused = |token: &str| tokens.verify(token, tokens.audiences(), moment(0)).unwrap_err();
    assert_eq!(refused(&token), TokenError::Signature);
    assert_eq!(refused("a.b.c"), TokenError::Foreign);
    assert_eq!(refused(""), TokenError::Foreign);
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        token.split('.').nth(1).unwrap()
    );
    assert!(matches!(refused(&unsigned), TokenError::Claims(_)));
    let own = tokens.issue(&spec(), moment(0)).unwrap().token;
    let (signed, signature) = own.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(part(&own, 1).to_string().replace("builder", "admin"));
    let changed = format!("{}.{claims}.{signature}", signed.split('.').next().unwrap());
    assert_eq!(refused(&changed), TokenError::Signature);
}

#[test]
fn a_token_ends_with_its_account_at_most_ten_seconds_later() {
    let tokens = tokens();
    let token = tokens.issue(&spec(), moment(0)).unwrap().token;
    let state = state("uid-1");
    let at =
        |second| tokens.authenticate(&token, tokens.audiences(), moment(second), &state).map(drop);
    assert_eq!(at(0), Ok(()));
    state.account.replace(None);
    assert_eq!(at(9), Ok(()));
    assert_eq!(at(10), Err(TokenError::ServiceAccountGone { name: "builder".to_owned() }));
    state.account.replace(Some("uid-2".to_owned()));
    assert_eq!(
        at(10).unwrap_err().to_string(),
        "service account UID (uid-2) does not match claim (uid-1)"
    );
    state.account.replace(Some("uid-1".to_owned()));
    assert_eq!(at(10), Ok(()));
}

#[test]
fn a_token_ends_with_the_object_that_it_is_bound_to() {
    let tokens = tokens();
    let bound =
        BoundObject { kind: "Secret".to_owned(), name: "bound".to_owned(), uid: "s-1".to_owned() };
    let token =
        tokens.issue(&TokenSpec { bound_object: Some(bound), ..spec() }, moment(0)).unwrap().token;
    assert_eq!(part(&token, 1)["kubernetes.io"]["secret"], json!({"name": "bound", "uid": "s-1"}));
    let state = state("uid-1");
    let at =
        |second| tokens.authenticate(&token, tokens.audiences(), moment(second), &state).map(drop);
    assert_eq!(at(0), Err(TokenError::BoundObjectGone));
    state.secret.replace(Some("s-2".to_owned()));
    let message = "secret UID (s-2) does not match service account secret ref claim (s-1)";
    assert_eq!(at(0).unwrap_err().to_string(), message);
    state.secret.replace(Some("s-1".to_owned()));
    assert_eq!(at(0), Ok(()));
}

fn for_secret(tokens: &ServiceAccountTokens) -> Zeroizing<String> {
    tokens.issue_for_secret("default", "builder", "uid-1", "holder").unwrap()
}

#[test]
fn a_token_for_a_secret_has_the_claims_of_the_real_controller() {
    let token = for_secret(&tokens());
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:builder",
            "kubernetes.io/serviceaccount/namespace": "default",
            "kubernetes.io/serviceaccount/secret.name": "holder",
            "kubernetes.io/serviceaccount/service-account.name": "builder",
            "kubernetes.io/serviceaccount/service-account.uid": "uid-1",
        })
    );
}

#[test]
fn a_token_in_a_secret_is_good_at_any_time_while_the_secret_holds_it() {
    let tokens = tokens();
    let (token, another) = (for_secret(&tokens), for_secret(&tokens));
    let state = state("uid-1");
    let at =
        |second| tokens.authenticate(&token, tokens.audiences(), moment(second), &state).map(drop);
    let holds = |token: &str, invalid| {
        state.held.replace(Some(SecretToken::new(token.as_bytes(), invalid)));
    };
    assert_eq!(at(0), Err(TokenError::SecretGone));
    holds(&token, false);
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(-1_000_000_000), Ok(()));
    assert_eq!(at(4_000_000_000), Ok(()));
    holds(&another, false);
    assert_eq!(at(0), Err(TokenError::SecretHoldsAnother));
    holds("", false);
    assert_eq!(at(0), Err(TokenError::SecretHoldsAnother));
    holds(&token, true);
    assert!(at(0).unwrap_err().to_string().contains("has been marked invalid"));
    holds(&token, false);
    state.account.replace(Some("uid-2".to_owned()));
    assert!(matches!(at(0), Err(TokenError::ServiceAccountReplaced { .. })));
    state.account.replace(None);
    assert!(matches!(at(0), Err(TokenError::ServiceAccountGone { .. })));
    state.account.replace(Some("uid-1".to_owned()));
    let vault = ["vault".to_owned()];
    let elsewhere = tokens.authenticate(&token, &vault, moment(0), &state).unwrap_err();
    assert!(matches!(elsewhere, TokenError::Audience { .. }));
    let verified = tokens.authenticate(&token, tokens.audiences(), moment(0), &state).unwrap();
    assert_eq!(verified.user.name, "system:serviceaccount:default:builder");
    assert!(verified.user.extra.is_empty());
}

#[test]
fn a_forged_token_of_a_secret_is_refused() {
    let (tokens, other) = (tokens(), tokens());
    let refused = |token: &str| tokens.verify(token, tokens.audiences(), moment(0)).unwrap_err();
    assert_eq!(refused(&for_secret(&other)), TokenError::Signature);
    let own = for_secret(&tokens);
    let (signed, signature) = own.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(part(&own, 1).to_string().replace("builder", "admin"));
    let changed = format!("{}.{claims}.{signature}", signed.split('.').next().unwrap());
    assert_eq!(refused(&changed), TokenError::Signature);
    // A token is what its issuer makes it: one kind does not pass for the other.
    let issued = tokens.issue(&spec(), moment(0)).unwrap().token;
    for (token, issuer) in [(&own, ISSUER), (&issued, "kubernetes/serviceaccount")] {
        let mut claims = part(token, 1);
        claims["iss"] = issuer.into();
        assert!(matches!(refused(&tokens.sign(&claims).unwrap()), TokenError::Claims(_)));
    }
}

#[test]
fn an_object_of_another_kind_can_not_be_bound() {
    let bound =
        BoundObject { kind: "ConfigMap".to_owned(), name: "x".to_owned(), uid: "x".to_owned() };
    let error = tokens()
        .issue(&TokenSpec { bound_object: Some(bound), ..spec() }, moment(0))
        .err()
        .unwrap();
    assert_eq!(error, TokenError::Unbindable("ConfigMap".to_owned()));
}

#[test]
fn the_same_key_verifies_after_a_restart() {
    let key = P256Key::generate().unwrap();
    let token =
        ServiceAccountTokens::new(ISSUER, &key).unwrap().issue(&spec(), moment(0)).unwrap().token;
    let again = P256Key::from_pkcs8_pem(&key.pkcs8_pem().unwrap()).unwrap();
    let tokens = ServiceAccountTokens::new(ISSUER, &again).unwrap();
    assert!(tokens.verify(&token, tokens.audiences(), moment(0)).is_ok());
}
