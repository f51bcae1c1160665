//! `huginn FILE.pcap`: a line for each answer of huginn-net, address and system, as far as
//! its own fingerprints of TCP name one.

use std::sync::mpsc;

use huginn_net::{Database, HuginnNet};

fn main() {
    let path = std::env::args().nth(1).expect("a capture");
    let (say, said) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let known = Database::load_default().expect("its fingerprints");
        let mut huginn = HuginnNet::new(Some(&known), 10_000, None).expect("a reader");
        huginn.analyze_pcap(&path, say, None).expect("read");
    });
    for it in said {
        let syn = it.tcp_syn.map(|syn| (syn.source.ip, syn.os_matched.os));
        let answer = it.tcp_syn_ack.map(|syn| (syn.source.ip, syn.os_matched.os));
        for (ip, os) in syn.into_iter().chain(answer) {
            let os = os.map(|os| format!("{} {}", os.name, os.variant.unwrap_or_default()));
            println!("{ip}\t{}", os.unwrap_or_default());
        }
        if let Some(request) = it.http_request {
            println!("{}\t", request.source.ip);
        }
        if let Some(answer) = it.http_response {
            println!("{}\t", answer.source.ip);
        }
        if let Some(hello) = it.tls_client {
            println!("{}\t", hello.source.ip);
        }
    }
    let _ = reader.join();
}
