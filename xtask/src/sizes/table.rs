//! Sizes as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::sizes::source::{File, Function, Split};
use crate::sizes::{LONG_FILE, LONG_FUNCTION};

/// A row for each room, for each folder of rooms, and for all; what ships apart from tests.
pub(crate) fn of(files: &[File]) -> String {
    let mut rooms: BTreeMap<String, Vec<&File>> = BTreeMap::new();
    for file in files {
        let room = file.room();
        let folder = room.split('/').next().unwrap_or_default().to_owned();
        if folder != room {
            rooms.entry(format!("{folder}/")).or_default().push(file);
        }
        rooms.entry(room).or_default().push(file);
        rooms.entry("~ all".to_owned()).or_default().push(file);
    }
    let mut text = HEAD.to_owned();
    for (room, files) in &rooms {
        text.push_str(&row(room.trim_start_matches("~ "), files));
    }
    text
}

const HEAD: &str = concat!(
    "                             CODE               TESTS  FILES OVER  FUNCTIONS",
    "    LINES         OVER   CHARACTERS    OVER\n",
    "ROOM                   lines     chars    lines     chars  300  500      number",
    "  median  p90     30   median   p90   900\n",
);

fn row(room: &str, files: &[&File]) -> String {
    let sum = |of: fn(&File) -> Split| {
        files.iter().fold(Split::default(), |sum, file| Split {
            code: sum.code + of(file).code,
            tests: sum.tests + of(file).tests,
        })
    };
    let (lines, characters) = (sum(|file| file.lines), sum(|file| file.characters));
    let over = |limit| files.iter().filter(|file| file.lines.all() > limit).count();
    let functions = || files.iter().flat_map(|file| &file.functions);
    let by_lines = sorted(functions().map(|function| function.lines));
    let by_characters = sorted(functions().map(|function| function.characters));
    let longer = |all: &[usize], limit| all.iter().filter(|one| **one > limit).count();
    format!(
        "{room:<20} {:>7} {:>9}  {:>7} {:>9} {:>4} {:>4}     {:>7}     {:>6} {:>4} {:>6}  {:>6} {:>5} {:>5}\n",
        lines.code,
        characters.code,
        lines.tests,
        characters.tests,
        over(LONG_FILE.0),
        over(LONG_FILE.1),
        by_lines.len(),
        quantile(&by_lines, 50),
        quantile(&by_lines, 90),
        longer(&by_lines, LONG_FUNCTION.0),
        quantile(&by_characters, 50),
        quantile(&by_characters, 90),
        longer(&by_characters, LONG_FUNCTION.1),
    )
}

/// Each function and file over the anchors, longest first.
pub(crate) fn long(files: &[File]) -> String {
    let mut all: Vec<(usize, String)> = Vec::new();
    for file in files {
        if file.lines.all() > LONG_FILE.0 {
            all.push((file.lines.all(), format!("{:>5} lines {}", file.lines.all(), file.name)));
        }
        let long = file.functions.iter().filter(|function| is_long(function));
        all.extend(long.map(|function| (function.lines, entry(file, function))));
    }
    all.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    all.iter().fold(String::new(), |mut text, (_, line)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
        text
    })
}

fn is_long(function: &Function) -> bool {
    function.lines > LONG_FUNCTION.0 || function.characters > LONG_FUNCTION.1
}

fn entry(file: &File, function: &Function) -> String {
    let Function { name, at, lines, characters } = function;
    format!("{lines:>5} lines {characters:>5} characters {}:{at} {name}", file.name)
}

fn sorted(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

/// The smallest of them that `percent` of all do not exceed; 0 of none.
fn quantile(sorted: &[usize], percent: usize) -> usize {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_numbers() {
        for (numbers, percent, expected) in
            [(&[][..], 50, 0), (&[7], 90, 7), (&[1, 2, 3, 4], 50, 2), (&[1, 2, 3, 4], 90, 4)]
        {
            assert_eq!(quantile(numbers, percent), expected, "{percent} % of {numbers:?}");
        }
    }
}
