//! PEM, in two readings.
//!
//! Strict, for what is written to meshes and comes from clusters: blocks and nothing but blocks.
//! istiod, Go and OpenSSL each skip other text in another way, so text around blocks is refused
//! rather than guessed at. Lax, for files of people: RFC 7468 section 2 allows text before and after
//! blocks and blanks at the end of lines, as tools do write them. Both read the same blocks alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::pem::LineEnding;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One decoded block. The content is wiped on drop, because it may be a key.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Why a text is no sequence of PEM blocks. Lines are counted from 1; no content is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The bytes are no text.
    #[error("the PEM is not text (byte {offset} is not UTF-8)")]
    NotText {
        /// Offset of the first such byte.
        offset: usize,
    },
    /// There is no block at all.
    #[error("no PEM block was found")]
    Empty,
    /// There is no block, but the form of the text tells what is wrong.
    #[error("no PEM block was found: {0}")]
    Form(TextForm),
    /// A boundary has the content of its block on the same line, or is indented: OpenSSL and Go find no block there.
    #[error(
        "line {line} holds a BEGIN that is not a line of its own: the line breaks of the file were lost or its lines are indented; restore the file as it was written"
    )]
    Boundary {
        /// The line.
        line: usize,
    },
    /// Something other than a block stands at this line.
    #[error("line {line} is not part of a PEM block; remove comments and other text")]
    Text {
        /// The line.
        line: usize,
    },
    /// The block has no END line, or one with another label.
    #[error("the {label} block that begins at line {line} does not end")]
    Unfinished {
        /// Label of the block.
        label: String,
        /// Line of its BEGIN.
        line: usize,
    },
    /// The block has header lines, as encrypted keys of old OpenSSL do.
    #[error("the {label} block has headers (line {line}), {}", advice(label))]
    Headers {
        /// Label of the block.
        label: String,
        /// Line of the first header.
        line: usize,
    },
    /// The content is not base64.
    #[error("the {label} block that begins at line {line} is not base64")]
    Base64 {
        /// Label of the block.
        label: String,
        /// Line of its BEGIN.
        line: usize,
    },
}

fn advice(label: &str) -> &'static str {
    if label.ends_with("PRIVATE KEY") {
        "as encrypted keys do; decrypt it first"
    } else {
        "which RFC 7468 does not have; remove them and the empty line below"
    }
}

/// What a text without blocks looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextForm {
    /// UTF-16, by its byte order mark.
    #[error("the text is UTF-16; save it as UTF-8 or ASCII")]
    Utf16,
    /// Base64 alone.
    #[error("it is base64 without BEGIN and END lines; decode it first (base64 -d)")]
    Base64,
}

/// Whether `bytes` look like PEM rather than DER.
pub(crate) fn looks_like_pem(bytes: &[u8]) -> bool {
    // DER of everything read here is a SEQUENCE (0x30, the character '0').
    bytes.first() != Some(&0x30)
}

/// Reads all blocks; blank lines may stand between them, and nothing else.
pub(crate) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, PemError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| PemError::NotText { offset: error.valid_up_to() })?;
    let mut lines = text.lines().enumerate();
    let mut blocks = Vec::new();
    while let Some((index, line)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let label = boundary_label(line, BEGIN).ok_or(PemError::Text { line: index + 1 })?;
        blocks.push(read_block(label, index + 1, &mut lines)?);
    }
    if blocks.is_empty() {
        return Err(PemError::Empty);
    }
    Ok(blocks)
}

/// Reads all blocks of a file of people: other text (in any encoding), a byte order mark and blanks
/// at the end of lines are passed over, and a lone carriage return ends a line too.
pub(crate) fn blocks_in_text(bytes: &[u8]) -> Result<Vec<Block>, PemError> {
    let blocks = find_blocks(bytes).blocks;
    if blocks.is_empty() {
        return Err(no_block(bytes));
    }
    blocks.into_iter().collect()
}

/// What a file of people holds, in its order.
pub(crate) struct Found {
    /// The blocks, and what should be one and is not.
    pub(crate) blocks: Vec<Result<Block, PemError>>,
    /// Lines of other text that are not blank.
    pub(crate) other_lines: usize,
}

