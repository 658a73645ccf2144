//! What is validated below `allOf`, `anyOf`, `oneOf` and `not` is also declared outside of them.

use apiserver_object::{Fault, FieldError};

use super::node::Node;

/// Checks the root: every validated field and item has a counterpart.
pub(super) fn check(root: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    check_value(root, Some(root), path, path, errors);
}

/// `declared` is the counterpart at `path`; `written` is where the validation is.
fn check_value(
    node: Node<'_>,
    declared: Option<Node<'_>>,
    path: &str,
    written: &str,
    errors: &mut Vec<FieldError>,
) {
    if let Some(not) = node.node("not") {
        check_nested(not, declared, path, &format!("{written}.not"), errors);
    }
    for junction in ["allOf", "anyOf", "oneOf"] {
        for (index, below) in node.nodes(junction) {
            check_nested(below, declared, path, &format!("{written}.{junction}[{index}]"), errors);
        }
    }
}

fn check_nested(
    node: Node<'_>,
    declared: Option<Node<'_>>,
    path: &str,
    written: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(declared) = declared else {
        errors.push(FieldError::new(
            Fault::Required,
            path,
            format!("because it is defined in {written}"),
        ));
        return;
    };
    check_value(node, Some(declared), path, written, errors);
    if let Some(items) = node.node("items") {
        check_nested(
            items,
            declared.node("items"),
            &format!("{path}.items"),
            &format!("{written}.items"),
            errors,
        );
    }
    for (name, property) in node.named("properties") {
        let (path, written) =
            (format!("{path}.properties[{name}]"), format!("{written}.properties[{name}]"));
        check_nested(property, declared.property(name), &path, &written, errors);
    }
}
