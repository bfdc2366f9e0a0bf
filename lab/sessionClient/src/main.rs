//! Standard input and output, carried to a port of an instance by a session of Systems Manager: as OpenSSH's ProxyCommand.
//! The session, its data channel and what that takes (handshake, acknowledgements, order, sending again, resuming) are the
//! crate's; here is only what joins it to the two streams.
use aws_ssm_bridge::{documents::SshSession, EndpointPolicy, Session, SessionBuilder};
use futures_util::StreamExt;
use tokio::io::{stdin, stdout, AsyncReadExt, AsyncWriteExt};

type Ended = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Ended {
    let mut words = std::env::args().skip(1);
    let target = words.next().ok_or("usage: session-client INSTANCE PORT")?;
    let port = words.next().ok_or("usage: session-client INSTANCE PORT")?.parse()?;
    let session = SessionBuilder::new(target)
        .document(SshSession::on_port(port))
        // The local cloud has neither AWS's names nor TLS.
        .endpoint_policy(EndpointPolicy::AllowAny)
        .start()
        .await?;
    let mut output = session.output();
    let down = async {
        let mut out = stdout();
        while let Some(bytes) = output.next().await {
            out.write_all(&bytes).await?;
            out.flush().await?;
        }
        Ok(())
    };
    let ended = tokio::select! { ended = up(&session) => ended, ended = down => ended };
    if let Some(reason) = session.close_reason() {
        eprintln!("{reason}");
    }
    session.terminate().await?;
    if let Err(error) = &ended {
        eprintln!("{error}");
    }
    // Not by a return: tokio would wait for whoever writes on standard input.
    std::process::exit(i32::from(ended.is_err()))
}

async fn up(session: &Session) -> Ended {
    let mut bytes = [0; 8192];
    loop {
        let count = stdin().read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        session.send(bytes[..count].to_vec()).await?;
    }
}
