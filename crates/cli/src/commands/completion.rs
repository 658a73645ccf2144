//! `meshroot completion`.

use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for a command.
pub(crate) fn run(
    asked: &Arguments,
    command: &mut clap::Command,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, command, "meshroot", &mut script);
    terminal.bytes(&script)
}

const AFTER_HELP: &str = "\
Examples:
  meshroot completion bash > ~/.local/share/bash-completion/completions/meshroot
  meshroot completion zsh > ~/.zfunc/_meshroot
  meshroot completion fish > ~/.config/fish/completions/meshroot.fish";
