//! The words of the protocol, compared with those of another implementation.

use super::attributes::{FileAttributes, OpenFlags};
use super::error::{Nonsense, Status, StatusCode};
use super::frames::Frames;
use super::greeting::{Extension, Greeting, Limits};
use super::packet::{Name, Request, Response, kind, take_string};
use bytes::{BufMut, Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use russh_sftp::protocol::{self as other, Packet};

fn attributes() -> impl Strategy<Value = FileAttributes> {
    let (two, one) = (any::<(u32, u32)>(), any::<u32>());
    (option::of(any::<u64>()), option::of(two), option::of(one), option::of(two))
        .prop_map(|(size, owner, mode, times)| FileAttributes { size, owner, mode, times })
}

/// The same in the other implementation's words.
fn theirs(attributes: &FileAttributes) -> other::FileAttributes {
    other::FileAttributes {
        size: attributes.size,
        uid: attributes.owner.map(|(user, _)| user),
        gid: attributes.owner.map(|(_, group)| group),
        permissions: attributes.mode,
        atime: attributes.times.map(|(accessed, _)| accessed),
        mtime: attributes.times.map(|(_, modified)| modified),
        ..other::FileAttributes::empty()
    }
}

/// What the other implementation understands of a request.
fn heard(request: Request, number: u32) -> Packet {
    let (frame, content) = request.numbered(number);
    let mut all = Bytes::from([frame, content].concat());
    let packet = take_string(&mut all).expect("one packet");
    assert!(all.is_empty(), "the length is right");
    Packet::try_from(&mut packet.clone()).expect("understood")
}

/// What we understand of its answer.
fn answer(packet: impl Into<Packet>) -> (u32, Response) {
    let mut all = Bytes::try_from(packet.into()).expect("bytes");
    Response::read(take_string(&mut all).expect("one packet")).expect("understood")
}

fn same(theirs: &other::FileAttributes, ours: &FileAttributes) -> bool {
    (theirs.size, theirs.uid, theirs.gid, theirs.permissions, theirs.atime, theirs.mtime)
        == (
            ours.size,
            ours.owner.map(|owner| owner.0),
            ours.owner.map(|owner| owner.1),
            ours.mode,
            ours.times.map(|times| times.0),
            ours.times.map(|times| times.1),
        )
}

proptest! {
    #[test]
    fn what_we_ask_is_understood(number: u32, path: String, to: String, offset: u64, content: Vec<u8>, given in attributes()) {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let open = Request::new(kind::OPEN).string(path.as_bytes()).number(flags.bits()).attributes(&given);
        let Packet::Open(open) = heard(open, number) else { panic!("to open") };
        prop_assert_eq!((open.id, &open.filename), (number, &path));
        let theirs = other::OpenFlags::WRITE | other::OpenFlags::CREATE | other::OpenFlags::EXCLUDE;
        prop_assert_eq!(open.pflags.bits(), theirs.bits());
        prop_assert!(same(&open.attrs, &given), "{:?}", given);

        let write = Request::new(kind::WRITE).string(path.as_bytes()).long(offset).content(content.clone().into());
        let Packet::Write(write) = heard(write, number) else { panic!("to write") };
        prop_assert_eq!((write.id, &write.handle, write.offset, write.data), (number, &path, offset, content));

        let read = Request::new(kind::READ).string(path.as_bytes()).long(offset).number(number);
        let Packet::Read(read) = heard(read, number) else { panic!("to read") };
        prop_assert_eq!((&read.handle, read.offset, read.len), (&path, offset, number));

        let rename = Request::new(kind::RENAME).string(path.as_bytes()).string(to.as_bytes());
        let Packet::Rename(rename) = heard(rename, number) else { panic!("to rename") };
        prop_assert_eq!((rename.oldpath, rename.newpath), (path, to));
    }

    #[test]
    fn what_is_answered_is_understood(number: u32, text: String, content: Vec<u8>, given in vec(("[^/]*", attributes()), 0..5)) {
        let code = other::StatusCode::PermissionDenied;
        let (id, error_message, language_tag) = (number, text.clone(), "en".to_owned());
        let status = Status { code: StatusCode::PermissionDenied, message: text.clone() };
        let said = other::Status { id, status_code: code, error_message, language_tag };
        prop_assert_eq!(answer(said), (number, Response::Status(status)));
        let said = other::Data { id, data: content.clone() };
        prop_assert_eq!(answer(said), (number, Response::Data(content.clone().into())));
        let said = Packet::ExtendedReply(other::ExtendedReply { id, data: content.clone() });
        prop_assert_eq!(answer(said), (number, Response::Extended(content.into())));
        let files = given.iter().map(|(name, attributes)| other::File::new(name, theirs(attributes))).collect();
        let names = given.iter().map(|(name, attributes)| Name { name: name.as_bytes().into(), attributes: *attributes });
        prop_assert_eq!(answer(other::Name { id, files }), (number, Response::Names(names.collect())));
        if let Some((name, attributes)) = given.first() {
            let attrs = theirs(attributes);
            prop_assert_eq!(answer(other::Attrs { id, attrs }), (number, Response::Attributes(*attributes)));
            if name.len() <= 256 {
                let handle = name.clone();
                let ours = Response::Handle(name.clone().into());
                prop_assert_eq!(answer(other::Handle { id, handle }), (number, ours));
            }
        }
    }

    #[test]
    fn packets_come_out_as_they_went_in_wherever_they_are_cut(
        packets in vec(vec(any::<u8>(), 1..200), 1..10),
        cuts in vec(1..90_usize, 1..20),
    ) {
        let mut all = BytesMut::new();
        for packet in &packets {
            all.put_u32(u32::try_from(packet.len()).expect("short"));
            all.put_slice(packet);
        }
        let (mut all, mut cuts) = (all.freeze(), cuts.into_iter().cycle());
        let (mut frames, mut came) = (Frames::default(), Vec::new());
        while !all.is_empty() {
            frames.add(all.split_to(cuts.next().expect("endless").min(all.len())));
            while let Some(packet) = frames.next().expect("sense") {
                came.push(packet.to_vec());
            }
        }
        prop_assert_eq!(came, packets);
    }

    #[test]
    fn no_bytes_break_the_reading(pieces in vec(vec(any::<u8>(), 0..60), 0..5), kind in 100_u8..202) {
        let mut frames = Frames::default();
        for piece in pieces {
            let _sense = Response::read(piece.clone().into());
            let _sense = Response::read([&[kind][..], &piece].concat().into());
            let _sense = Greeting::read([&[kind::VERSION][..], &piece].concat().into());
            frames.add(piece.into());
            while let Ok(Some(_)) = frames.next() {}
        }
    }
}

#[test]
fn a_packet_in_one_piece_is_not_copied() {
    let data = Bytes::from_static(b"\0\0\0\x03abc\0\0\0\x01d\xff\xff");
    let mut frames = Frames::default();
    frames.add(data.clone());
    let packet = frames.next().expect("sense").expect("a packet");
    assert_eq!((packet.as_ptr(), &packet[..]), (data[4..].as_ptr(), &b"abc"[..]));
    assert_eq!(frames.next().expect("sense").expect("a packet"), &b"d"[..]);
    assert_eq!(frames.next(), Ok(None));
    frames.add(Bytes::from_static(b"\xff\xff"));
    assert_eq!(frames.next(), Err(Nonsense("a packet that is too long")));
}

#[test]
fn a_handle_or_a_name_may_be_any_bytes() {
    let odd: Vec<u8> = (0..=255).collect();
    let request = Request::new(kind::FSTAT).string(&odd).numbered(7).0;
    assert!(request.ends_with(&odd));
    let packet = [&[kind::HANDLE, 0, 0, 0, 7, 0, 0, 1, 0][..], &odd].concat();
    assert_eq!(Response::read(packet.into()), Ok((7, Response::Handle(odd.into()))));
    let long = [&[kind::HANDLE, 0, 0, 0, 7, 0, 0, 1, 1][..], &[0; 257]].concat();
    assert_eq!(Response::read(long.into()), Err(Nonsense("a handle of more than 256 bytes")));
}

#[test]
fn a_greeting_tells_what_a_server_offers_in_our_version_of_it() {
    let greeting = |version: u8, extensions: &[&str]| {
        let mut packet = BytesMut::from(&[kind::VERSION, 0, 0, 0, version][..]);
        for text in extensions {
            packet.put_u32(u32::try_from(text.len()).expect("short"));
            packet.put_slice(text.as_bytes());
        }
        Greeting::read(packet.freeze()).map(|greeting| greeting.offered)
    };
    let named = ["fsync@openssh.com", "1", "statvfs@openssh.com", "3", "vendor-id", "\u{1}", "limits@openssh.com", "1"];
    assert_eq!(greeting(3, &named), Ok(vec![Extension::Fsync, Extension::Limits]));
    for other in [2, 4] {
        assert_eq!(greeting(other, &[]), Err(Nonsense("another version of the protocol")));
    }
    assert_eq!(greeting(3, &named[..1]), Err(Nonsense("a packet that is too short")));
}

#[test]
fn limits_are_kept_to_what_makes_sense() {
    let limits = |read: u64, handles: u64| {
        let said = [1 << 30, read, 1 << 40, handles].map(u64::to_be_bytes).concat();
        Limits::take(&mut said.into()).expect("understood")
    };
    assert_eq!(limits(100_000, 1024), Limits { read: 100_000, write: 255 << 10, handles: Some(1024) });
    assert_eq!(limits(0, 0), Limits { read: 255 << 10, write: 255 << 10, handles: None });
    assert_eq!(limits(1, 0).read, 32 << 10);
}
