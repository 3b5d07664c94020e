use std::time::Duration;

use glommio::{LocalExecutorBuilder, Placement};

use crate::limits::{QUARANTINE_FILES_MAX, QUARANTINE_PENDING_MAX};
use crate::quarantine::{Background, Quarantine};

#[test]
fn messages_reach_the_disk_while_the_shard_lets_glommio_advance() {
    let folder = std::env::temp_dir().join(format!("tandem-quarantine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let place = folder.clone();
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(64 << 10)
        .make()
        .unwrap();
    executor.run(async move {
        let background = Background::default();
        let mut quarantine = Quarantine::new(place, 3, background.clone());
        assert!(!background.is_busy());
        for _ in 0..QUARANTINE_PENDING_MAX {
            assert!(quarantine.keep(
                7_000_000,
                b"index out of\nbounds",
                b"INVITE sip:a SIP/2.0\r\n"
            ));
        }
        assert!(
            !quarantine.keep(7_000_000, b"", b"one too many"),
            "what is pending is bounded"
        );
        for _ in 0..2_000 {
            if !background.is_busy() {
                break;
            }
            glommio::timer::sleep(Duration::from_millis(1)).await;
        }
        assert!(
            !background.is_busy(),
            "it did not reach the disk within 2 s"
        );
    });
    let text = std::fs::read_to_string(folder.join("quarantine-7-3-1.sip")).unwrap();
    assert_eq!(text, "; index out of bounds\nINVITE sip:a SIP/2.0\r\n");
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        QUARANTINE_PENDING_MAX
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_run_leaves_only_so_many_files() {
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(64 << 10)
        .make()
        .unwrap();
    let kept = executor.run(async {
        let background = Background::default();
        // Nowhere: what counts is how many would be written.
        let mut quarantine = Quarantine::new("/nonexistent".into(), 0, background.clone());
        let mut kept = 0;
        for _ in 0..2 * QUARANTINE_FILES_MAX {
            kept += u64::from(quarantine.keep(7_000_000, b"", b"x"));
            for _ in 0..2_000 {
                if !background.is_busy() {
                    break;
                }
                glommio::timer::sleep(Duration::from_micros(100)).await;
            }
        }
        kept
    });
    assert_eq!(kept, QUARANTINE_FILES_MAX);
}
