#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::open::open_store;

fn key(text: &str) -> ArtifactKey {
    text.parse().unwrap()
}

fn store() -> (tempfile::TempDir, ObjectArtifactStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&format!("file://{}/objects", folder.path().display())).unwrap();
    (folder, store)
}

#[tokio::test]
async fn bytes_come_back_with_their_checksum() {
    let (_folder, store) = store();
    store.ping().await.unwrap();
    let stored = store.put(&key("a/b.txt"), b"abc".to_vec()).await.unwrap();
    assert_eq!(stored.bytes, 3);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(stored.sha256, abc);
    assert_eq!(store.get(&key("a/b.txt")).await.unwrap(), b"abc");
    let missing = store.get(&key("a/c.txt")).await.unwrap_err();
    assert!(matches!(missing, ArtifactError::NotFound(_)), "{missing}");
}

#[tokio::test]
async fn files_stream_in_and_out() {
    let (folder, store) = store();
    let source = folder.path().join("source");
    // Longer than a part of a multipart upload.
    let content: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&source, &content).unwrap();
    let stored = store.put_file(&key("big/file"), &source).await.unwrap();
    assert_eq!((stored.bytes, stored.sha256.as_str()), (12_000_000, &*sha256_hex(&content)));
    let target = folder.path().join("target");
    store.get_file(&key("big/file"), &stored.sha256, &target).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content);
    assert!(!partial(&target).exists());
    let absent = store.put_file(&key("no"), &folder.path().join("absent")).await;
    assert!(absent.is_err());
    assert!(matches!(store.get(&key("no")).await, Err(ArtifactError::NotFound(_))));
}

#[tokio::test]
async fn a_tampered_object_is_refused_and_leaves_no_file() {
    let (folder, store) = store();
    let stored = store.put(&key("m/model.txt"), b"model".to_vec()).await.unwrap();
    std::fs::write(folder.path().join("objects/m/model.txt"), b"mudel").unwrap();
    let target = folder.path().join("target");
    let refused = store.get_file(&key("m/model.txt"), &stored.sha256, &target).await.unwrap_err();
    assert!(matches!(refused, ArtifactError::Tampered { .. }), "{refused}");
    assert!(!target.exists() && !partial(&target).exists());
}

#[tokio::test]
async fn folders_are_listed_and_deleted_by_whole_segments() {
    let (_folder, store) = store();
    for name in ["job/1/a", "job/1/b", "job/10/a", "other"] {
        store.put(&key(name), name.into()).await.unwrap();
    }
    assert_eq!(store.list(&key("job/1")).await.unwrap(), [key("job/1/a"), key("job/1/b")]);
    assert_eq!(store.delete_prefix(&key("job/1")).await.unwrap(), 2);
    assert_eq!(store.delete_prefix(&key("job/1")).await.unwrap(), 0);
    assert_eq!(store.list(&key("job")).await.unwrap(), [key("job/10/a")]);
    assert_eq!(store.get(&key("other")).await.unwrap(), b"other");
    store.delete(&key("other")).await.unwrap();
    store.delete(&key("other")).await.unwrap();
    assert!(store.get(&key("other")).await.is_err());
}

#[test]
fn keys_cannot_leave_the_store() {
    for text in ["../x", "a/../b", "/etc/passwd", "a//b", "", "a/./b", "a\\b", "a%2e"] {
        assert!(text.parse::<ArtifactKey>().is_err(), "{text}");
    }
}
