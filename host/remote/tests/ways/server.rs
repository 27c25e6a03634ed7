//! An SSH server that counts: logins, connections, sessions, tunnels. Anybody may log in with the
//! password that `password` gives; each name is this machine.

use crate::request::request;
use hostler_model::{Hop, Secret};
use hostler_remote::{Authentication, Connect};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId, ChannelMsg, ChannelOpenFailure, Sig};
use socket2::{SockRef, Socket};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// The only password of a user.
fn password_of(user: &str) -> String {
    format!("the password of {user}")
}

/// The same, as a request has it.
pub(crate) fn password(user: &str) -> Vec<Authentication> {
    vec![Authentication::Password(Secret::new(password_of(user)))]
}

/// A listening server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
}

/// What the server counts, and how it behaves.
pub(crate) struct State {
    /// Passwords that came.
    pub(crate) attempts: AtomicUsize,
    /// Successful logins.
    pub(crate) logins: AtomicUsize,
    /// Connections that are not logged in, and the most that there were.
    pub(crate) strangers: Count,
    pub(crate) connections: Count,
    pub(crate) sessions: Count,
    pub(crate) tunnels: Count,
    /// Sessions that have ever been opened.
    pub(crate) all_sessions: AtomicUsize,
    /// Sessions allowed on one connection.
    pub(crate) max_sessions: AtomicUsize,
    /// How many sessions are refused before there is room.
    pub(crate) no_room: AtomicUsize,
    /// How many connections are closed before they hear anything.
    pub(crate) turn_away: AtomicUsize,
    /// How many after them hear what sshd says when there are too many.
    pub(crate) busy: AtomicUsize,
    /// Passwords and channels wait for one of these.
    pub(crate) password_gate: Semaphore,
    pub(crate) channel_gate: Arc<Semaphore>,
    /// Channels that wait there.
    pub(crate) at_channel_gate: Count,
    sockets: Mutex<Vec<Socket>>,
}

/// A number whose changes can be awaited.
pub(crate) struct Count {
    now: watch::Sender<usize>,
    most: AtomicUsize,
}

impl Count {
    fn new() -> Self {
        Self { now: watch::Sender::new(0), most: AtomicUsize::new(0) }
    }

    fn up(&self) {
        self.now.send_modify(|now| *now += 1);
        self.most.fetch_max(*self.now.borrow(), Ordering::Relaxed);
    }

    fn down(&self) {
        self.now.send_modify(|now| *now -= 1);
    }