/// Finds all blocks of a file of people; one that is broken hides no other.
pub(crate) fn find_blocks(bytes: &[u8]) -> Found {
    // Copies of a file that may hold a key are wiped.
    let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines = text_lines(text).enumerate();
    let mut found = Found { blocks: Vec::new(), other_lines: 0 };
    while let Some((index, line)) = lines.next() {
        match boundary_label(line, BEGIN) {
            Some(label) => {
                let block = read_block(label, index + 1, &mut lines);
                if matches!(block, Err(PemError::Headers { .. })) {
                    lines.by_ref().find(|(_, line)| line.starts_with(END));
                }
                found.blocks.push(block);
            }
            None if line.contains(BEGIN) => {
                found.blocks.push(Err(PemError::Boundary { line: index + 1 }));
            }
            None => found.other_lines += usize::from(!line.trim().is_empty()),
        }
    }
    found
}

/// Why a text has no block.
pub(crate) fn no_block(bytes: &[u8]) -> PemError {
    text_form(bytes).map_or(PemError::Empty, PemError::Form)
}

fn text_lines(text: &str) -> impl Iterator<Item = &str> {
    // "\r\n" gives an empty line more, which no reading minds but the count: so it is taken whole.
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
        .map(str::trim_ascii_end)
}

fn text_form(bytes: &[u8]) -> Option<TextForm> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some(TextForm::Utf16);
    }
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let content: Vec<u8> =
        bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    // DER in base64 begins with M: 0x30 and a length.
    (content.len() > 64 && content.starts_with(b"M") && content.iter().all(base64))
        .then_some(TextForm::Base64)
}

/// Writes one block: lines of 64 characters, one line feed at the end.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    // The labels are constants of this crate, so the encoder has nothing to refuse.
    der::pem::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

fn read_block<'a>(
    label: &str,
    line: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Block, PemError> {
    let shown = known_label(label);
    let mut content = Zeroizing::new(String::with_capacity(4096));
    for (index, text) in lines {
        if let Some(end) = boundary_label(text, END) {
            if end != label {
                break;
            }
            return decode(shown, line, &content);
        }
        if text.contains(':') {
            let (label, line) = (shown.to_owned(), index + 1);
            return Err(PemError::Headers { label, line });
        }
        if text.starts_with(DASHES) {
            break;
        }
        push(&mut content, text.trim_ascii());
    }
    let label = shown.to_owned();
    Err(PemError::Unfinished { label, line })
}

/// Appends without leaving an unwiped copy behind when the buffer grows.
fn push(content: &mut Zeroizing<String>, text: &str) {
    if content.len() + text.len() > content.capacity() {
        let mut larger =
            Zeroizing::new(String::with_capacity(2 * (content.capacity() + text.len())));
        larger.push_str(content);
        *content = larger;
    }
    content.push_str(text);
}

fn decode(label: &str, line: usize, content: &str) -> Result<Block, PemError> {
    let mut der = Zeroizing::new(vec![0; content.len() / 4 * 3 + 3]);
    let length = STANDARD
        .decode_slice(content, &mut der)
        .map_err(|_| PemError::Base64 { label: label.to_owned(), line })?;
    der.truncate(length);
    let label = label.to_owned();
    Ok(Block { label, der })
}

/// The label, if tools write such a one; whatever else stands there may be content, and is not repeated.
fn known_label(label: &str) -> &str {
    const WORDS: &[&str] = &[
        "ANY",
        "ATTRIBUTE",
        "CERTIFICATE",
        "CMS",
        "CRL",
        "DH",
        "DSA",
        "EC",
        "ENCRYPTED",
        "KEY",
        "MESSAGE",
        "NEW",
        "OPENSSH",
        "PARAMETERS",
        "PGP",
        "PKCS7",
        "PRIVATE",
        "PUBLIC",
        "REQUEST",
        "RSA",
        "TRUSTED",
        "X509",
    ];
    if label.split(' ').all(|word| WORDS.contains(&word)) { label } else { "non-standard" }
}

fn boundary_label<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let label = line.strip_prefix(start)?.strip_suffix(DASHES)?;
    // RFC 7468 allows more; whatever tools write is of capitals, digits and blanks.
    let known = |byte: u8| byte == b' ' || byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (label.len() <= 64 && label.bytes().all(known)).then_some(label)
}
