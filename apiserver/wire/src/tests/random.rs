//! Random bytes: an answer or an error, always.

use proptest::prelude::*;

use super::{body, bytes};
use crate::decode;
use crate::table::Table;

/// Messages that are likely to be well-formed: nested, with small field numbers.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..24),
        "[a-z{}\\[\\]\":0-9]{0,12}".prop_map(String::into_bytes),
    ];
    leaf.prop_recursive(6, 64, 4, |inner| {
        let field = (1..45_u32, inner).prop_map(|(number, payload)| bytes(number, payload));
        proptest::collection::vec(field, 0..4).prop_map(|fields| fields.concat())
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode(&[b"k8s\0".as_slice(), &bytes].concat());
    }

    #[test]
    fn a_random_message_is_an_object_or_an_error_in_every_kind(message in message()) {
        for (api_version, kind) in Table::kubernetes().kinds() {
            if let Ok(object) = decode(&body(api_version, kind, &message)) {
                prop_assert_eq!(&object["kind"], kind);
            }
        }
    }
}
