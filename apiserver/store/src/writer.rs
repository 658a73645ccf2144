//! The thread that writes.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    batch::{self, Answer, Batch, Request, Verdict},
    failure::Failure,
    log::Log,
    options::Options,
    state::Shared,
    write::{Change, WriteError},
};

/// How often a store whose file failed tries to use it again, when no write asks for it.
const RETRY: Duration = Duration::from_secs(1);

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A write, with its place in the queue.
    Write(Box<Request>, OwnedSemaphorePermit),
    /// The end. The answer comes once the file is closed.
    Close(oneshot::Sender<()>),
}

/// The writer. It alone changes the state.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// None for a store in memory.
    log: Option<Log>,
    options: Options,
    /// The failure that has not been recovered from.
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    failure: Failure,
    /// The batch that may be durable or not.
    unsettled: Option<Batch>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, log: Option<Log>, options: Options) -> Self {
        Self { shared, log, options, trouble: None }
    }

    /// Writes until it is told to close or nobody is left who could ask.
    pub(crate) fn run(mut self, queue: &Receiver<Message>) {
        let closed = loop {
            let first = match self.trouble {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(_) => queue.recv_timeout(RETRY),
            };
            match first {
                Ok(Message::Write(request, place)) => {
                    drop(place);
                    let (requests, close) = self.gather(*request, queue);
                    self.serve(requests);
                    if let Some(closed) = close {
                        break Some(closed);
                    }
                }
                Ok(Message::Close(closed)) => break Some(closed),
                Err(RecvTimeoutError::Timeout) => drop(self.settle()),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        self.close();
        drop(self);
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    }

    /// All that waits, up to the limits of a batch. It does not wait for more.
    fn gather(
        &self,
        first: Request,
        queue: &Receiver<Message>,
    ) -> (Vec<Request>, Option<oneshot::Sender<()>>) {
        let mut bytes = size(&first);
        let mut requests = vec![first];
        while requests.len() < self.options.batch_writes && bytes < self.options.batch_bytes {
            match queue.try_recv() {
                Ok(Message::Write(request, place)) => {
                    drop(place);
                    bytes += size(&request);
                    requests.push(*request);
                }
                Ok(Message::Close(closed)) => return (requests, Some(closed)),
                Err(_) => break,
            }
        }
        (requests, None)
    }

    fn serve(&mut self, requests: Vec<Request>) {
        if let Err(failure) = self.settle() {
            for request in requests {
                let _ = request.answer.send(Err(failure.error("")));
            }
            return;
        }
        let (batch, answers) = batch::plan(&self.shared.read(), requests, &self.options);
        let result = if batch.events.is_empty() { Ok(()) } else { self.commit(batch) };
        for (answer, verdict) in answers {
            reply(answer, verdict, &result);
        }
    }

    /// Makes the batch durable and publishes it.
    fn commit(&mut self, batch: Batch) -> Result<(), WriteError> {
        let Some(log) = &mut self.log else {
            self.publish(&batch);
            return Ok(());
        };
        let Err(failure) = log.commit(&batch) else {
            self.publish(&batch);
            return Ok(());
        };
        tracing::error!(failure = failure.detail, "a commit failed");
        self.trouble = Some(Trouble { failure: failure.clone(), unsettled: Some(batch) });
        let before = self.shared.read().revision;
        match self.settle() {
            Ok(()) if self.shared.read().revision > before => Ok(()),
            Ok(()) => Err(failure.error("")),
            Err(_) => Err(failure
                .error("; whether the change is durable is open until the file can be read again")),
        }
    }

    /// Recovers from the failure, if there is one: finds out whether the unsettled batch is in the log, and publishes
    /// it if it is.
    fn settle(&mut self) -> Result<(), Failure> {
        let (Some(trouble), Some(log)) = (&mut self.trouble, &mut self.log) else { return Ok(()) };
        let newest = log.recover().inspect_err(|failure| trouble.failure = failure.clone())?;
        let first = trouble
            .unsettled
            .as_ref()
            .and_then(|batch| batch.events.first())
            .map(|event| event.revision());
        if first.is_none_or(|first| newest < first) {
            self.trouble = None;
            return Ok(());
        }
        if let Some(batch) = self.trouble.take().and_then(|trouble| trouble.unsettled) {
            self.publish(&batch);
        }
        Ok(())
    }

    fn publish(&self, batch: &Batch) {
        let changed = batch.publish(&mut self.shared.write());
        for changes in changed {
            changes.send_replace(());
        }
    }

    fn close(&mut self) {
        if let Err(failure) = self.log.as_mut().map_or(Ok(()), Log::close) {
            tracing::warn!(
                failure = failure.detail,
                "the store's file was not closed cleanly; it is checked at the next start"
            );
        }
        self.log = None;
    }
}

impl Drop for Writer {
    /// However the thread ends, the watches learn of it.
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn size(request: &Request) -> usize {
    match &request.write.change {
        Change::Put(value) | Change::Delete(value) => value.len(),
    }
}

fn reply(answer: Answer, verdict: Verdict, result: &Result<(), WriteError>) {
    // A caller that is gone does not wait for the answer; the change is made nonetheless.
    let _ = answer.send(match (verdict, result) {
        (Verdict::Made(object), Ok(())) => Ok(object),
        (
            Verdict::Made(_)
            | Verdict::Conflict { settled: false, .. }
            | Verdict::Crowded { settled: false, .. },
            Err(error),
        ) => Err(error.clone()),
        (Verdict::Crowded { count, .. }, _) => Err(WriteError::Crowded { count }),
        (Verdict::Conflict { current, .. }, _) => Err(WriteError::Conflict { current }),
    });
}

impl Failure {
    fn error(&self, note: &str) -> WriteError {
        let detail = format!("{}{note}", self.detail);
        if self.full { WriteError::Full { detail } } else { WriteError::Storage { detail } }
    }
}
