//! Health: what probes and load balancers ask.

use serde_json::{Value, json};

use crate::call::get;
use crate::case::Case;

pub(super) const CASES: &[Case] = &[
    Case::calls("healthz, livez and readyz answer ok", || {
        vec![get("/healthz"), get("/livez"), get("/readyz")]
    }),
    Case::calls("health and version are there for anyone", || {
        vec![
            get("/healthz").anonymous(),
            get("/livez").anonymous(),
            get("/readyz").anonymous(),
            get("/version").anonymous().only(&["/major"]),
        ]
    }),
    Case::calls("one check can be asked for", || {
        vec![get("/livez/ping"), get("/readyz/ping"), get("/readyz/nothing")]
    }),
    Case::steps("a verbose answer ends with a verdict", |s| {
        Box::pin(async move {
            for path in ["/livez?verbose", "/readyz?verbose"] {
                let answer = s.ask(&get(path)).await?;
                let text = answer.body.as_str().unwrap_or_default();
                let came = json!({ "status": answer.status, "ping": text.contains("[+]ping ok"), "last": text.lines().last() });
                s.note(path, &came);
            }
            Ok(())
        })
    }),
    Case::steps("metrics need a right", |s| {
        Box::pin(async move {
            let answer = s.ask(&get("/metrics").anonymous()).await?;
            s.note("/metrics of nobody", &json!({ "status": answer.status, "body": answer.body }));
            let answer = s.ask(&get("/metrics")).await?;
            s.note("/metrics", &json!({ "status": answer.status, "text": matches!(answer.body, Value::String(_)) }));
            Ok(())
        })
    }),
];
