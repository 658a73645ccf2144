//! Everything that can be typed.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands;
use crate::global::Global;

/// One root of trust for every service mesh: look, approve, renew, inspect, verify, install, join.
#[derive(Debug, Parser)]
#[command(name = "meshroot", version, propagate_version = false, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// What every subcommand takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The subcommand.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it work: a hub and clusters in this process, from nothing to trust
    Demo(commands::demo::Arguments),
    /// List objects, or one object: who waits for whom, what expires when
    Get(commands::get::Arguments),
    /// Tell everything about one request, virtual mesh or mesh
    Describe(commands::describe::Arguments),
    /// Find what is wrong, or will be: silent agents, late renewals, roots that end
    Check(commands::check::Arguments),
    /// Show who decided and issued what, and check that the records are whole
    Audit(commands::audit::Arguments),
    /// Let the hub sign requests
    Approve(commands::approve::Arguments),
    /// Refuse requests, for good
    Deny(commands::deny::Arguments),
    /// Try approval rules on requests, and on what was decided
    Policy(commands::policy::Arguments),
    /// Ask for new certificates before the old ones expire
    Renew(commands::renew::Arguments),
    /// Replace the root of a virtual mesh, without a refused handshake
    Rotate(commands::rotate::Arguments),
    /// Show who verifies whom, now and after the next step of a rotation
    Trust(commands::trust::Arguments),
    /// Show what a certificate, request or Secret says, without any key
    Inspect(commands::inspect::Arguments),
    /// Judge a certificate chain as the strictest peer of a virtual mesh would
    Verify(commands::verify::Arguments),
    /// Print what the hub needs, for kubectl apply -f -
    Install(commands::install::Arguments),
    /// Let workload clusters take part
    Cluster(commands::cluster::Arguments),
    /// Run a hub with an API of its own on this machine
    Serve(commands::serve::Arguments),
    /// Copy everything of a hub of `meshroot serve` into one file, while it serves
    Backup(commands::backup::Arguments),
    /// Make the data directory of a hub from a backup
    Restore(commands::restore::Arguments),
    /// Print a completion script
    Completion(commands::completion::Arguments),
    /// Print the version
    Version,
}

impl Command {
    /// Whether it runs servers rather than asking some: then it uses all cores.
    pub(crate) fn serves(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Serve(_))
    }
}

/// Reads a command line. The error knows the text to print and whether it is help.
pub(crate) fn parse(
    command_line: impl Iterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let mut command_line = command_line.peekable();
    let plugin = command_line.peek().is_some_and(|program| is_plugin(program));
    let matches = command(plugin).try_get_matches_from(command_line)?;
    Arguments::from_arg_matches(&matches)
}

/// The whole command; `plugin` when it was called by kubectl.
pub(crate) fn command(plugin: bool) -> clap::Command {
    let command = Arguments::command();
    if plugin {
        as_plugin(command.bin_name("kubectl meshroot").display_name("kubectl meshroot"))
    } else {
        command
    }
}

/// kubectl calls its plugins `kubectl-NAME`.
fn is_plugin(program: &OsStr) -> bool {
    Path::new(program)
        .file_stem()
        .is_some_and(|stem| stem == "kubectl-meshroot" || stem == "kubectl_meshroot")
}

/// Examples call the program as the user did.
fn as_plugin(command: clap::Command) -> clap::Command {
    let help = command
        .get_after_help()
        .map(|help| help.to_string().replace("  meshroot ", "  kubectl meshroot "));
    let names: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, as_plugin))
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done; the answer is yes
  1  the answer is no: not found, refused, denied, does not verify, not in time
  2  the command line makes no sense
  3  no answer: the API cannot be reached, or does not allow the question

Examples:
  meshroot demo
  meshroot get vmcsr -A
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot check
  meshroot approve istio-istio-system-east.demo.1 --message CHG-1234
  meshroot install | kubectl --context hub apply -f -
  meshroot cluster join east --hub-context hub --context east
  meshroot serve --data /var/lib/meshroot";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Arguments, clap::Error> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn the_command_is_well_formed() {
        command(false).debug_assert();
        command(true).debug_assert();
    }

    #[test]
    fn the_help_documents_every_exit_code() {
        let help = command(false).render_long_help().to_string();
        for code in ["  0  ", "  1  ", "  2  ", "  3  "] {
            assert!(help.contains(code), "{help}");
        }
    }

    #[test]
    fn as_a_kubectl_plugin_usage_and_examples_call_it_so() {
        let error = parse_words(&["/opt/kubectl-meshroot", "approve", "--help"]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Usage: kubectl meshroot approve"), "{text}");
        assert!(text.contains("  kubectl meshroot approve "), "{text}");
        assert!(!text.contains("\n  meshroot "), "{text}");
    }

    #[test]
    fn every_subcommand_has_an_example() {
        fn walk(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                if sub.has_subcommands() && sub.get_name() == "cluster" {
                    walk(sub);
                    continue;
                }
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains("  meshroot ") || sub.get_name() == "version",
                    "{}",
                    sub.get_name()
                );
            }
        }
        walk(&command(false));
    }

    #[test]
    fn a_namespace_and_all_namespaces_exclude_each_other() {
        let error = parse_words(&["meshroot", "get", "vmcsr", "-A", "-n", "x"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn global_flags_may_stand_after_the_subcommand() {
        let arguments =
            parse_words(&["meshroot", "get", "vmcsr", "-n", "x", "-o", "json", "-v"]).unwrap();
        assert_eq!(arguments.global.namespace.as_deref(), Some("x"));
        assert_eq!(arguments.global.output, crate::output::Format::Json);
        assert!(arguments.global.verbose);
    }
}
