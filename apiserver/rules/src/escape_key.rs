//! `jsonpatch.escapeKey`: a key as a part of the path of a JSON patch.

use cel_language::{Function, Value};

pub(crate) const FUNCTIONS: &[Function] =
    &[Function::global("jsonpatch.escapeKey", "string -> string", |call| {
        Ok(Value::made(escaped(call.text(0)?)))
    })];

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_means_something_in_a_path_is_escaped() {
        assert_eq!(super::escaped("a/b~c~1"), "a~1b~0c~01");
    }
}
