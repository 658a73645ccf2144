//! The built program, run as a user would.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    /// Asserts success and returns standard output.
    #[track_caller]
    pub(crate) fn yes(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Asserts this exit code and returns standard error.
    #[track_caller]
    pub(crate) fn no(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        self.err
    }
}

/// Asserts that a text has all of these.
#[track_caller]
pub(crate) fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// The command without a kubeconfig of its own.
pub(crate) fn command(kubeconfig: Option<&Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshroot"));
    command.args(arguments).env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    command
}

pub(crate) fn run(kubeconfig: Option<&Path>, arguments: &[&str]) -> Answer {
    answer(&mut command(kubeconfig, arguments), b"")
}

pub(crate) fn run_with_input(
    kubeconfig: Option<&Path>,
    arguments: &[&str],
    input: &[u8],
) -> Answer {
    answer(&mut command(kubeconfig, arguments), input)
}

pub(crate) fn answer(command: &mut Command, input: &[u8]) -> Answer {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read its input closes it.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}
