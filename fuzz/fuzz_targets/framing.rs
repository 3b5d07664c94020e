//! Bytes as a stream: cut in pieces of any size, the same messages come out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parser::framing::{Framed, Framing};
use parser::{Fault, Frame, Message};

#[derive(Debug, PartialEq)]
enum Out {
    Message(Vec<u8>),
    Ping,
    Lost(Fault),
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, stream)) = input.split_first() else { return };
    let whole = cut(stream, stream.len().max(1));
    let pieces = cut(stream, usize::from(first % 16) + 1);
    assert_eq!(whole, pieces);
    for out in whole {
        if let Out::Message(bytes) = out
            && let Ok(message) = Message::parse(Frame::copy_of(&bytes))
        {
            assert_eq!(message.bytes(), bytes, "framing and parsing agree where a message ends");
        }
    }
});

fn cut(stream: &[u8], step: usize) -> Vec<Out> {
    let (mut framing, mut held, mut outs) = (Framing::default(), Vec::new(), Vec::new());
    for piece in stream.chunks(step) {
        held.extend_from_slice(piece);
        loop {
            let consumed = match framing.next(&held) {
                Framed::Message { len } => {
                    outs.push(Out::Message(held[..len].to_vec()));
                    len
                }
                Framed::Ping { len } => {
                    outs.push(Out::Ping);
                    len
                }
                Framed::Pong { len } => len,
                Framed::NeedMore { at_least } => {
                    assert!(at_least > held.len());
                    break;
                }
                Framed::Lost(fault) => {
                    outs.push(Out::Lost(fault));
                    return outs;
                }
            };
            assert!(consumed > 0);
            held.drain(..consumed);
        }
    }
    outs
}
