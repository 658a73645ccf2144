#!/usr/bin/env python3
"""Checks the chain of issuance records in an export: a second reading of docs/audit.md, which shares no code with Meshroot.

    meshroot audit export | python3 verify_ledger.py [CHECKPOINT...]

Prints one line for each record that is not what it should be, and exits with 1 where there is one.
"""

import hashlib
import json
import sys

VERDICTS = {"Approved": "APPROVED", "Denied": "DENIED", "Revoked": "REVOKED"}
CLAIM = "meshroot-ledger."


def present(source, *fields):
    """Those of the fields, in this order, that are there and not empty."""
    return {field: source[field] for field in fields if source.get(field) not in (None, "")}


def seconds(time):
    """Without a fraction."""
    head, point, _ = time.partition(".")
    return head + "Z" if point else time


def digest(spec):
    """SHA-256 of the canonical text of a record."""
    decision, prepared = spec["decision"], spec.get("prepared")
    text = {
        "request": {"name": spec["request"]["name"], "uid": spec["request"]["uid"]},
        "virtualMeshRef": present(spec["virtualMeshRef"], "name", "namespace", "cluster"),
        "csrSha256": spec["csrSha256"],
        "publicKeySha256": spec["publicKeySha256"],
        "decision": {
            "verdict": VERDICTS.get(decision["verdict"], decision["verdict"]),
            "by": decision["by"],
            **present(decision, "message"),
            "time": seconds(decision["time"]),
        },
    }
    people = decision.get("people") or []
    if people:
        text["decision"]["people"] = [
            {"user": it["user"], **present(it, "message"), "time": seconds(it["time"])} for it in people
        ]
    text["decision"].update(present(decision, "askedSha256"))
    if prepared is not None:
        text["prepared"] = {
            "serial": prepared["serial"],
            "tbsSha256": prepared["tbsSha256"],
            "issuerSha256": prepared["issuerSha256"],
            "notBefore": seconds(prepared["notBefore"]),
            "notAfter": seconds(prepared["notAfter"]),
            "profileSha256": prepared["profileSha256"],
        }
    text.update(present(spec, "facts"))
    text["sequence"] = spec["sequence"]
    text.update(present(spec, "previousSha256"))
    text["fence"] = spec["fence"]
    written = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
    if people or decision.get("askedSha256") or spec.get("facts"):
        written = "meshroot record v2\n" + written
    return hashlib.sha256(written.encode()).hexdigest()


def faults(name_and_spec, anchors):
    """What is wrong with the ledger of one namespace; anchors are pairs of number and digest."""
    records = sorted(name_and_spec, key=lambda record: record[1]["sequence"])
    expected, before = 1, [""]
    for name, spec in records:
        number = spec["sequence"]
        if name != spec["request"]["name"]:
            yield f"{name} is about {spec['request']['name']}"
        if number != expected:
            yield f"{name} has number {number}, and not {expected}"
        elif spec.get("previousSha256", "") not in before:
            yield f"{name} does not follow the record before it"
        before, expected = [digest(spec)], number + 1
    digests = {spec["sequence"]: digest(spec) for _, spec in records}
    for number, known in anchors:
        if number and digests.get(number) != known:
            yield f"number {number} is not the record with digest {known}"


def main():
    ledgers, anchors = {}, {}
    for item in json.load(sys.stdin)["items"]:
        meta = item["metadata"]
        if item["kind"] == "IssuanceRecord":
            ledgers.setdefault(meta["namespace"], []).append((meta["name"], item["spec"]))
        elif item["kind"] == "ConfigMap" and meta["name"].startswith(CLAIM):
            entry = json.loads(item["data"]["entry"])
            claim = (entry["sequence"], digest(entry))
            anchors.setdefault(meta["name"][len(CLAIM) :], []).append(claim)
    for file in sys.argv[1:]:
        with open(file, encoding="utf-8") as checkpoint:
            for point in json.load(checkpoint)["ledgers"]:
                known = (point["sequence"], point["sha256"])
                anchors.setdefault(point["namespace"], []).append(known)
    found = False
    for namespace in sorted(ledgers.keys() | anchors.keys()):
        for fault in faults(ledgers.get(namespace, []), anchors.get(namespace, [])):
            print(f"{namespace}: {fault}")
            found = True
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
