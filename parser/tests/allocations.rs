//! A normal message costs no allocation once the pools are warm: read, checked, edited, written, answered.

use allocation_counter::measure;
use parser::framing::Framing;
use parser::{Draft, Frame, HeaderName, Message, Peek, Response, Uri};

fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

#[test]
fn a_normal_message_allocates_nothing() {
    let invite = include_str!("../testdata/invite.sip").replace('\n', "\r\n");
    let (mut draft, mut branch, mut out) = (Draft::new(), Draft::new(), Vec::with_capacity(8_192));
    let mut handle = || {
        let peek = Peek::read(invite.as_bytes());
        assert!(peek.call_id.is_some());
        let framed = Framing::default().next(invite.as_bytes());
        assert_eq!(
            framed,
            parser::framing::Framed::Message { len: invite.len() }
        );
        let mut message = Message::parse(Frame::copy_of(invite.as_bytes())).expect("well-formed");
        message.check().expect("well-formed");
        assert!(Uri::parse(message.request_uri()).is_ok());
        assert!(message.top_via().has_magic_cookie());
        assert_eq!(message.from_tag(), Some(&b"9fxced76sl"[..]));
        assert_eq!(message.list(HeaderName::Allow).count(), 5);
        assert!(
            message
                .contacts()
                .next()
                .expect("a contact")
                .value
                .uri()
                .is_ok()
        );
        draft.clear();
        draft.set_request_uri(b"sip:bob@10.0.0.1");
        draft.prepend_header(b"Record-Route: <sip:10.0.0.2;lr>");
        draft.prepend_header(b"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1");
        draft.set_max_forwards(69);
        draft.stamp_received(&message, "10.0.0.9:5060".parse().expect("an address"));
        branch.copy_from(&draft);
        branch.remove_first_of_list(&message, HeaderName::Allow);
        out.clear();
        branch.write(&message, &mut out);
        Response {
            code: 100,
            ..Response::default()
        }
        .write(&message, &mut out);
        let moved = message.into_frame();
        assert_eq!(moved.len(), invite.len());
    };
    let cold = allocations(&mut handle);
    assert!(cold > 0, "the counter counts");
    assert_eq!(allocations(&mut handle), 0);
}

#[test]
fn pools_are_bounded_and_frames_may_migrate() {
    let frames: Vec<Frame> = (0..100).map(|_| Frame::copy_of(&[7; 3_000])).collect();
    #[expect(clippy::disallowed_methods, reason = "this test is about threads")]
    let elsewhere =
        std::thread::spawn(move || frames.iter().map(|frame| frame.len()).sum::<usize>());
    assert_eq!(elsewhere.join().expect("ends"), 300_000);
    assert!(
        allocations(|| drop(Frame::with_capacity(3_000))) <= 2,
        "the room went with its frame"
    );
    assert_eq!(allocations(|| drop(Frame::with_capacity(3_000))), 0);
}
