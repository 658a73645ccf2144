//! Who may approve on every virtual mesh, and wants to do more than that, or as somebody else.

use meshroot_api::names::ASKED_ANNOTATION;
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{
    Call, apply, apply_status, create, delete, json_patch, merge, on_status, read, replace, status,
};
use crate::objects::{
    EAST, SYSTEM, approval, approved, asked, asks, by_hub, claim, decision, demo, mesh_trust,
    not_asked, object, plain, record, request, under_review, whole,
};
use crate::setup::Who::{Approver, Second};

#[tokio::test]
async fn an_approver_decides_once_under_their_own_name_on_what_was_asked() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        certificates(),
        states(),
        early(),
        alone(),
        finals(),
        words(),
        names(),
        reach(),
        facts(),
        dropped(),
        controls(),
    ];
    groups.into_iter().flatten().collect()
}

fn forced(name: &str, status: &Value) -> Call {
    apply_status(&request(EAST, name), status)
}

fn certificates() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let mut both = decision("APPROVED", "");
    both["response"] = json!({ "caCertificate": "Q0E=" });
    let root = json!({ "response": { "rootCertificate": "Q0E=" } });
    let whole = replace(&of("writes.3"), json!({ "status": both }));
    let answered = "status.response is written by the hub only";
    vec![
        refused(
            "an approver writes the certificate with the approval",
            Approver,
            status(&of("writes.1"), both),
            answered,
        )
        .after(under_review("writes.1")),
        refused(
            "an approver writes a root that is to be trusted",
            Approver,
            status(&of("writes.2"), root),
            answered,
        )
        .after(under_review("writes.2")),
        refused(
            "an approver writes the certificate in a whole status",
            Approver,
            on_status(&of("writes.3"), whole),
            answered,
        )
        .after(under_review("writes.3")),
    ]
}

fn states() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let state = json!({ "computedStatus": { "state": "ACCEPTED", "message": "issued" } });
    let said = "status.computedStatus is written by the hub only";
    vec![
        refused(
            "an approver says what the hub makes of a request",
            Approver,
            status(&of("writes.4"), state.clone()),
            said,
        )
        .after(under_review("writes.4")),
        refused(
            "an approver takes that over by a forced apply",
            Approver,
            forced("writes.5", &state),
            said,
        )
        .after(under_review("writes.5")),
    ]
}

fn early() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let decides = |name: &str, word: &str| status(&of(name), decision(word, "CHG-1"));
    let not_yet = "the hub has not asked anybody to approve this request yet";
    let none = "there is no spec.csrData to decide on yet";
    let mut with_mark = asks("{}");
    with_mark["status"] = decision("APPROVED", "");
    let marked = on_status(&of("early.2"), merge(&of("early.2"), with_mark));
    let operation = json!([{ "op": "add", "path": "/status", "value": decision("APPROVED", "") }]);
    let patched = on_status(&of("early.3"), json_patch(&of("early.3"), operation));
    let applied = forced("early.4", &decision("APPROVED", ""));
    let rows = [
        ("approves what the hub has not asked", "early.1", decides("early.1", "APPROVED")),
        ("has asked themself", "early.2", marked),
        ("approves by JSON patch what the hub has not asked", "early.3", patched),
        ("approves by a forced apply what the hub has not asked", "early.4", applied),
    ];
    let row = |(what, name, call)| {
        refused(format!("an approver {what}"), Approver, call, not_yet).after(not_asked(name))
    };
    let without = [("approves", "early.5", "APPROVED"), ("denies", "early.6", "DENIED")];
    let without = without.map(|(does, name, word)| {
        let sentence = format!("an approver {does} what has no CSR");
        refused(sentence, Approver, decides(name, word), none).after(by_hub(&of(name)))
    });
    rows.into_iter().map(row).chain(without).collect()
}

fn alone() -> Vec<Attempt> {
    let several = "several people must approve this request, each with a RequestApproval";
    let approves = status(&request(EAST, "early.7"), decision("APPROVED", "CHG-1"));
    let applied = forced("early.8", &decision("APPROVED", ""));
    let rows = [("", "early.7", approves), (" by a forced apply", "early.8", applied)];
    let row = |(how, name, call)| {
        let sentence = format!("an approver decides alone where two are asked{how}");
        refused(sentence, Approver, call, several).after(asked(name, "{\"approvals\":2}"))
    };
    rows.into_iter().map(row).collect()
}

fn finals() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let mine = decision("APPROVED", "approved by system:serviceaccount:people:second: CHG-1");
    let time = json!({ "thirdPartyApproval": { "lastUpdatedTime": "2020-01-01T00:00:00Z" } });
    let gone = json!({ "thirdPartyApproval": null });
    let writes = |name: &str, decision: Value| status(&of(name), decision);
    let rows = [
        ("an approver takes an approval back", "final.1", decision("PENDING", "")),
        ("an approver takes a decision out of the status", "final.2", gone),
        ("an approver denies what is approved", "final.3", decision("DENIED", "no")),
        ("an approver gives another reason afterwards", "final.6", decision("APPROVED", "CHG-2")),
        ("an approver has decided years ago", "final.7", time),
    ];
    let rows = rows.map(|(what, name, status)| (what, name, Approver, writes(name, status)));
    let seconds = [
        ("a second approver claims a decision", "final.4", Second, writes("final.4", mine.clone())),
        (
            "a second approver claims it by a forced apply",
            "final.5",
            Second,
            forced("final.5", &mine),
        ),
    ];
    let row = |(what, name, who, call)| {
        refused(what, who, call, "is final once it is APPROVED or DENIED").after(approved(name))
    };
    rows.into_iter().chain(seconds).map(row).collect()
}

