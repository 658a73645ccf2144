//! A manager's name, where the request gives none.

/// Longest name of a field manager, in bytes.
const LONGEST: usize = 128;

/// The name the real server derives from `User-Agent`: the printable characters before the first `/`, at most 128 bytes.
pub fn default_manager(user_agent: &str) -> String {
    let product = user_agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for character in product.chars().filter(|character| is_printable(*character)) {
        if name.len() + character.len_utf8() > LONGEST {
            break;
        }
        name.push(character);
    }
    name
}

/// Go's `unicode.IsPrint`, near enough: letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    let code = u32::from(character);
    let unassigned = matches!(code, 0xE000..=0xF8FF | 0xF0000..=0x0010_FFFF | 0xFFFE..=0xFFFF);
    let format =
        matches!(code, 0xAD | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF);
    !character.is_control() && !character.is_whitespace() && !unassigned && !format
}

#[cfg(test)]
mod tests {
    use super::default_manager;

    #[test]
    fn the_text_before_the_first_slash_names_the_manager() {
        assert_eq!(default_manager("kubectl/v1.37.2 (linux/amd64)"), "kubectl");
        assert_eq!(default_manager("curl"), "curl");
        assert_eq!(default_manager(""), "");
        assert_eq!(default_manager("/v1"), "");
    }

    #[test]
    fn control_characters_are_left_out_and_spaces_are_kept() {
        assert_eq!(default_manager("my\tagent\u{7f} x/1"), "myagent x");
        assert_eq!(default_manager("é\u{200b}a/1"), "éa");
    }

    #[test]
    fn a_name_ends_before_the_character_that_passes_128_bytes() {
        assert_eq!(default_manager(&"a".repeat(300)).len(), 128);
        let name = format!("{}é", "a".repeat(127));
        assert_eq!(default_manager(&name), "a".repeat(127));
    }
}
