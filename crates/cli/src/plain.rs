//! Text that a terminal may be shown.

use std::borrow::Cow;

/// `text` without what a terminal would obey or hide: control characters, changes of direction, invisible
/// characters. A cluster that may be hostile wrote it.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().flat_map(|character| match character {
        '\n' | '\t' | '\r' => vec![' '],
        character if is_unsafe(character) => character.escape_unicode().collect(),
        character => vec![character],
    });
    Cow::Owned(shown.collect())
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_never_told_what_to_do() {
        assert_eq!(plain("waiting for east"), "waiting for east");
        assert_eq!(plain("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(plain("APPROVED\u{202e}DENIED"), "APPROVED\\u{202e}DENIED");
        assert_eq!(plain("two\nlines\tand a tab"), "two lines and a tab");
    }
}