    pub(crate) fn now(&self) -> usize {
        *self.now.borrow()
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Waits until it is `wanted`.
    pub(crate) async fn is(&self, wanted: usize) {
        let mut now = self.now.subscribe();
        let came = timeout(Duration::from_secs(30), now.wait_for(|now| *now == wanted)).await.is_ok();
        assert!(came, "it is {}, not {wanted}", self.now());
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let state = Arc::new(State {
            attempts: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            strangers: Count::new(),
            connections: Count::new(),
            sessions: Count::new(),
            tunnels: Count::new(),
            all_sessions: AtomicUsize::new(0),
            max_sessions: AtomicUsize::new(usize::MAX),
            no_room: AtomicUsize::new(0),
            turn_away: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            password_gate: Semaphore::new(Semaphore::MAX_PERMITS),
            channel_gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            at_channel_gate: Count::new(),
            sockets: Mutex::default(),
        });
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("key");
        // A small window: whoever writes through a tunnel is soon held up.
        let config = Arc::new(Config {
            keys: vec![key],
            auth_rejection_time: Duration::ZERO,
            window_size: 64 << 10,
            ..Config::default()
        });
        tokio::spawn(serve(listener, config, state.clone()));
        Self { address, state }
    }

    pub(crate) fn logins(&self) -> usize {
        self.state.logins.load(Ordering::Relaxed)
    }

    /// Ends all connections as a cut cable would.
    pub(crate) fn cut(&self) {
        let sockets = std::mem::take(&mut *self.state.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        for socket in sockets {
            // It may be over already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// A request for a shared session of `user`, with the right password.
    pub(crate) fn connect(&self, user: &str) -> Connect {
        Connect { reuse: true, ..request(self.address, user, &password_of(user)) }
    }

    /// A request for a session of `user`, which is not shared, through jump hosts, each logged in to as `jumper`.
    pub(crate) fn connect_through(&self, jumps: &[&Server], user: &str) -> Connect {
        let hop =
            |server: &&Server| Hop { host: "127.0.0.1".into(), port: server.address.port(), user: "jumper".into() };
        let mut request = self.connect(user);
        request.reuse = false;
        request.addresses = vec![jumps[0].address];
        request.target.jumps = jumps.iter().map(hop).collect();
        request.jumps = jumps.iter().map(|_| password("jumper")).collect();
        request
    }
}

fn takes_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

async fn serve(listener: TcpListener, config: Arc<Config>, state: Arc<State>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        if takes_one(&state.turn_away) {
            continue;
        }
        if takes_one(&state.busy) {
            // So that it is not cut off by a reset.
            assert!(stream.read(&mut [0; 512]).await.expect("greeting") > 0);
            stream.write_all(b"Exceeded MaxStartups\r\n").await.expect("words");
            continue;
        }
        let socket = SockRef::from(&stream).try_clone().expect("a descriptor");
        state.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        let (config, state) = (config.clone(), state.clone());
        state.connections.up();
        state.strangers.up();
        let guest = Guest { state: state.clone(), user: None, sessions: Arc::default() };
        tokio::spawn(async move {
            if let Ok(session) = run_stream(config, stream, guest).await {
                let _end = session.await;
            }
            state.connections.down();
        });
    }
}

struct Guest {
    state: Arc<State>,
    user: Option<String>,
    sessions: Arc<AtomicUsize>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.user.is_none() {
            self.state.strangers.down();
        }
    }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, given: &str) -> Result<Auth, russh::Error> {
        self.state.attempts.fetch_add(1, Ordering::Relaxed);
        self.state.password_gate.acquire().await.expect("never closed").forget();
        if given != password_of(user) {
            return Ok(Auth::reject());
        }
        self.state.logins.fetch_add(1, Ordering::Relaxed);
        self.state.strangers.down();
        self.user = Some(user.into());
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if takes_one(&self.state.no_room) {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        if self.sessions.fetch_add(1, Ordering::Relaxed) >= self.state.max_sessions.load(Ordering::Relaxed) {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        let (state, sessions) = (self.state.clone(), self.sessions.clone());
        let user = self.user.clone().unwrap_or_default();
        tokio::spawn(async move {
            state.pass_channel_gate().await;
            state.sessions.up();
            state.all_sessions.fetch_add(1, Ordering::Relaxed);
            reply.accept().await;
            let _sent = play(channel, &user).await;
            state.sessions.down();
            sessions.fetch_sub(1, Ordering::Relaxed);
        });
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if host == "forbidden" {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        let (state, port) = (self.state.clone(), u16::try_from(port).expect("a port"));
        tokio::spawn(async move {
            state.pass_channel_gate().await;
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
                return reply.reject(ChannelOpenFailure::ConnectFailed).await;
            };
            state.tunnels.up();
            reply.accept().await;
            let _end = copy_bidirectional(&mut channel.into_stream(), &mut stream).await;
            state.tunnels.down();
        });
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        session.channel_success(id)
    }
}

impl State {
    async fn pass_channel_gate(&self) {
        self.at_channel_gate.up();
        self.channel_gate.acquire().await.expect("never closed").forget();
        self.at_channel_gate.down();
    }
}

/// Waits for a command and does what its first word says.
async fn play(mut channel: Channel<Msg>, user: &str) -> Result<(), russh::Error> {
    let command = loop {
        match channel.wait().await {
            Some(ChannelMsg::Exec { command, .. }) => break String::from_utf8_lossy(&command).into_owned(),
            Some(ChannelMsg::Close) | None => return Ok(()),
            Some(_) => {}
        }
    };
    match command.split(' ').next().unwrap_or_default() {
        "whoami" => channel.data_bytes(user.to_owned()).await?,
        // 1 MiB.
        "noise" => channel.data_bytes(vec![b'n'; 1 << 20]).await?,
        // The command has ended, but something keeps its output open.
        "background" => {
            channel.exit_status(0).await?;
            while !matches!(channel.wait().await, Some(ChannelMsg::Close) | None) {}
            return Ok(());
        }
        "hang" => {
            channel.data_bytes("started").await?;
            loop {
                match channel.wait().await {
                    Some(ChannelMsg::Signal { signal: Sig::TERM }) => break,
                    Some(ChannelMsg::Close) | None => return Ok(()),
                    Some(_) => {}
                }
            }
        }
        _ => {}
    }
    channel.exit_status(0).await?;
    channel.eof().await?;
    channel.close().await
}
