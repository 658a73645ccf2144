//! What a program says with `--help`, taken apart.

/// Names of the subcommands, without `help`.
pub(super) fn subcommands(help: &str) -> Vec<String> {
    let named = section(help, "Commands:").into_iter().filter(|line| line.starts_with("  "));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Whether it does nothing but hand on to a subcommand.
pub(super) fn only_hands_on(help: &str) -> bool {
    let usage: Vec<_> = help.lines().filter(|line| line.starts_with("Usage:")).collect();
    usage.iter().all(|line| line.ends_with(" <COMMAND>")) && !help.contains("\nArguments:\n")
}

/// The lines under a heading, without blank ones at the end.
pub(super) fn section<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().map(str::trim_end);
    let under = lines.skip_while(|line| *line != heading).skip(1);
    let mut lines: Vec<_> = under.take_while(|line| !begins_section(line)).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// All of it but what every subcommand says: the global options and `--help`.
pub(super) fn own(help: &str) -> String {
    let mut text = String::new();
    let mut left_out = false;
    for line in help.lines() {
        if begins_section(line) {
            left_out = line == GLOBAL || (line == OPTIONS && holds_nothing_else(help));
        } else if begins_option(line) && !within_global(help, line) {
            left_out = line.trim_start().starts_with("-h, --help");
        }
        if !left_out {
            text.extend([line.trim_end(), "\n"]);
        }
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.trim_end().to_owned()
}

/// Whether the program has no option but `--help`.
fn holds_nothing_else(help: &str) -> bool {
    section(help, OPTIONS).iter().filter(|line| begins_option(line)).count() == 1
}

fn within_global(help: &str, line: &str) -> bool {
    section(help, GLOBAL).contains(&line)
}

fn begins_section(line: &str) -> bool {
    line.starts_with(|first: char| !first.is_whitespace())
}

/// `  -n, --name` or `      --name`; values that are listed stand further in.
fn begins_option(line: &str) -> bool {
    let indent = line.len() - line.trim_start().len();
    matches!(indent, 2 | 6) && line.trim_start().starts_with('-')
}

/// Heading of the options that every subcommand takes.
pub(super) const GLOBAL: &str = "Global options:";
const OPTIONS: &str = "Options:";

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
List objects

Usage: meshroot get [OPTIONS] [KIND]
       meshroot get <COMMAND>

Commands:
  one   The first
  help  Print this message

Arguments:
  [KIND]
          vm

Options:
  -w, --watch
          Follow

  -h, --help
          Print help (see a summary with '-h')

Global options:
  -n, --namespace <NAMESPACE>
          Namespace

          [default: x]

Examples:
  meshroot get
";

    #[test]
    fn what_every_subcommand_says_is_left_out() {
        let expected = "\
List objects

Usage: meshroot get [OPTIONS] [KIND]
       meshroot get <COMMAND>

Commands:
  one   The first
  help  Print this message

Arguments:
  [KIND]
          vm

Options:
  -w, --watch
          Follow

Examples:
  meshroot get";
        assert_eq!(own(HELP), expected);
    }

    #[test]
    fn options_without_any_of_its_own_are_left_out_whole() {
        let help = "Usage: x\n\nOptions:\n  -h, --help\n          Print help\n\nExamples:\n  x\n";
        assert_eq!(own(help), "Usage: x\n\nExamples:\n  x");
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let expected =
            ["  -n, --namespace <NAMESPACE>", "          Namespace", "", "          [default: x]"];
        assert_eq!(section(HELP, GLOBAL), expected);
        assert_eq!(subcommands(HELP), ["one"]);
    }

    #[test]
    fn a_command_with_arguments_does_more_than_hand_on() {
        assert!(!only_hands_on(HELP));
        assert!(only_hands_on("x\n\nUsage: meshroot cluster [OPTIONS] <COMMAND>\n"));
    }
}
