use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

const QUEUE: &str = "kept";

pub fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

pub fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
}

/// Waits for something that happens within half a minute.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An example, which is built with the tests.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

pub fn redis_says(url: &str, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port(url))).unwrap();
    let password = url.split_once("://default:").and_then(|(_, rest)| rest.split_once('@'));
    let login = password.map_or(String::new(), |(password, _)| format!("AUTH {password}\r\n"));
    stream.write_all(format!("{login}{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    if login.is_empty() { answer } else { answer.strip_prefix("+OK\r\n").unwrap().to_owned() }
}

/// Leaves a persistent message in a durable queue.
pub async fn leave_message(url: &str, message: &[u8]) {
    let (_connection, channel) = channel(url).await;
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(QUEUE.into(), durable, Default::default()).await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    let publish = channel.basic_publish("".into(), QUEUE.into(), options, message, persistent);
    assert!(publish.await.unwrap().await.unwrap().is_ack());
}

/// Takes the message that was left; `None` where not even the queue is.
pub async fn take_message(url: &str) -> Option<Vec<u8>> {
    let (_connection, channel) = channel(url).await;
    let message = channel.basic_get(QUEUE.into(), BasicGetOptions::default()).await.ok()??;
    message.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
    Some(message.delivery.data)
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}
