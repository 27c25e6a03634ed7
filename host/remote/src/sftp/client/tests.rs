use super::*;
use crate::sftp::failure;
use futures::FutureExt;
use hostler_model::ErrorKind;

/// A client, and what would carry its bytes.
fn client() -> (Client, mpsc::UnboundedReceiver<Unsent>) {
    let (queue, unsent) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(MAX_UNSENT));
    let inner = Inner {
        queue,
        room,
        table: Arc::default(),
        offered: Vec::new(),
        limits: Arc::default(),
        _gone: CancellationToken::new().drop_guard(),
    };
    (Client(Arc::new(inner)), unsent)
}

/// The kind and the number of the next request.
fn sent(unsent: &mut mpsc::UnboundedReceiver<Unsent>) -> Option<(u8, u32)> {
    let mut frame = unsent.try_recv().ok()?.frame;
    let _size = frame.get_u32();
    Some((frame.get_u8(), frame.get_u32()))
}

fn kind_of<T>(answer: Result<T, Error>) -> ErrorKind {
    match answer {
        Err(Error::Broken(failure)) => failure.kind,
        Err(Error::Status(status)) => panic!("{status:?}"),
        Ok(_) => panic!("it was done"),
    }
}

#[tokio::test]
async fn more_than_can_wait_is_refused_until_something_is_sent() {
    let (client, mut unsent) = client();
    let handle = Handle { bytes: Bytes::from_static(b"h"), client: Weak::new() };
    let content = Bytes::from(vec![0; MAX_UNSENT / 2]);
    let mut first = client.write(&handle, 0, content.clone());
    assert_eq!(kind_of(client.write(&handle, 0, content.clone()).await), ErrorKind::Limit);
    assert!((&mut first).now_or_never().is_none(), "it waits");
    assert_eq!(sent(&mut unsent), Some((kind::WRITE, 0)));
    let second = client.write(&handle, 0, content);
    assert_eq!(sent(&mut unsent), Some((kind::WRITE, 1)));
    client.0.table.end(&failure(ErrorKind::ConnectionLost, "lost"));
    assert_eq!([kind_of(first.await), kind_of(second.await)], [ErrorKind::ConnectionLost, ErrorKind::ConnectionLost]);
}

#[tokio::test]
async fn after_the_end_every_request_hears_the_first_reason_and_none_is_sent() {
    let (client, mut unsent) = client();
    client.0.table.end(&failure(ErrorKind::Protocol, "first"));
    client.0.table.end(&failure(ErrorKind::ConnectionLost, "second"));
    assert_eq!(kind_of(client.stat(b"a").await), ErrorKind::Protocol);
    assert_eq!(sent(&mut unsent), None);
}

#[tokio::test]
async fn requests_go_out_in_the_order_of_the_calls_and_a_dropped_handle_is_closed() {
    let (client, mut unsent) = client();
    let table = client.0.table.clone();
    let opening = client.open_file(b"a", OpenFlags::READ, &FileAttributes::default());
    let given_up = client.open_folder(b"b");
    let stat = client.stat(b"c");
    drop(given_up);
    assert_eq!(
        [sent(&mut unsent), sent(&mut unsent), sent(&mut unsent)].map(|sent| sent.map(|(kind, _)| kind)),
        [Some(kind::OPEN), Some(kind::OPENDIR), Some(kind::STAT)]
    );
    // Nobody waits for the second one any more.
    table.answer(Bytes::from_static(b"f\0\0\0\x01\0\0\0\x01h")).expect("sense");
    assert_eq!(sent(&mut unsent), Some((kind::CLOSE, 3)));
    table.answer(Bytes::from_static(b"f\0\0\0\0\0\0\0\x01g")).expect("sense");
    let Ok(handle) = opening.await else { panic!("it is open") };
    assert_eq!(sent(&mut unsent), None);
    drop(handle);
    assert_eq!(sent(&mut unsent), Some((kind::CLOSE, 4)));
    // A handle answers no question about a file.
    table.answer(Bytes::from_static(b"f\0\0\0\x02\0\0\0\x01h")).expect_err("nonsense");
    assert_eq!(kind_of(stat.await), ErrorKind::Protocol);
}