fn words() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let place = "status.thirdPartyApproval.approvalStatus";
    let word = |word: Value| json!({ "thirdPartyApproval": { "approvalStatus": word } });
    let long = decision("DENIED", &"m".repeat(4097));
    vec![
        refused(
            "an approver decides in small letters",
            Approver,
            status(&of("words.1"), word(json!("approved"))),
            place,
        )
        .after(under_review("words.1")),
        refused(
            "an approver decides by a number",
            Approver,
            status(&of("words.2"), word(json!(1))),
            place,
        )
        .after(under_review("words.2")),
        refused(
            "an approver tells a story",
            Approver,
            status(&of("words.4"), long),
            "status.thirdPartyApproval.message",
        )
        .after(under_review("words.4")),
    ]
}

fn names() -> Vec<Attempt> {
    let as_user = |name: &str, user: &str| {
        let mut approval = approval(EAST, name, &demo());
        approval["spec"]["user"] = json!(user);
        create(&approval)
    };
    let own = "spec.user is the name of whoever creates the RequestApproval";
    let second = "system:serviceaccount:people:second";
    let again = approval(EAST, "votes.2", &demo());
    let given = vec![(Approver, create(&again))];
    vec![
        refused("an approver votes for another", Approver, as_user("votes.1", second), own),
        refused(
            "an approver votes twice under one name",
            Approver,
            create(&again),
            "already exists",
        )
        .after(given),
        no_right(
            "an approver is taken for another",
            Approver,
            as_user("votes.3", second).pretending(second, "system:serviceaccounts"),
        ),
        no_right(
            "an approver changes an approval",
            Approver,
            merge(&again, json!({ "spec": { "sha256": "cd".repeat(32) } })),
        ),
        no_right("an approver applies an approval over another's", Approver, apply(&again)),
    ]
}

fn reach() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    vec![
        no_right(
            "an approver brings a key of their own",
            Approver,
            create(&whole(EAST, "reach.1", &demo())),
        ),
        no_right(
            "an approver decides through the request itself",
            Approver,
            merge(&of("reach.2"), json!({ "status": decision("APPROVED", "") })),
        )
        .after(under_review("reach.2")),
        no_right(
            "an approver says what people are asked",
            Approver,
            merge(&of("reach.2"), asks("{}")),
        ),
        no_right("an approver deletes a request", Approver, delete(&of("reach.2"))),
    ]
}

fn facts() -> Vec<Attempt> {
    let policy = object(
        "TrustPolicy",
        "meshes",
        "approvers",
        &json!({ "virtualMeshRef": { "name": "approvers" } }),
    );
    vec![
        no_right("an approver writes a record", Approver, create(&record(EAST, "reach.3"))),
        no_right("an approver deletes a record", Approver, delete(&record(EAST, "reach.4")))
            .after(by_hub(&record(EAST, "reach.4"))),
        no_right("an approver reads how far a ledger has come", Approver, read(&claim())),
        no_right(
            "an approver writes how far a ledger has come",
            Approver,
            create(&plain("ConfigMap", SYSTEM, "meshroot-ledger.reach")),
        ),
        no_right("an approver makes a policy that asks nobody", Approver, create(&policy)),
        no_right(
            "an approver tells a mesh what to trust",
            Approver,
            merge(&mesh_trust(EAST, "reach"), json!({ "spec": { "trustAnchors": "x" } })),
        )
        .after(by_hub(&mesh_trust(EAST, "reach"))),
    ]
}

fn controls() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let approves = |name: &str, said: &str| status(&of(name), decision("APPROVED", said));
    let of_another = "approved by system:serviceaccount:people:second: CHG-1";
    let message = "/status/thirdPartyApproval/message";
    let denies = status(&of("good.12"), decision("DENIED", "no"));
    let votes = create(&approval(EAST, "good.14", &demo()));
    vec![
        allowed("an approver approves under their name", Approver, approves("good.10", "CHG-1"))
            .after(under_review("good.10"))
            .leaving(message, json!(format!("approved by {NAME}: CHG-1"))),
        allowed(
            "what is said as another is said as oneself",
            Approver,
            approves("good.11", of_another),
        )
        .after(under_review("good.11"))
        .leaving(message, json!(format!("approved by {NAME}: {of_another}"))),
        allowed("an approver denies", Approver, denies).after(not_asked("good.12")),
        allowed("an approver votes under their name", Approver, votes)
            .leaving("/spec/user", json!(NAME)),
    ]
}

fn dropped() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let none = json!({ "thirdPartyApproval": { "approvalStatus": null } });
    let none = json!([{ "op": "add", "path": "/status", "value": none }]);
    let null = on_status(&of("good.15"), json_patch(&of("good.15"), none));
    let mut marked = asks("{\"pathLen\":4}");
    marked["status"] = decision("APPROVED", "");
    let marked = on_status(&of("good.13"), merge(&of("good.13"), marked));
    vec![
        allowed("what an approver writes beside the status is dropped", Approver, marked)
            .after(under_review("good.13"))
            .leaving("/metadata/annotations", json!({ ASKED_ANNOTATION: "{}" })),
        allowed("a decision that is null is none", Approver, null)
            .after(under_review("good.15"))
            .leaving("/status/thirdPartyApproval/approvalStatus", Value::Null),
    ]
}

const NAME: &str = "system:serviceaccount:people:approver";
