//! One request of a case, before names are filled in.

use serde_json::Value;

/// A request, who makes it, and what of the answer is compared.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Content,
    pub(crate) caller: Caller,
    pub(crate) record: Record,
    /// Whether a Status is compared without its words.
    pub(crate) wordless: bool,
    pub(crate) saves: Vec<(&'static str, &'static str)>,
    pub(crate) until: Option<Until>,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Nothing,
    /// YAML, in which names are filled in; sent as JSON.
    Yaml(String),
    /// An object that was read and changed.
    Json(Value),
    /// Sent as it is, after names are filled in.
    Text(String),
}

/// Whose credentials a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Administrator,
    Nobody,
    /// A bearer token, in which names are filled in.
    Token(&'static str),
}

/// How much of an answer is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Record {
    Whole,
    Only(&'static [&'static str]),
    /// Nothing; the request must succeed.
    Nothing,
    /// Nothing, and any answer will do.
    Ignored,
}

/// When a request need not be repeated any more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Status(u16),
    Value(&'static str, &'static str),
    Header(&'static str),
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Yaml(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Yaml(text)
    }
}

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// GET.
pub(crate) fn get(path: impl Into<String>) -> Call {
    call("GET", path.into(), Content::Nothing)
}

/// POST of an object.
pub(crate) fn post(path: impl Into<String>, body: impl Into<Content>) -> Call {
    call("POST", path.into(), body.into()).header("content-type", "application/json")
}

/// PUT of an object.
pub(crate) fn put(path: impl Into<String>, body: impl Into<Content>) -> Call {
    call("PUT", path.into(), body.into()).header("content-type", "application/json")
}

/// DELETE without options.
pub(crate) fn delete(path: impl Into<String>) -> Call {
    call("DELETE", path.into(), Content::Nothing)
}

/// DELETE with options in the body.
pub(crate) fn delete_with(path: impl Into<String>, options: impl Into<Content>) -> Call {
    call("DELETE", path.into(), options.into()).header("content-type", "application/json")
}

/// JSON patch.
pub(crate) fn json_patch(path: impl Into<String>, body: impl Into<Content>) -> Call {
    patch(path, "application/json-patch+json", body)
}

/// JSON merge patch.
pub(crate) fn merge_patch(path: impl Into<String>, body: impl Into<Content>) -> Call {
    patch(path, "application/merge-patch+json", body)
}

/// Strategic merge patch.
pub(crate) fn strategic_patch(path: impl Into<String>, body: impl Into<Content>) -> Call {
    patch(path, "application/strategic-merge-patch+json", body)
}

/// Server-side apply.
pub(crate) fn apply(path: impl Into<String>, body: impl Into<Content>) -> Call {
    patch(path, "application/apply-patch+yaml", body)
}

/// Compares each refusal without its messages, see [`Call::wordless`].
pub(crate) fn wordless(calls: Vec<Call>) -> Vec<Call> {
    calls.into_iter().map(Call::wordless).collect()
}

fn patch(path: impl Into<String>, media_type: &str, body: impl Into<Content>) -> Call {
    call("PATCH", path.into(), body.into()).header("content-type", media_type)
}

fn call(method: &'static str, path: String, body: Content) -> Call {
    Call {
        method,
        path,
        headers: Vec::new(),
        body,
        caller: Caller::Administrator,
        record: Record::Whole,
        wordless: false,
        saves: Vec::new(),
        until: None,
    }
}

impl Call {
    /// Sets a header, instead of one of that name.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header beside one of that name.
    pub(crate) fn also(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends this text, whatever the media type says.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.body = Content::Text(text.into());
        self
    }

    /// Sends a bearer token instead of the administrator's.
    pub(crate) fn token(mut self, token: &'static str) -> Self {
        self.caller = Caller::Token(token);
        self
    }

    /// Sends no credentials.
    pub(crate) fn anonymous(mut self) -> Self {
        self.caller = Caller::Nobody;
        self
    }

    /// Acts as a user, with the administrator's right to impersonate.
    pub(crate) fn impersonate(self, user: &str) -> Self {
        self.header("impersonate-user", user)
    }

    /// Compares these places of the body only.
    pub(crate) fn only(mut self, pointers: &'static [&'static str]) -> Self {
        self.record = Record::Only(pointers);
        self
    }

    /// Compares a refusal without its messages, where these are the words of Go's decoders or name
    /// media types of Go alone; status, reason and the fields named in causes remain.
    pub(crate) fn wordless(mut self) -> Self {
        self.wordless = true;
        self
    }

    /// Compares nothing; the request must succeed.
    pub(crate) fn quiet(mut self) -> Self {
        self.record = Record::Nothing;
        self
    }

    /// Compares nothing, whatever the answer is: for a request that only waits.
    pub(crate) fn quiet_any(mut self) -> Self {
        self.record = Record::Ignored;
        self
    }

    /// Gives a value of the answer a name.
    pub(crate) fn save(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.saves.push((name, pointer));
        self
    }

    /// Repeats the request, which must change nothing, until it is answered with this status.
    pub(crate) fn until(mut self, status: u16) -> Self {
        self.until = Some(Until::Status(status));
        self
    }

    /// Repeats the request, which must change nothing, until the answer has this text there.
    pub(crate) fn until_value(mut self, pointer: &'static str, value: &'static str) -> Self {
        self.until = Some(Until::Value(pointer, value));
        self
    }

    /// Repeats the request, which must change nothing, until the answer has this header.
    pub(crate) fn until_header(mut self, name: &'static str) -> Self {
        self.until = Some(Until::Header(name));
        self
    }
}
