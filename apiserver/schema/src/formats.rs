//! Formats of strings and numbers (`k8s.io/kube-openapi/pkg/validation/strfmt`).

mod digits;
mod email;
mod names;
mod network;
mod time;
mod uri;

use crate::schema::Type;
use crate::validate::Types;

/// A format that is checked for its type; others are ignored, as the server does.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    name: String,
    accepts: Option<fn(&str) -> bool>,
}

impl Format {
    /// The format of this name for values of these types.
    pub(crate) fn of(name: &str, types: Types) -> Option<Self> {
        let accepts = match types {
            Types::Any | Types::IntOrString | Types::One(Type::String) => {
                Some(textual(&name.replace('-', ""))?)
            }
            Types::One(Type::Integer) if matches!(name, "int32" | "int64") => None,
            Types::One(Type::Number) if matches!(name, "float" | "double") => None,
            Types::One(_) => return None,
        };
        Some(Self { name: name.to_owned(), accepts })
    }

    /// As the schema names it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Strings are checked.
    pub(crate) fn is_textual(&self) -> bool {
        self.accepts.is_some()
    }

    pub(crate) fn accepts(&self, text: &str) -> bool {
        self.accepts.is_none_or(|accepts| accepts(text))
    }
}

/// Whether a text is of a format, by the format's name; a format that is not known accepts every text.
pub fn is_of_format(name: &str, text: &str) -> bool {
    textual(name).is_none_or(|accepts| accepts(text))
}

fn textual(name: &str) -> Option<fn(&str) -> bool> {
    Some(match name {
        "bsonobjectid" => digits::is_bson_object_id,
        "uri" => uri::is_request_uri,
        "email" => email::is_address,
        "hostname" => names::is_hostname,
        "ipv4" => network::is_ipv4,
        "ipv6" => network::is_ipv6,
        "cidr" => network::is_cidr,
        "mac" => network::is_mac,
        "uuid" => |text| digits::is_uuid(text, None),
        "uuid3" => |text| digits::is_uuid(text, Some('3')),
        "uuid4" => |text| digits::is_uuid(text, Some('4')),
        "uuid5" => |text| digits::is_uuid(text, Some('5')),
        "isbn" => |text| digits::is_isbn10(text) || digits::is_isbn13(text),
        "isbn10" => digits::is_isbn10,
        "isbn13" => digits::is_isbn13,
        "creditcard" => digits::is_credit_card,
        "ssn" => digits::is_social_security_number,
        "hexcolor" => digits::is_hex_color,
        "rgbcolor" => digits::is_rgb_color,
        "byte" => digits::is_base64,
        "password" => |_| true,
        "date" => time::is_date,
        "datetime" => time::is_date_time,
        "duration" => time::is_duration,
        "k8sshortname" => names::is_short_name,
        "k8slongname" => names::is_long_name,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Format, strings in it, strings that are not.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        ("byte", &["YQ==", "YWI=", "YWJj", "+/+/"], &["", "YQ", "YQ=", "Y===", "Y_Q="]),
        (
            "date",
            &["2024-02-29", "0001-01-01"],
            &["2023-02-29", "2024-2-9", "2024-13-01", "2024-01-01T"],
        ),
        (
            "date-time",
            &["2024-01-01T00:00:00Z", "2024-01-01t23:59:59.123+01:00", "2024-01-01T00:00:00z"],
            &[
                "2024-01-01",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00:60Z",
                "2024-01-01T00:00:00",
                "T",
            ],
        ),
        (
            "duration",
            &["1h", "1h30m", "1.5s", "-2ms", "0", "3 days", "1 week", "1.s"],
            &["", "1", "h", "1x", "five"],
        ),
        (
            "uri",
            &["http://a.example/x?y", "/path", "mailto:a", "https://[::1]:8080/", "*"],
            &["", "a/b", "http://a b/", "http://[::1", "http://a:x/", "http://%zz/"],
        ),
        (
            "email",
            &["a@b.example", "A B <a@b>", "\"a b\"@c.example", "<a@b>"],
            &["", "a", "a@", "@b", "a b@c", "a@b c"],
        ),
        ("hostname", &["a", "a.example", "a-b.example", "1a.example"], &["", "-a", "a_b", "a..b"]),
        (
            "ipv4",
            &["10.0.0.1", "010.0.0.1", "::ffff:10.0.0.1"],
            &["10.0.0", "10.0.0.256", "::1", "a"],
        ),
        ("ipv6", &["::1", "2001:db8::1", "::ffff:10.0.0.1"], &["10.0.0.1", "::1%eth0", ":::"]),
        (
            "cidr",
            &["10.0.0.0/8", "2001:db8::/32"],
            &["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/x"],
        ),
        (
            "mac",
            &["01:23:45:67:89:ab", "0123.4567.89ab", "01-23-45-67-89-ab-cd-ef"],
            &["01:23", "01:23:45:67:89:xx"],
        ),
        (
            "uuid",
            &["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
            &["123e4567"],
        ),
        (
            "uuid4",
            &["123e4567-e89b-42d3-a456-426614174000"],
            &["123e4567-e89b-12d3-a456-426614174000"],
        ),
        (
            "uuid3",
            &["123e4567-e89b-32d3-0456-426614174000"],
            &["123e4567-e89b-42d3-a456-426614174000"],
        ),
        ("isbn10", &["0321751043"], &["0321751044"]),
        ("isbn13", &["978-0321751041"], &["978-0321751042"]),
        ("creditcard", &["4111-1111-1111-1111"], &["4111-1111-1111-1112"]),
        ("ssn", &["111-11-1111"], &["111111111"]),
        ("hexcolor", &["#fff", "FFFFFF"], &["#ff", "red"]),
        ("rgbcolor", &["rgb(1, 2, 255)"], &["rgb(1,2,256)"]),
        ("k8s-short-name", &["a-b1"], &["A", "-a", "a.b"]),
        ("k8s-long-name", &["a.b-c"], &["a..b", "A"]),
        ("password", &["", "x"], &[]),
    ];

    #[test]
    fn each_format_accepts_its_strings_and_no_others() {
        for (name, accepted, refused) in CASES {
            let format = Format::of(name, Types::One(Type::String)).unwrap();
            for text in *accepted {
                assert!(format.accepts(text), "{name}: {text:?} is refused");
            }
            for text in *refused {
                assert!(!format.accepts(text), "{name}: {text:?} is accepted");
            }
        }
    }

    #[test]
    fn formats_of_other_types_are_ignored() {
        assert!(Format::of("int32", Types::One(Type::String)).is_none());
        assert!(Format::of("date", Types::One(Type::Integer)).is_none());
        assert!(Format::of("made-up", Types::One(Type::String)).is_none());
        assert_eq!(Format::of("int32", Types::One(Type::Integer)).unwrap().name(), "int32");
    }
}
