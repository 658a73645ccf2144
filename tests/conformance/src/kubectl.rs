//! `kubectl` as a client.

use std::process::Stdio;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::ChildStdout;

use super::call::Call;
use super::session::Session;
use meshroot_testkit::{process, tools, wait};

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Session {
    /// Runs `kubectl` in the case's namespace and records exit code and output. Words are split at
    /// blanks, except within single quotes.
    pub(crate) async fn kubectl(&mut self, line: &str, input: &str) -> Result<Output> {
        let output = self.run_kubectl(line, input).await?;
        self.note_output(line, &output);
        Ok(output)
    }

    /// Runs `kubectl` for preparation: it must succeed.
    pub(crate) async fn kubectl_quiet(&mut self, line: &str, input: &str) -> Result<Output> {
        let output = self.run_kubectl(line, input).await?;
        anyhow::ensure!(
            output.exit == Some(0),
            "kubectl {line}: {}{}",
            output.stdout,
            output.stderr
        );
        Ok(output)
    }

    /// Runs `kubectl`, which must change nothing, until `reached` says that it is enough, and
    /// records the last output.
    pub(crate) async fn kubectl_until(
        &mut self,
        line: &str,
        reached: fn(&Output) -> bool,
    ) -> Result<()> {
        let attempt = async || {
            let output = self.run_kubectl(line, "").await?;
            anyhow::ensure!(reached(&output), "it answers {output:?}");
            Ok(output)
        };
        let output =
            wait::until(&format!("kubectl {line}"), super::session::LIMIT, attempt).await?;
        self.note_output(line, &output);
        Ok(())
    }

    fn note_output(&mut self, line: &str, output: &Output) {
        let yaml = line
            .contains("-o yaml")
            .then(|| serde_saphyr::from_str::<Value>(&output.stdout).ok())
            .flatten();
        let stdout = yaml
            .or_else(|| serde_json::from_str(&output.stdout).ok())
            .unwrap_or_else(|| lines(&output.stdout));
        let came =
            json!({ "exit": output.exit, "stdout": stdout, "stderr": lines(&output.stderr) });
        let asked = format!("kubectl {}", self.fill(line));
        self.note(&asked, &came);
    }

    /// Runs a `kubectl` that does not end by itself and records its lines: one before the first
    /// call, and one after each.
    pub(crate) async fn kubectl_watch(&mut self, line: &str, calls: Vec<Call>) -> Result<()> {
        let mut command = self.kubectl_command(line)?;
        let mut child = command.stdin(Stdio::null()).spawn().context("kubectl does not start")?;
        let output = child.stdout.take().context("kubectl has no output")?;
        let mut output = BufReader::new(output).lines();
        let mut printed = vec![next_line(&mut output).await?];
        for call in calls {
            self.call(call.quiet()).await?;
            printed.push(next_line(&mut output).await?);
        }
        child.kill().await?;
        let asked = format!("kubectl {}", self.fill(line));
        self.note(&asked, &json!({ "printed": lines(&printed.join("\n")) }));
        Ok(())
    }

    fn kubectl_command(&self, line: &str) -> Result<tokio::process::Command> {
        let mut command = tokio::process::Command::from(process::command(tools::path("kubectl")?));
        command
            .arg("--kubeconfig")
            .arg(&self.target.kubeconfig)
            .arg("--cache-dir")
            .arg(self.directory.join("cache"));
        command.args(["--namespace", &self.fill("$ns")]).args(words(&self.fill(line)));
        command
            .env("HOME", self.directory.path())
            .env("TMPDIR", self.directory.path())
            .kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs `kubectl` without recording.
    pub(crate) async fn run_kubectl(&self, line: &str, input: &str) -> Result<Output> {
        let mut command = self.kubectl_command(line)?;
        let mut child = command.spawn().context("kubectl does not start")?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may be gone already.
            let _ = stdin.write_all(self.fill(input).as_bytes()).await;
        }
        let output = tokio::time::timeout(super::session::LIMIT, child.wait_with_output()).await;
        let output = output.with_context(|| format!("kubectl {line}: not within the limit"))??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output {
            exit: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }
}

async fn next_line(output: &mut Lines<BufReader<ChildStdout>>) -> Result<String> {
    let line = tokio::time::timeout(super::session::LIMIT, output.next_line()).await;
    line.context("kubectl prints nothing more")??.context("kubectl ended")
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Lines with one blank between columns and without ages. What kubectl's own watches log (klog's lines begin with a letter,
/// month and day) depends on where they were when its time was over.
fn lines(text: &str) -> Value {
    let logged = Regex::new(r"^[IWEF]\d{4} .* reflector\.go:");
    let is_logged = |line: &&str| logged.as_ref().is_ok_and(|logged| logged.is_match(line));
    let age = Regex::new(r"^(\d+(ms|[smhd]))+$");
    let word = |word: &str| match &age {
        Ok(age) if age.is_match(word) => "<age>".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().filter(|text| !is_logged(text)).map(|text| Value::String(line(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_keep_their_blanks() {
        assert_eq!(
            words("get a -p '{\"a\": 1}' -o json"),
            ["get", "a", "-p", "{\"a\": 1}", "-o", "json"]
        );
    }

    #[test]
    fn ages_and_the_width_of_columns_are_not_compared() {
        assert_eq!(lines("NAME   AGE\na      2m3s\n"), json!(["NAME AGE", "a <age>"]));
    }

    #[test]
    fn what_a_watch_logs_is_not_compared_and_what_is_said_is() {
        let logged = "E1128 18:09:38.576557   10899 reflector.go:227] \"Failed to watch\"\n";
        assert_eq!(lines(&format!("{logged}error: timed out\n")), json!(["error: timed out"]));
    }
}
